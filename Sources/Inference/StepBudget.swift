import Models

/// What is left of a step's limits.
struct StepBudget {
    private(set) var tokens: Int
    private(set) var logitRows: Int

    init(_ limits: StepLimits, tokenLimit: Int?) {
        tokens = min(limits.tokensPerStep, tokenLimit ?? limits.tokensPerStep)
        logitRows = limits.logitRowsPerStep
    }

    /// Whether no further row fits.
    var isSpent: Bool { tokens < 1 || logitRows < 1 }

    /// What one row may take when `keptTokens` stay for others, and logits for `keptRows` of them.
    func share(keptTokens: Int, keptRows: Int) -> StepShare {
        StepShare(tokens: max(1, tokens - keptTokens), logitRows: max(1, logitRows - keptRows))
    }

    mutating func spend(_ row: ForwardRow) {
        tokens -= row.tokenCount
        logitRows -= row.logitCount
    }
}

/// The most one row may take.
struct StepShare {
    var tokens: Int
    var logitRows: Int

    /// Tokens the sequence's next row computes.
    func tokenCount(for sequence: TokenSequence) -> Int {
        let tokenCount = min(sequence.missingCount, tokens)
        // One row of logits stays free for a newcomer, who would otherwise wait for the end of this prompt.
        return sequence.isCollectingPromptLogits ? min(tokenCount, max(1, logitRows - 1)) : tokenCount
    }
}
