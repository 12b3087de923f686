/// Keeps a step that running answers wait for short: says how many tokens it may have. Pure: it is told durations.
///
/// The cost of a token is learnt from the steps before, so it follows the machine, the model and the length of the
/// context. It changes how prompts are cut into chunks, and with that no token (`docs/design/0003-scheduling.md`).
struct StepPacer {
    /// Seconds that a step should not exceed.
    private let limit: Double
    /// Seconds a token in a step that reads prompts; nil before the first such step.
    private var tokenCost: Double?

    /// Tokens beside the running answers' own that a step may have in any case, so that prompts move on even where a
    /// single step of the model takes longer than the limit.
    static let leastPromptTokens = 16
    /// The same before anything is known of the machine.
    static let firstPromptTokens = 64
    /// What is aimed at, as a share of the limit: steps vary.
    private static let aim = 0.8

    /// - Parameter limit: how long an answer may wait for its next token.
    init(limit: Duration) { self.limit = limit / .seconds(1) }

    /// Most tokens of the next step.
    ///
    /// - Parameters:
    ///   - answerCount: running answers that wait for their next token, one token each.
    ///   - most: what the configuration allows.
    func tokenLimit(answerCount: Int, most: Int) -> Int {
        if answerCount == 0 { return most }
        guard let tokenCost else { return min(most, answerCount + Self.firstPromptTokens) }
        let fitting = min(Self.aim * limit / tokenCost, Double(most))
        return min(most, max(Int(fitting), answerCount + Self.leastPromptTokens))
    }

    /// Takes in what a step took.
    ///
    /// Steps that read little of a prompt tell nothing: drawn and guessed tokens wait for memory, not for arithmetic, and
    /// would make the tokens of prompts look cheaper than they are.
    ///
    /// - Parameters:
    ///   - promptTokenCount: tokens of prompts in it.
    ///   - tokenCount: all its tokens.
    mutating func learn(promptTokenCount: Int, tokenCount: Int, duration: Duration) {
        if promptTokenCount < Self.leastPromptTokens { return }
        let observed = max(duration / .seconds(1) / Double(tokenCount), 1e-9)
        guard let known = tokenCost else {
            tokenCost = observed
            return
        }
        // Slower counts at once for a half; faster has to last.
        tokenCost = known + (observed - known) * (observed > known ? 0.5 : 0.2)
    }
}
