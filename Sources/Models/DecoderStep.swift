import Tensors
import Tokenization

/// What the layers of one step share: where every token stands, and which tokens want logits. Reused from step to step.
final class DecoderStep {
    /// `[tokens]`: the step's tokens.
    private(set) var tokens: [Int32] = []
    /// `[tokens]`: position of every token in its sequence.
    private(set) var positions: [Int32] = []
    /// One entry per row of the batch.
    let attentionRows = AttentionRows()
    /// Indices of the tokens whose logits are wanted, in order.
    private(set) var logitTokens: [Int] = []

    /// Neighbouring tokens under one adapter, in order; none where the model is as it is.
    private(set) var adapterRuns: [AdapterRun] = []

    /// Of every run, what its layers add; the runs keep it.
    private(set) var adaptedRuns: [(parts: UnsafeBufferPointer<LowRankParts?>, tokens: Range<Int>)] = []

    /// Tokens that want logits and whose adapter has an output projection of its own.
    private(set) var logitRowsOfOwnHeads = 0
    /// Which logit rows go through one of those, in order.
    private(set) var ownHeadRows: [Int] = []

    /// Tokens that are computed under one adapter.
    struct AdapterRun {
        var adapter: Adapter
        var tokens: Range<Int>
    }

    /// Becomes the step of `batch`.
    func update(_ batch: ForwardBatch) {
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        logitTokens.removeAll(keepingCapacity: true)
        adapterRuns.removeAll(keepingCapacity: true)
        logitRowsOfOwnHeads = 0
        for token in batch.tokens { tokens.append(token.rawValue) }
        for row in batch.rows {
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
        adaptedRuns.removeAll(keepingCapacity: true)
        for run in adapterRuns { adaptedRuns.append((run.adapter.parts, run.tokens)) }
        precondition(positions.count == tokens.count, "\(tokens.count) tokens, \(positions.count) in rows")
        attentionRows.update { rows in
            var first = 0
            for (index, row) in batch.rows.enumerated() {
                if index == rows.count {
                    rows.append(AttentionRow(firstToken: 0, tokenCount: 0, firstPosition: 0, blockTable: []))
                }
                rows[index].update(row, firstToken: first)
                first += row.tokenCount
            }
            rows.removeLast(rows.count - batch.rows.count)
        }
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

extension AttentionRow {
    /// Becomes `row`, in the memory that it has.
    fileprivate mutating func update(_ row: ForwardRow, firstToken: Int) {
        self.firstToken = firstToken
        tokenCount = row.tokenCount
        firstPosition = row.firstPosition
        blockTable.removeAll(keepingCapacity: true)
        for block in row.blockTable { blockTable.append(block.rawValue) }
    }
}
