import Tokenization

/// Chooses the drafted tokens of every step and learns from what became of them.
struct Speculator {
    /// Most tokens drafted for a row.
    let draftLimit: Int
    private let drafter: any Drafter
    private let cost: StepCost
    private var lengths: [RequestID: DraftLength] = [:]
    /// What was guessed for the step that runs, whether it is computed or not.
    private var drafts: [RequestID: Draft] = [:]
    /// Memory of the step before, for the next: `[wishes]` each, empty between steps.
    private var wishes: [DraftWish] = []
    private var rowIndices: [Int] = []
    private var found: [Draft] = []

    init(_ drafter: any Drafter, draftLimit: Int, cost: StepCost = .standard) {
        self.drafter = drafter
        self.draftLimit = draftLimit
        self.cost = cost
    }

    /// The tokens to compute after those of the open rows, by the rows' indices in the plan.
    ///
    /// - Parameters:
    ///   - tokenCount: tokens of the planned step.
    ///   - sampler: the sampler of a request as it stands.
    mutating func candidates(
        for rows: [OpenRow],
        tokenCount: Int,
        sampler: (RequestID) -> Sampler?
    ) -> [Int: [TokenID]] {
        let load = StepLoad(
            tokenCount: tokenCount,
            openRowCount: rows.count,
            stepCost: cost,
            draftTokenCost: drafter.tokenCost
        )
        for row in rows {
            let limit = wishLimit(for: row, load)
            guard limit > 0, let sampler = sampler(row.id) else { continue }
            wishes.append(DraftWish(id: row.id, tokens: row.tokens, limit: limit, sampler: sampler))
            rowIndices.append(row.rowIndex)
        }
        drafter.appendDrafts(for: wishes, to: &found)
        // Not kept: what is in a wish could no longer grow in place.
        defer {
            wishes.removeAll(keepingCapacity: true)
            rowIndices.removeAll(keepingCapacity: true)
            found.removeAll(keepingCapacity: true)
        }
        var candidates: [Int: [TokenID]] = [:]
        for (index, draft) in found.enumerated() where !draft.tokens.isEmpty {
            let wish = wishes[index]
            drafts[wish.id] = draft
            // A draft that was paid for is used as it is.
            let count =
                drafter.tokenCost > 0
                ? draft.tokens.count
                : lengths[wish.id, default: DraftLength()].best(draft.evidence, limit: wish.limit, load: load)
            if count > 0 { candidates[rowIndices[index]] = Array(draft.tokens.prefix(count)) }
        }
        return candidates
    }

    /// Takes in the tokens that were drawn for a request in this step.
    mutating func learn(_ drawn: [TokenID], of id: RequestID) {
        guard let draft = drafts.removeValue(forKey: id) else { return }
        let rightCount = zip(draft.tokens, drawn).prefix { $0 == $1 }.count
        lengths[id, default: DraftLength()].learn(
            draft.evidence,
            rightCount: rightCount,
            endedWrong: rightCount < min(draft.tokens.count, drawn.count)
        )
    }

    /// Drops what is kept of a request that is over.
    mutating func forget(_ id: RequestID) {
        lengths[id] = nil
        drafts[id] = nil
        drafter.forget(id)
    }

    /// Tokens to guess. A free guess is made in any case: it shows, unused, whether guessing has become worth while.
    private mutating func wishLimit(for row: OpenRow, _ load: StepLoad) -> Int {
        let limit = min(row.limit, draftLimit)
        if load.draftTokenCost == 0 { return limit }
        return lengths[row.id, default: DraftLength()].bestOrProbe(.model, limit: limit, load: load)
    }
}
