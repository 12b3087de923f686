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
        guard case .text(_, let delta, _, _) = event, !delta.isEmpty else { return [] }
        return [reply(delta).json]
    }

    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue] {
        [reply("", ending: ending(answers, timing)).json]
    }

    func failure(_ error: APIError) -> JSONValue { error.ollamaJSON }

    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue {
        reply(answers.answers[0].text, ending: ending(answers, timing)).json
    }

    /// The answer to a request that only asks for the model, which is there already.
    var loaded: JSONValue { reply("", ending: OllamaReply.Ending(reason: "load")).json }

    private func reply(_ text: String, ending: OllamaReply.Ending? = nil) -> OllamaReply {
        OllamaReply(kind: kind, model: model, created: now(), text: text, ending: ending)
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
