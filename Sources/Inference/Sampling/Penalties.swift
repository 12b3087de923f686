import Tokenization

/// Changes the logits of a few tokens: those that occurred, and those with a bias.
struct Penalties: Sendable {
    private let repetition: Float
    private let frequency: Float
    private let presence: Float
    private let bias: [(token: Int, amount: Float)]
    /// Distinct tokens of prompt and answer; empty when repetition is not penalised.
    private var seen: Set<TokenID> = []
    /// How often each token stands in the answer; empty when neither frequency nor presence is penalised.
    private var outputCounts: [TokenID: Int] = [:]
    private let countsOutput: Bool

    init(_ parameters: SamplingParameters, prompt: [TokenID]) {
        repetition = parameters.repetitionPenalty
        frequency = parameters.frequencyPenalty
        presence = parameters.presencePenalty
        bias = parameters.logitBias.map { (Int($0.key.rawValue), $0.value) }
        countsOutput = frequency != 0 || presence != 0
        if repetition != 1 { seen = Set(prompt) }
    }

    /// Takes note of a drawn token.
    mutating func append(_ token: TokenID) {
        if repetition != 1 { seen.insert(token) }
        if countsOutput { outputCounts[token, default: 0] += 1 }
    }

    /// Overwrites the logits of the tokens concerned.
    ///
    /// Repetition: Keskar et al., *CTRL*, arXiv:1909.05858, section 4.1, in the form that keeps the sign right:
    /// positive logits are divided, negative ones multiplied. Frequency c·α and presence [c > 0]·β are subtracted, c
    /// being the token's count in the answer, as the OpenAI API defines them.
    func apply(to logits: UnsafeMutableBufferPointer<Float>) {
        for token in seen {
            let logit = logits[Int(token.rawValue)]
            logits[Int(token.rawValue)] = logit > 0 ? logit / repetition : logit * repetition
        }
        for (token, count) in outputCounts { logits[Int(token.rawValue)] -= Float(count) * frequency + presence }
        for (token, amount) in bias { logits[token] += amount }
    }
}
