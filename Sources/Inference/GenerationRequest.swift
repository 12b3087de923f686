package import Models
package import Tokenization

/// Names one request inside the engine; unique among the requests it holds.
package struct RequestID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Any number the submitter has not used before.
    package var rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Shorthand for `init(rawValue:)`.
    package init(_ value: UInt64) { rawValue = value }

    package var description: String { String(rawValue) }
}

/// What a caller asks of the engine: tokens in, and how to choose the tokens that come out.
package struct GenerationRequest: Sendable {
    package var id: RequestID
    /// The caller's name for the request, shown in the log line at its end.
    package var name: String
    /// At least one token.
    package var prompt: [TokenID]
    package var sampling: SamplingParameters
    /// Most tokens to generate. Zero computes the prompt only, which is useful with `promptLogprobCount`.
    package var maxTokens: Int
    /// No token that ends the answer is drawn before this many others.
    package var minTokens: Int
    /// Token ids that end the answer, beside those of `endOfSequence`.
    package var stopTokens: Set<TokenID>
    /// The tokens by which the model itself ends its answer.
    package var endOfSequence: Set<TokenID>
    /// Whether the tokens of `endOfSequence` are ordinary tokens for this request.
    package var ignoresEndOfSequence: Bool
    /// Likeliest alternatives to report with every token's log probability; nil reports no log probabilities.
    package var logprobCount: Int?
    /// The same for the prompt's tokens; such a request takes nothing from the prefix cache.
    package var promptLogprobCount: Int?
    /// Requests with different salts share no cached blocks; nil is a salt of its own.
    package var cacheSalt: String?
    /// Order in the waiting queue: lower runs first; equal ones by what their clients have been served.
    package var priority: Int
    /// Whom the request is computed for.
    package var client: ClientKey
    /// The client's part of the machine as against others'; above 0. One of weight 2 is served twice as much as one of 1.
    package var weight: Double
    /// Where the engine leaves what the request came to; nil where nobody asks.
    package var receipt: UsageReceipt?
    /// What changes the model for this request; nil for the model as it is. Requests under different adapters share no
    /// cached blocks.
    package var adapter: Adapter?
    /// What the answer must be, from its first token on; nil for anything.
    package var constraint: (any TokenConstraint)?

    /// A request with neither stop tokens nor log probabilities; see the properties for the rest.
    package init(
        id: RequestID,
        prompt: [TokenID],
        sampling: SamplingParameters = SamplingParameters(),
        maxTokens: Int
    ) {
        self.id = id
        self.prompt = prompt
        self.sampling = sampling
        self.maxTokens = maxTokens
        name = id.description
        minTokens = 0
        stopTokens = []
        endOfSequence = []
        ignoresEndOfSequence = false
        logprobCount = nil
        promptLogprobCount = nil
        cacheSalt = nil
        priority = 0
        client = ClientKey()
        weight = 1
        receipt = nil
        adapter = nil
        constraint = nil
    }

    /// Every token that ends the answer.
    package var endingTokens: Set<TokenID> {
        ignoresEndOfSequence ? stopTokens : stopTokens.union(endOfSequence)
    }

    /// Whether `token` ends the answer.
    func ends(with token: TokenID) -> Bool {
        stopTokens.contains(token) || !ignoresEndOfSequence && endOfSequence.contains(token)
    }

    /// Positions whose keys and values are ever computed: the last token drawn is never an input.
    var computedLimit: Int { prompt.count + max(maxTokens - 1, 0) }
}
