package import Tokenization

/// One thing that happened to a request, in the order it happened.
///
/// A stream begins with `started` and ends with `finished` or `failed`; it never just closes. A request that ends
/// before it was ever admitted has no `started`.
package enum GenerationEvent: Sendable, Equatable {
    /// The request was admitted; `cachedTokenCount` tokens of its prompt were in the prefix cache. Once, also for a
    /// request that is preempted and admitted again.
    case started(cachedTokenCount: Int)
    /// One entry per prompt token, nil for the first, which nothing precedes. Once, before any token.
    case promptLogprobs([TokenLogprobs?])
    /// A token of the answer. The token that ends an answer is not among them; `finished` carries it.
    case token(TokenID, TokenLogprobs?)
    /// The request is over.
    case finished(FinishReason, GenerationUsage)
    /// The request broke; nothing follows.
    case failed(GenerationError)
}

/// Why a request is over.
package enum FinishReason: Sendable, Equatable {
    /// This token of `endingTokens` was drawn.
    case stop(TokenID)
    /// `maxTokens` tokens were generated.
    case length
    /// The caller ended it.
    case cancelled
}

/// What a request consumed.
package struct GenerationUsage: Sendable, Equatable {
    package var promptTokens: Int
    /// Prompt tokens that were taken from the prefix cache when the request was first admitted.
    package var cachedTokens: Int
    /// Tokens drawn, with the one that ended the answer.
    package var completionTokens: Int
    /// How often the request lost its blocks to an older one and was computed again.
    package var preemptions: Int

    package init(promptTokens: Int, cachedTokens: Int = 0, completionTokens: Int = 0, preemptions: Int = 0) {
        self.promptTokens = promptTokens
        self.cachedTokens = cachedTokens
        self.completionTokens = completionTokens
        self.preemptions = preemptions
    }
}

/// A token and the natural logarithm of its probability.
package struct TokenLogprob: Sendable, Equatable {
    package var token: TokenID
    package var logprob: Float

    package init(token: TokenID, logprob: Float) {
        self.token = token
        self.logprob = logprob
    }
}

/// A token with its log probability and the likeliest tokens at its place.
///
/// Probabilities are the model's own, before penalties, bias, temperature and truncation, as OpenAI and vLLM report
/// them.
package struct TokenLogprobs: Sendable, Equatable {
    /// The token that stands there.
    package var token: TokenID
    package var logprob: Float
    /// How many tokens are likelier than `token`, plus one.
    package var rank: Int
    /// The likeliest tokens, likeliest first, lower ids first among equals. `token` is among them only when it is
    /// one of the likeliest.
    package var alternatives: [TokenLogprob]

    package init(token: TokenID, logprob: Float, rank: Int, alternatives: [TokenLogprob]) {
        self.token = token
        self.logprob = logprob
        self.rank = rank
        self.alternatives = alternatives
    }
}

/// Why a request that had been accepted could not be brought to its end.
package enum GenerationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The model's logits held no finite number to choose by.
    case logitsNotFinite(position: Int)
    /// The logit bias and the minimum length together forbid every token.
    case noTokenAllowed(position: Int)
    /// The engine stopped before the request was done.
    case engineStopped

    /// Whether what the request computed may be wrong. Where its own rules left no token to choose, others go on using it.
    var comesFromModel: Bool { if case .noTokenAllowed = self { false } else { true } }

    package var description: String {
        switch self {
        case .logitsNotFinite(let position):
            "The model produced numbers that are not finite at position \(position); its weights may be damaged."
        case .noTokenAllowed(let position):
            "No token was left to choose from at position \(position). Relax logit_bias or min_tokens."
        case .engineStopped:
            "The server stopped before the answer was complete."
        }
    }
}
