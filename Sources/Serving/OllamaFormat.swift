import Deployments
import Foundation
import JSON
import OllamaAPI
import OpenAIAPI

/// Answers of Ollama's own API.
struct OllamaFormat: AnswerFormat {
    let kind: OllamaReply.Kind
    /// The model's name as the request had it.
    let model: String
    /// The time of day: every line tells when it was made.
    let now: @Sendable () -> Date
    /// Makes names for calls.
    let makeID: @Sendable () -> String
    /// The call that is being written, and how many were.
    private var call: AnswerSegment?
    private var callCount = 0

    init(
        kind: OllamaReply.Kind,
        model: String,
        now: @escaping @Sendable () -> Date,
        makeID: @escaping @Sendable () -> String
    ) {
        self.kind = kind
        self.model = model
        self.now = now
        self.makeID = makeID
    }

    var framing: StreamFraming { .lines }
    /// A line without text: clients read every line, so a comment there cannot be.
    var silence: JSONValue? { reply("").json }

    mutating func opening() -> [JSONValue] { [] }

    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue] {
        switch event {
        case .text(_, let delta, _, _):
            return delta.isEmpty ? [] : [reply(delta).json]
        case .part(_, let part):
            return reply(to: part).map { [$0.json] } ?? []
        case .started, .promptLogprobs, .finished, .usage, .failed:
            return []
        }
    }

    /// Calls are written when they are whole; one that is cut off is not written at all.
    private mutating func reply(to part: AnswerDelta) -> OllamaReply? {
        switch part {
        case .reasoning(let thought):
            return thought.isEmpty ? nil : reply("", thinking: thought)
        case .content(let text):
            return text.isEmpty ? nil : reply(text)
        case .callStart(_, let name):
            call = AnswerSegment(kind: .call(name))
        case .callArguments(_, let text):
            call?.text += text
        case .callEnd(_, let isComplete):
            call?.isComplete = isComplete
            defer { call = nil }
            guard let wire = call.flatMap({ wireCall($0, index: callCount) }) else { return nil }
            callCount += 1
            var reply = reply("")
            reply.calls = [wire]
            return reply
        }
        return nil
    }

    /// nil for what is no call, or none that came to its end.
    private func wireCall(_ segment: AnswerSegment, index: Int) -> OllamaReply.Call? {
        guard case .call(let name) = segment.kind, segment.isComplete,
            let arguments = JSONObject(arguments: segment.text)
        else { return nil }
        return OllamaReply.Call(id: "call_" + makeID(), index: index, name: name, arguments: arguments)
    }

    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue] {
        [reply("", ending: ending(answers, timing)).json]
    }

    func failure(_ error: APIError) -> JSONValue { error.ollamaJSON }

    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue {
        let answer = answers.answers[0]
        var reply = reply(answer.text, thinking: answer.reasoning, ending: ending(answers, timing))
        for segment in answer.segments {
            if let call = wireCall(segment, index: reply.calls.count) { reply.calls.append(call) }
        }
        return reply.json
    }

    /// The answer to a request that only asks for the model, which is there already.
    var loaded: JSONValue { reply("", ending: OllamaReply.Ending(reason: "load")).json }

    private func reply(
        _ text: String,
        thinking: String = "",
        ending: OllamaReply.Ending? = nil
    ) -> OllamaReply {
        var reply = OllamaReply(kind: kind, model: model, created: now(), text: text, ending: ending)
        reply.thinking = thinking
        return reply
    }

    private func ending(_ answers: AnswerCollector, _ timing: RunTiming) -> OllamaReply.Ending {
        OllamaReply.Ending(
            reason: (answers.answers[0].finish?.reason ?? .length).rawValue,
            counts: OllamaReply.Counts(
                promptTokens: answers.usage.promptTokens,
                answerTokens: answers.usage.completionTokens,
                waiting: timing.waiting,
                prefill: timing.prefill,
                decode: timing.decode
            )
        )
    }
}
