import Models

/// Keeps a step that running answers wait for short: says how many tokens it may have. Pure: it is told durations.
///
/// What a step will take is predicted from the operations of its rows (`StepTime`), so that the cut follows the machine,
/// the model and the depth of the prompt. It changes how prompts are cut into chunks, and with that no token
/// (`docs/design/0003-scheduling.md`).
struct StepPacer {
    /// Seconds that a step should not exceed.
    private let limit: Double
    private let rowCost: RowCost
    private var time: StepTime
    /// What all but one in a hundred steps take at most, relative to their predictions: up by much after a step that
    /// took longer, down by little after each that did not.
    private var spread = 1.2

    /// Tokens beside the running answers' own that a step may have in any case, so that prompts move on even where a
    /// single step of the model takes longer than the limit.
    static let leastPromptTokens = 16
    /// The same before anything is known of the machine.
    static let firstPromptTokens = 64
    /// The share of the limit that a step and its way to the caller may fill.
    private static let aim = 0.98
    /// The share of steps that may exceed the spread: the limit is one for the 99th percentile.
    private static let exceeding = 0.01
    /// What a step that exceeds the spread adds to it; a hundredth of that is what any other takes away.
    private static let spreadStep = 0.03
    private static let spreads = 1.03...1.4

    /// - Parameters:
    ///   - limit: how long an answer may wait for its next token.
    ///   - rowCost: what the model's rows cost beside each other.
    init(limit: Duration, rowCost: RowCost) {
        self.limit = limit / .seconds(1)
        self.rowCost = rowCost
        time = StepTime(limit: limit / .seconds(1))
    }

    /// Most tokens of the next step: as many as should take no longer than the limit.
    ///
    /// - Parameter most: what the configuration allows.
    func tokenLimit(_ outlook: StepOutlook, most: Int) -> Int {
        if outlook.answerCount == 0 { return most }
        if !time.isKnown { return min(most, outlook.answerCount + Self.firstPromptTokens) }
        let least = outlook.answerCount + Self.leastPromptTokens
        // The largest that fits, by halving: `fitting` fits or is the least, `tooMany` does not fit or is not allowed.
        var (fitting, tooMany) = (least, most + 1)
        while fitting + 1 < tooMany {
            let middle = (fitting + tooMany) / 2
            if predicted(outlook, tokenCount: middle) * spread <= Self.aim * limit {
                fitting = middle
            } else {
                tooMany = middle
            }
        }
        return min(most, fitting)
    }

    /// Takes in what a step took.
    ///
    /// Steps that read little of a prompt tell nothing: drawn and guessed tokens wait for memory, not for arithmetic, and
    /// would make the tokens of prompts look cheaper than they are.
    ///
    /// - Parameters:
    ///   - plan: what it computed.
    ///   - duration: from its beginning until the next could begin.
    mutating func learn(_ plan: StepPlan, duration: Duration) {
        if plan.promptTokenCount < Self.leastPromptTokens { return }
        var parts = RowCost.Parts()
        for row in plan.batch.rows { parts = parts + rowCost.parts(of: row) }
        let seconds = max(duration / .seconds(1), 1e-9)
        if time.isKnown, plan.promptTokenCount < plan.batch.tokens.count {
            let isBeyond = seconds > spread * time.predicted(parts)
            spread += Self.spreadStep * ((isBeyond ? 1 : 0) - Self.exceeding)
            spread = min(max(spread, Self.spreads.lowerBound), Self.spreads.upperBound)
        }
        time.learn(parts, seconds: seconds)
    }

    /// Seconds that a step of so many tokens should take, the answers' and one prompt's.
    private func predicted(_ outlook: StepOutlook, tokenCount: Int) -> Double {
        let answer = rowCost.parts(of: row(at: outlook.answerLength, tokenCount: 1, logitCount: 1))
        let promptCount = tokenCount - outlook.answerCount
        let logitCount = outlook.scoresPrompt ? promptCount : 0
        var prompt = row(at: outlook.promptPosition, tokenCount: promptCount, logitCount: logitCount)
        prompt.adapter = outlook.promptAdapter
        return time.predicted(answer * Double(outlook.answerCount) + rowCost.parts(of: prompt))
    }

    private func row(at position: Int, tokenCount: Int, logitCount: Int) -> ForwardRow {
        ForwardRow(firstPosition: position, tokenCount: tokenCount, blockTable: [], logitCount: logitCount)
    }
}
