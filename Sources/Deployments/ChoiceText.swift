import Inference
import Tokenization

/// Turns one choice's token events into text events: detokenises, matches stop strings, counts.
///
/// A value that decides; `Deployment` acts on what it returns.
struct ChoiceText {
    /// What one engine event became.
    struct Outcome {
        var events: [TextEvent] = []
        /// Whether the choice has ended for the caller.
        var isFinished = false
        /// Whether the engine must be told to stop, because a stop string ended the answer before it did.
        var cancelsRequest = false
    }

    /// Prompt tokens found in the prefix cache.
    private(set) var cachedTokenCount = 0
    /// Tokens generated so far; at the end with the one that ended the answer, which is not part of it.
    private(set) var completionTokenCount = 0

    private let choice: Int
    private let tokenizer: Tokenizer
    private let stopTokens: Set<TokenID>
    private var detokenizer: Detokenizer
    private var matcher: StopStringMatcher
    /// Tells the parts of an answer apart; nil when all of it is text.
    private var parser: ToolCallParser?

    init(
        choice: Int,
        tokenizer: Tokenizer,
        request: TextRequest,
        _ interpretation: AnswerInterpretation? = nil
    ) {
        parser = interpretation.map { ToolCallParser($0.expectation) }
        let parameters = request.parameters
        self.choice = choice
        self.tokenizer = tokenizer
        stopTokens = parameters.stopTokenIDs
        detokenizer = Detokenizer(
            tokenizer,
            skipSpecial: parameters.skipsSpecialTokens,
            keeping: interpretation?.markers ?? [],
            continuesText: request.prompt.isContinued
        )
        matcher = StopStringMatcher(stops: parameters.stopStrings, includesStop: parameters.includesStopString)
    }

    /// Takes the engine's next event.
    mutating func take(_ event: GenerationEvent) -> Outcome {
        switch event {
        case .started(let cachedTokenCount):
            self.cachedTokenCount = cachedTokenCount
            return Outcome(events: [.started(choice: choice, cachedTokenCount: cachedTokenCount)])
        case .promptLogprobs(let logprobs):
            return Outcome(events: [.promptLogprobs(logprobs.map { $0.map(text(of:)) })])
        case .token(let token, let logprobs):
            return takeToken(token, logprobs)
        case .finished(let reason, let usage):
            completionTokenCount = usage.completionTokens
            return finish(reason)
        case .failed(let error):
            return Outcome(events: [.failed(String(describing: error))], isFinished: true)
        }
    }

    private mutating func takeToken(_ token: TokenID, _ logprobs: TokenLogprobs?) -> Outcome {
        completionTokenCount += 1
        let met = matcher.append(detokenizer.append(token))
        let delta = TextEvent.text(
            choice: choice,
            delta: met.text,
            tokens: [token],
            logprobs: logprobs.map { [text(of: $0)] } ?? []
        )
        guard let stop = met.stop else { return Outcome(events: parts(delta)) }
        return Outcome(
            events: parts(delta) + rest() + [.finished(choice: choice, .stopString(stop))],
            isFinished: true,
            cancelsRequest: true
        )
    }

    /// Shows what was held back, then the end. Text that was still open can complete a stop string here.
    private mutating func finish(_ reason: FinishReason) -> Outcome {
        let met = matcher.append(detokenizer.finish())
        let rest = met.stop == nil ? met.text + matcher.finish() : met.text
        var events: [TextEvent] = []
        if !rest.isEmpty { events += parts(.text(choice: choice, delta: rest, tokens: [], logprobs: [])) }
        events += self.rest()
        events.append(.finished(choice: choice, met.stop.map { .stopString($0) } ?? ending(reason)))
        return Outcome(events: events, isFinished: true)
    }

    /// What a piece of text makes certain of the answer's parts. Its tokens go with its first text, or with an empty one.
    private mutating func parts(_ event: TextEvent) -> [TextEvent] {
        guard case .text(_, let text, var tokens, var logprobs) = event, let deltas = parser?.append(text) else {
            return [event]
        }
        var events: [TextEvent] = []
        for delta in deltas {
            guard case .content(let content) = delta else {
                events.append(.part(choice: choice, delta))
                continue
            }
            events.append(.text(choice: choice, delta: content, tokens: tokens, logprobs: logprobs))
            (tokens, logprobs) = ([], [])
        }
        if !tokens.isEmpty || !logprobs.isEmpty {
            events.append(.text(choice: choice, delta: "", tokens: tokens, logprobs: logprobs))
        }
        return events
    }

    /// The parts that became certain because the answer is over.
    private mutating func rest() -> [TextEvent] {
        (parser?.finish() ?? []).map { delta in
            if case .content(let text) = delta { return .text(choice: choice, delta: text, tokens: [], logprobs: []) }
            return .part(choice: choice, delta)
        }
    }

    private func ending(_ reason: FinishReason) -> TextFinish {
        switch reason {
        case .stop(let token): stopTokens.contains(token) ? .stopToken(token) : .endOfSequence
        case .length: .length
        case .cancelled: .cancelled
        }
    }

    private func text(of logprobs: TokenLogprobs) -> TextLogprob {
        var result = text(of: logprobs.token, logprobs.logprob)
        result.alternatives = logprobs.alternatives.map { text(of: $0.token, $0.logprob) }
        return result
    }

    private func text(of token: TokenID, _ logprob: Float) -> TextLogprob {
        let bytes = tokenizer.bytes(of: token)
        return TextLogprob(token: token, text: String(decoding: bytes, as: UTF8.self), bytes: bytes, logprob: logprob)
    }
}
