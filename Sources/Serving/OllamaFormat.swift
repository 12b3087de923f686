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

    var framing: StreamFraming { .lines }
    /// A line without text: clients read every line, so a comment there cannot be.
    var silence: JSONValue? { reply("").json }

    mutating func opening() -> [JSONValue] { [] }

    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue] {
        switch event {
        case .text(_, let delta, _, _):
            return delta.isEmpty ? [] : [reply(delta).json]
        case .part(_, .reasoning(let thought)):
            return thought.isEmpty ? [] : [reply("", thinking: thought).json]
        case .started, .part, .promptLogprobs, .finished, .usage, .failed:
            return []
        }
    }

    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue] {
        [reply("", ending: ending(answers, timing)).json]
    }

    func failure(_ error: APIError) -> JSONValue { error.ollamaJSON }

    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue {
        let answer = answers.answers[0]
        return reply(answer.text, thinking: answer.parts.reasoning, ending: ending(answers, timing)).json
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
