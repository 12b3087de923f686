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

    /// Becomes the step of `batch`.
    func update(_ batch: ForwardBatch) {
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        logitTokens.removeAll(keepingCapacity: true)
        for token in batch.tokens { tokens.append(token.rawValue) }
        for row in batch.rows {
            precondition(
                row.tokenCount >= 1 && (0...row.tokenCount).contains(row.logitCount),
                "a row of \(row.tokenCount) tokens wants \(row.logitCount) logits"
            )
            let end = positions.count + row.tokenCount
            for token in end - row.logitCount..<end { logitTokens.append(token) }
            for offset in 0..<row.tokenCount { positions.append(Int32(row.firstPosition + offset)) }
        }
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
