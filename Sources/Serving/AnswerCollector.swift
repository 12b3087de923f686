import Deployments
import JSON
import OpenAIAPI
import Tokenization

/// Gathers the events of a run into whole answers. Pure: no clock, no `await`.
struct AnswerCollector: Sendable {
    /// One answer so far.
    struct Answer: Sendable {
        /// Takes down what comes.
        fileprivate var recorded = AnswerSegments()
        var tokens: [Int] = []
        var logprobs: [WireLogprob] = []
        /// nil while the answer is not complete.
        var finish: WireFinish?

        /// The mean log probability of its tokens, by which answers to one prompt are compared.
        var likelihood: Float {
            logprobs.isEmpty ? -.infinity : logprobs.reduce(0) { $0 + $1.logprob } / Float(logprobs.count)
        }

        /// Thoughts, texts and calls, in the order in which they came.
        var segments: [AnswerSegment] { recorded.list }
        /// What is said, without thoughts and calls.
        var text: String { text(of: .text) }
        /// What was thought before it was said.
        var reasoning: String { text(of: .thought) }
        var calls: [ToolCall] {
            segments.compactMap { segment in
                guard case .call(let name) = segment.kind else { return nil }
                return ToolCall(name: name, arguments: segment.text)
            }
        }

        /// Whether there are calls, and each came to its end.
        var hasWholeCalls: Bool {
            let calls = segments.filter { if case .call = $0.kind { true } else { false } }
            return !calls.isEmpty && calls.allSatisfy(\.isComplete)
        }

        private func text(of kind: AnswerSegment.Kind) -> String {
            segments.reduce(into: "") { if $1.kind == kind { $0 += $1.text } }
        }
    }

    /// Answers of all prompts: those of the first prompt first.
    private(set) var answers: [Answer]
    /// The log probabilities of every prompt's tokens, once they are known.
    private(set) var promptLogprobs: [[TextLogprob?]?]
    private(set) var usage = Usage()
    /// Why a generation broke.
    private(set) var failure: String?
    private var choiceCount: Int

    /// - Parameter countsTime: whether the usage tells the time of computing.
    init(promptCount: Int, choiceCount: Int, countsTime: Bool = false) {
        self.choiceCount = choiceCount
        if countsTime { usage.computeTime = .zero }
        answers = Array(repeating: Answer(), count: promptCount * choiceCount)
        promptLogprobs = Array(repeating: nil, count: promptCount)
    }

    /// Whether every answer has come to its end.
    var isComplete: Bool { failure == nil && answers.allSatisfy { $0.finish != nil } }

    /// Keeps the `count` likeliest answers to each prompt, the likeliest first.
    mutating func keepBest(_ count: Int) {
        let groups = stride(from: 0, to: answers.count, by: choiceCount).map { answers[$0..<($0 + choiceCount)] }
        answers = groups.flatMap { $0.sorted { $0.likelihood > $1.likelihood }.prefix(count) }
        choiceCount = count
    }

    mutating func take(_ event: TextEvent, prompt: Int) {
        let first = prompt * choiceCount
        if let choice = event.choice { _ = answers[first + choice].recorded.take(event) }
        switch event {
        case .started, .part: break
        case .promptLogprobs(let logprobs): promptLogprobs[prompt] = logprobs
        case .text(let choice, _, let tokens, let logprobs):
            answers[first + choice].tokens += tokens.map { Int($0.rawValue) }
            answers[first + choice].logprobs += logprobs.map(WireLogprob.init)
        case .finished(let choice, let finish): answers[first + choice].finish = WireFinish(ending: finish)
        case .usage(let counts):
            usage.add(counts)
            usage.reasoningTokens = answers.reduce(0) { $0 + $1.recorded.reasoningTokenCount }
        case .failed(let message): failure = message
        }
    }
}

extension TextEvent {
    /// The choice that the event is about; nil for one about them all.
    fileprivate var choice: Int? {
        switch self {
        case .started(let choice, _), .text(let choice, _, _, _), .part(let choice, _), .finished(let choice, _):
            choice
        case .promptLogprobs, .usage, .failed: nil
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
        if let known = computeTime { computeTime = known + counts.computeTime }
    }
}
