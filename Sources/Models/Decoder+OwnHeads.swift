import Checkpoints
import Tensors

extension Decoder {
    /// Logits of the rows whose adapters have an output projection of their own, one product for all rows of each.
    ///
    /// A row's logits are what they are in any other company: a product's row depends on that row alone.
    func projectThroughOwnHeads(_ selected: FloatMatrix) {
        for (index, run) in step.adapterRuns.enumerated() {
            guard let head = run.adapter.head else { continue }
            // The first run of a head computes the rows of all.
            if step.adapterRuns[..<index].contains(where: { $0.adapter.head === head }) { continue }
            step.collectRows(of: head)
            if step.ownHeadRows.isEmpty { continue }
            let (rows, logits) = (workspace.headRows, workspace.headLogits)
            rows.reshape(rows: step.ownHeadRows.count, width: configuration.width)
            logits.reshape(rows: step.ownHeadRows.count, width: configuration.vocabularySize)
            for (place, row) in step.ownHeadRows.enumerated() { Self.copy(selected, row, to: rows, place) }
            compute.matMul(head, rows, bias: nil, into: logits)
            for (place, row) in step.ownHeadRows.enumerated() { Self.copy(logits, place, to: workspace.logits, row) }
        }
    }

    private static func copy(_ source: FloatMatrix, _ row: Int, to target: FloatMatrix, _ targetRow: Int) {
        let width = source.width
        (target.pointer + targetRow * width).update(from: source.pointer + row * width, count: width)
    }
}
