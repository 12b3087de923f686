import Tensors
import Tokenization

/// What the layers of one step share: where every token stands, and which tokens want logits.
struct DecoderStep {
    /// `[tokens]`: position of every token in its sequence.
    let positions: [Int32]
    /// One entry per row of the batch.
    let attentionRows: [AttentionRow]
    /// Indices of the tokens whose logits are wanted, in order.
    let logitTokens: [Int]

    init(_ batch: ForwardBatch) {
        var positions: [Int32] = []
        var rows: [AttentionRow] = []
        var logitTokens: [Int] = []
        positions.reserveCapacity(batch.tokens.count)
        for row in batch.rows {
            precondition(
                row.tokenCount >= 1 && (0...row.tokenCount).contains(row.logitCount),
                "a row of \(row.tokenCount) tokens wants \(row.logitCount) logits"
            )
            let first = positions.count
            rows.append(
                AttentionRow(
                    firstToken: first,
                    tokenCount: row.tokenCount,
                    firstPosition: row.firstPosition,
                    blockTable: row.blockTable.map(\.rawValue)
                )
            )
            positions += (row.firstPosition..<row.firstPosition + row.tokenCount).map(Int32.init)
            logitTokens += (first + row.tokenCount - row.logitCount)..<(first + row.tokenCount)
        }
        precondition(positions.count == batch.tokens.count, "\(batch.tokens.count) tokens, \(positions.count) in rows")
        self.positions = positions
        attentionRows = rows
        self.logitTokens = logitTokens
    }
}
