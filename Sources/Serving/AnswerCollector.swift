import Deployments
import JSON
import OpenAIAPI
import Tokenization

/// Gathers the events of a run into whole answers. Pure: no clock, no `await`.
struct AnswerCollector: Sendable {
    /// One answer so far.
    struct Answer: Sendable {
        var text = ""
        /// What is no text of its own: thoughts and calls.
        var parts = ParsedAnswer()
        var tokens: [Int] = []
        var logprobs: [WireLogprob] = []
        /// nil while the answer is not complete.
        var finish: WireFinish?
    }

    /// Answers of all prompts: those of the first prompt first.
    private(set) var answers: [Answer]
    /// The log probabilities of every prompt's tokens, once they are known.
    private(set) var promptLogprobs: [[TextLogprob?]?]
    private(set) var usage = Usage()
    /// Why a generation broke.
    private(set) var failure: String?
    private let choiceCount: Int

    init(promptCount: Int, choiceCount: Int) {
        self.choiceCount = choiceCount
        answers = Array(repeating: Answer(), count: promptCount * choiceCount)
        promptLogprobs = Array(repeating: nil, count: promptCount)
    }

    /// Whether every answer has come to its end.
    var isComplete: Bool { failure == nil && answers.allSatisfy { $0.finish != nil } }

    mutating func take(_ event: TextEvent, prompt: Int) {
        let first = prompt * choiceCount
        switch event {
        case .started: break
        case .promptLogprobs(let logprobs): promptLogprobs[prompt] = logprobs
        case .text(let choice, let delta, let tokens, let logprobs):
            answers[first + choice].text += delta
            answers[first + choice].tokens += tokens.map { Int($0.rawValue) }
            answers[first + choice].logprobs += logprobs.map(WireLogprob.init)
        case .part(let choice, let delta): answers[first + choice].parts.add(delta)
        case .finished(let choice, let finish): answers[first + choice].finish = WireFinish(ending: finish)
        case .usage(let counts): usage.add(counts)
        case .failed(let message): failure = message
        }
    }
}

extension WireFinish {
    /// nil for an answer that was cut off.
    init?(ending finish: TextFinish) {
        switch finish {
        case .endOfSequence: self.init(.stop)
        case .stopString(let text): self.init(.stop, stop: .string(text))
        case .stopToken(let token): self.init(.stop, stop: .integer(Int64(token.rawValue)))
        case .length: self.init(.length)
        case .cancelled: return nil
        }
    }
}

extension WireLogprob {
    init(_ logprob: TextLogprob) {
        self.init(
            bytes: logprob.bytes,
            logprob: logprob.logprob,
            alternatives: logprob.alternatives.map(WireLogprob.init)
        )
    }
}

extension Usage {
    /// Adds the counts of one prompt's generation.
    mutating func add(_ counts: TextUsage) {
        promptTokens += counts.promptTokenCount
        completionTokens += counts.completionTokenCount
        cachedTokens += counts.cachedTokenCount
    }
}
