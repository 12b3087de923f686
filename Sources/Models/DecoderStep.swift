import Tensors
import Tokenization

/// What the layers of one step share: where every token stands, and which tokens want logits. Reused from step to step.
final class DecoderStep {
    /// The batch's rows in the order in which they are computed.
    private let order = RowOrder()
    /// `[tokens]`: the step's tokens.
    private(set) var tokens: [Int32] = []
    /// `[tokens]`: position of every token in its sequence.
    private(set) var positions: [Int32] = []
    /// One entry per row of the batch.
    let attentionRows = AttentionRows()
    /// Indices of the tokens whose logits are wanted, ascending.
    private(set) var logitTokens: [Int] = []
    /// One entry per row that wants logits, for those tokens alone, one row's after the other's.
    private let logitRows = AttentionRows()

    /// Neighbouring tokens under one adapter, in order; none where the model is as it is. They stay until the next step, so
    /// that it can be told whether it has the same, or until there is none.
    private(set) var adapterRuns: [AdapterRun] = []
    private var earlierRuns: [AdapterRun] = []

    /// What the layers of a run's adapter add, to which of the tokens that are left; `adapterRuns` keep it.
    typealias AdaptedRun = (parts: UnsafeBufferPointer<LowRankParts?>, tokens: Range<Int>)

    /// Of every run.
    private(set) var adaptedRuns: [AdaptedRun] = []

    /// Names `adaptedRuns`: equal runs of steps one after the other have the same version, above 0.
    private(set) var runsVersion = 0
    /// The version of all runs, and the last that was given.
    private var (wholeVersion, lastVersion) = (0, 0)

    /// Tokens that want logits and whose adapter has an output projection of its own.
    private(set) var logitRowsOfOwnHeads = 0
    /// Which logit rows go through one of those, in order.
    private(set) var ownHeadRows: [Int] = []

    /// Tokens that are computed under one adapter.
    struct AdapterRun {
        var adapter: Adapter
        var tokens: Range<Int>
    }

    /// Where the logits of the batch's rows are, row after row, among those of `logitTokens`; nil where they are in that order.
    var logitPlaces: UnsafePointer<Int>? { order.logitPlaces }

    /// Becomes the step of `batch`, those rows beside each other that have the same adapter: they share one reading of its factors.
    func update(_ batch: ForwardBatch) {
        order.update(batch)
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        logitTokens.removeAll(keepingCapacity: true)
        swap(&adapterRuns, &earlierRuns)
        adapterRuns.removeAll(keepingCapacity: true)
        logitRowsOfOwnHeads = 0
        for index in order.rows {
            let row = batch.rows[index]
            for token in batch.tokens[order.tokens(of: index, in: batch)] { tokens.append(token.rawValue) }
            precondition(
                row.tokenCount >= 1 && (0...row.tokenCount).contains(row.logitCount),
                "a row of \(row.tokenCount) tokens wants \(row.logitCount) logits"
            )
            let end = positions.count + row.tokenCount
            for token in end - row.logitCount..<end { logitTokens.append(token) }
            if let adapter = row.adapter { append(adapter, positions.count..<end) }
            if row.adapter?.head != nil { logitRowsOfOwnHeads += row.logitCount }
            for offset in 0..<row.tokenCount { positions.append(Int32(row.firstPosition + offset)) }
        }
        if !adapterRuns.elementsEqual(earlierRuns, by: { $0.adapter === $1.adapter && $0.tokens == $1.tokens }) {
            wholeVersion = newVersion()
        }
        earlierRuns.removeAll(keepingCapacity: true)
        runsVersion = wholeVersion
        adaptedRuns.removeAll(keepingCapacity: true)
        for run in adapterRuns { adaptedRuns.append((run.adapter.parts, run.tokens)) }
        attentionRows.become(batch.rows, order.rows) { $0.tokenCount }
        if hasTokensWithoutLogits { logitRows.become(batch.rows, order.rows) { $0.logitCount } }
    }

    /// Forgets the adapters.
    func rest() {
        adapterRuns.removeAll(keepingCapacity: true)
        adaptedRuns.removeAll(keepingCapacity: true)
    }

    /// Whether there are tokens that only later ones look at.
    var hasTokensWithoutLogits: Bool { logitTokens.count < tokens.count }

    /// Leaves the tokens that want logits: `adaptedRuns` are from now on about places among these.
    ///
    /// - Returns: the rows of the tokens that are left.
    func narrow() -> AttentionRows {
        var place = 0
        for index in adaptedRuns.indices {
            let run = adaptedRuns[index].tokens
            while place < logitTokens.count, logitTokens[place] < run.lowerBound { place += 1 }
            let first = place
            while place < logitTokens.count, logitTokens[place] < run.upperBound { place += 1 }
            adaptedRuns[index].tokens = first..<place
        }
        adaptedRuns.removeAll { $0.tokens.isEmpty }
        runsVersion = newVersion()
        return logitRows
    }

    private func newVersion() -> Int {
        lastVersion += 1
        return lastVersion
    }

    /// Makes `ownHeadRows` those that go through `head`.
    func collectRows(of head: PackedMatrix) {
        ownHeadRows.removeAll(keepingCapacity: true)
        var run = 0
        for (index, token) in logitTokens.enumerated() {
            while run < adapterRuns.count, adapterRuns[run].tokens.upperBound <= token { run += 1 }
            guard run < adapterRuns.count else { return }
            if adapterRuns[run].tokens.contains(token), adapterRuns[run].adapter.head === head {
                ownHeadRows.append(index)
            }
        }
    }

    /// Lengthens the last run, or begins one.
    private func append(_ adapter: Adapter, _ tokens: Range<Int>) {
        if let last = adapterRuns.last, last.adapter === adapter, last.tokens.upperBound == tokens.lowerBound {
            adapterRuns[adapterRuns.count - 1].tokens = last.tokens.lowerBound..<tokens.upperBound
        } else {
            adapterRuns.append(AdapterRun(adapter: adapter, tokens: tokens))
        }
    }
}

extension AttentionRows {
    /// Becomes the last `count` tokens of every row, one row's after the other's in this order, without the rows that have none.
    fileprivate func become(_ batch: [ForwardRow], _ order: [Int], count: (ForwardRow) -> Int) {
        update { rows in
            var (used, first) = (0, 0)
            for index in order {
                let row = batch[index]
                let tokenCount = count(row)
                if tokenCount == 0 { continue }
                if used == rows.count {
                    rows.append(AttentionRow(firstToken: 0, tokenCount: 0, firstPosition: 0, blockTable: []))
                }
                rows[used].update(row, firstToken: first, tokenCount: tokenCount)
                used += 1
                first += tokenCount
            }
            rows.removeLast(rows.count - used)
        }
    }
}

extension AttentionRow {
    /// Becomes the last `tokenCount` tokens of `row`, in the memory that it has.
    fileprivate mutating func update(_ row: ForwardRow, firstToken: Int, tokenCount: Int) {
        self.firstToken = firstToken
        self.tokenCount = tokenCount
        firstPosition = row.firstPosition + row.tokenCount - tokenCount
        blockTable.removeAll(keepingCapacity: true)
        for block in row.blockTable { blockTable.append(block.rawValue) }
    }
}
