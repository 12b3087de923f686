import Models
import Tokenization

extension GenerationRequest {
    /// Checks everything that does not depend on the state of the engine.
    func check(_ traits: ModelTraits, logprobLimit: Int) throws(SubmissionError) {
        if prompt.isEmpty { throw .emptyPrompt }
        try requireInBounds("max_tokens", maxTokens, 0...Int(Int32.max))
        if prompt.count + maxTokens > traits.contextLength {
            throw .contextLengthExceeded(promptTokens: prompt.count, maxTokens: maxTokens, limit: traits.contextLength)
        }
        try requireInBounds("min_tokens", minTokens, 0...maxTokens)
        try requireInBounds("logprobs", logprobCount ?? 0, 0...logprobLimit)
        try requireInBounds("prompt_logprobs", promptLogprobCount ?? 0, 0...logprobLimit)
        let vocabulary = 0..<Int32(traits.vocabularySize)
        for token in prompt where !vocabulary.contains(token.rawValue) { throw outOfRange(token, traits) }
        for token in sampling.logitBias.keys where !vocabulary.contains(token.rawValue) {
            throw outOfRange(token, traits)
        }
    }

    private func outOfRange(_ token: TokenID, _ traits: ModelTraits) -> SubmissionError {
        .tokenOutOfRange(token: Int(token.rawValue), vocabularySize: traits.vocabularySize)
    }

    private func requireInBounds(_ name: String, _ value: Int, _ bounds: ClosedRange<Int>) throws(SubmissionError) {
        if !bounds.contains(value) { throw .limitOutOfRange(name: name, value: value, bounds: bounds) }
    }
}
