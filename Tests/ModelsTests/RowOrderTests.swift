import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

/// The order in which the rows of a batch are computed.
@Suite struct RowOrderTests {
    private let adapters = ["a", "b"].map {
        Adapter(fingerprint: $0, layers: [], byteCount: 0)
    }

    /// A row for each place, under the adapter of that index or none, with tokens of its own.
    private func batch(_ owners: [Int?], tokenCounts: [Int], logitCounts: [Int]) -> ForwardBatch {
        var batch = ForwardBatch()
        for (index, owner) in owners.enumerated() {
            var row = ForwardRow(
                firstPosition: 0,
                tokenCount: tokenCounts[index],
                blockTable: [BlockID(rawValue: Int32(index))],
                logitCount: logitCounts[index]
            )
            row.adapter = owner.map { adapters[$0] }
            batch.rows.append(row)
            batch.tokens += (0..<tokenCounts[index]).map { TokenID(rawValue: Int32(10 * index + $0)) }
        }
        return batch
    }

    @Test func `rows of one adapter come together, where its first stands, and every row finds its logits`() {
        let step = DecoderStep()
        let (counts, wanted) = ([1, 3, 2, 1, 1, 4], [1, 0, 2, 1, 1, 3])
        step.update(batch([0, 1, 0, nil, 1, 0], tokenCounts: counts, logitCounts: wanted))
        #expect(step.tokens == [0, 20, 21, 50, 51, 52, 53, 10, 11, 12, 40, 30])
        #expect(step.positions == [0, 0, 1, 0, 1, 2, 3, 0, 1, 2, 0, 0])
        #expect(step.adapterRuns.map(\.tokens) == [0..<7, 7..<11])
        #expect(step.adapterRuns.map(\.adapter.fingerprint) == ["a", "b"])
        #expect(step.logitTokens == [0, 1, 2, 4, 5, 6, 10, 11])
        // The batch's rows 0, 2, 3, 4 and 5 want logits.
        #expect((0..<8).map { step.logitPlaces?[$0] } == [0, 1, 2, 7, 6, 3, 4, 5])
        #expect(step.attentionRows.all.map(\.firstToken) == [0, 1, 3, 7, 10, 11])
    }

    @Test(arguments: [[0, 0, 1, nil], [nil, 0, nil, 1], [nil, nil, nil, nil], [0, 1, 1, nil], [nil, 0, 0, 1]])
    func `rows whose adapters stand together stay as they are`(owners: [Int?]) {
        let step = DecoderStep()
        let some = batch(owners, tokenCounts: [1, 2, 1, 1], logitCounts: [1, 1, 1, 1])
        // What came before leaves nothing.
        step.update(batch([0, nil, 0], tokenCounts: [1, 1, 1], logitCounts: [1, 1, 1]))
        step.update(some)
        #expect(step.tokens == some.tokens.map(\.rawValue) && step.logitPlaces == nil)
        #expect(step.logitTokens == [0, 2, 3, 4])
    }
}
