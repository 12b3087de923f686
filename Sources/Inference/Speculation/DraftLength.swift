/// Decides how many tokens to draft for one answer, by how often drafts of the same kind were right in it.
///
/// With a chance p of each token to be right, k drafted tokens bring 1 + p + … + pᵏ tokens on average (Leviathan et al.,
/// *Fast Inference from Transformers via Speculative Decoding*, arXiv:2211.17192, eq. 1). The length is the k that
/// brings the most tokens for its cost, and 0 where no k is worth it.
struct DraftLength {
    /// `[evidence]`: tokens that were right and drafts that went wrong, older ones counting less.
    private var records = DraftEvidence.allCases.map { Record(prior: $0.prior) }
    /// Steps without a draft since the last one.
    private var idleCount = 0
    /// Idle steps after which to try again.
    private var patience = Self.shortestPatience

    private struct Record {
        var right: Double
        var wrong: Double

        init(prior: Double) {
            right = 2 * prior
            wrong = 2 * (1 - prior)
        }
    }

    private static let shortestPatience = 4
    private static let longestPatience = 64
    /// What a draft must promise to bring at least: estimates err.
    private static let margin = 1.04
    /// How much less each observation counts than the next one.
    private static let decay = 0.9

    /// The estimated chance of a drafted token to be right when all before it were.
    func chance(_ evidence: DraftEvidence) -> Double {
        let record = records[evidence.rawValue]
        return record.right / (record.right + record.wrong)
    }

    /// The number of drafted tokens, 0 to `limit`, that brings the most tokens for its cost.
    func best(_ evidence: DraftEvidence, limit: Int, load: StepLoad) -> Int {
        let chance = chance(evidence)
        var best = (count: 0, rate: Self.margin / load.cost(draftCount: 0))
        var (tokens, reach) = (1.0, 1.0)
        for count in stride(from: 1, through: limit, by: 1) {
            reach *= chance
            tokens += reach
            let rate = tokens / load.cost(draftCount: count)
            if rate > best.rate { best = (count, rate) }
        }
        return best.count
    }

    /// As `best`, for drafts that cost something to make: where nothing is worth it, one token now and then tells
    /// whether that has changed.
    mutating func bestOrProbe(_ evidence: DraftEvidence, limit: Int, load: StepLoad) -> Int {
        let count = best(evidence, limit: limit, load: load)
        if count > 0 || limit < 1 { return count }
        idleCount += 1
        if idleCount < patience { return 0 }
        idleCount = 0
        patience = min(2 * patience, Self.longestPatience)
        return 1
    }

    /// Takes in how a draft fared, used or not.
    ///
    /// - Parameters:
    ///   - rightCount: drafted tokens that were drawn, up to the first that was not.
    ///   - endedWrong: whether there was such a one.
    mutating func learn(_ evidence: DraftEvidence, rightCount: Int, endedWrong: Bool) {
        let keep = Self.decay
        records[evidence.rawValue].right = keep * records[evidence.rawValue].right + Double(rightCount)
        records[evidence.rawValue].wrong = keep * records[evidence.rawValue].wrong + (endedWrong ? 1 : 0)
        if rightCount > 0 { patience = Self.shortestPatience }
    }
}

/// What a step holds before anything is drafted.
struct StepLoad {
    /// Tokens of all rows.
    var tokenCount: Int
    /// Rows for which tokens can be drafted.
    var openRowCount: Int
    var stepCost: StepCost
    /// What a draft costs beside the step; see `Drafter.tokenCost`.
    var draftTokenCost: Double

    /// Cost of the step when every open row drafts as many tokens as this one.
    func cost(draftCount: Int) -> Double {
        let rounds = draftTokenCost == 0 ? 0 : Double(draftCount) * draftTokenCost * stepCost(openRowCount)
        return stepCost(tokenCount + openRowCount * draftCount) + rounds
    }
}
