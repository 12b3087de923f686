import Tensors
import Testing

@testable import Models

/// What a row is estimated to cost is what `DecoderCosts` counts for it.
@Suite struct RowCostTests {
    private func costs(_ windows: [Int?], integers: Bool = false) -> DecoderCosts {
        var costs = DecoderCosts(
            layerProducts: [
                .init(quantizedWeights: 100, halfWeights: 7, byteCount: 50), .init(floatWeights: 10, byteCount: 20),
            ],
            lastProducts: [.init(quantizedWeights: 5, floatWeights: 2, byteCount: 9)],
            outputProduct: .init(quantizedWeights: 40, floatWeights: 3, byteCount: 30),
            embeddingBytes: 3,
            attention: (windows, 8, 5)
        )
        costs.hasIntegerAttention = integers
        return costs
    }

    private func row(_ first: Int, _ tokenCount: Int, logits: Int) -> ForwardRow {
        ForwardRow(firstPosition: first, tokenCount: tokenCount, blockTable: [], logitCount: logits)
    }

    @Test(arguments: [[nil], [nil, nil, 4], [4, 4, 9], [1]], [false, true])
    func `operations are counted as the model's costs count them`(windows: [Int?], integers: Bool) {
        let costs = costs(windows, integers: integers)
        let estimate = RowCost(costs)
        for first in 0..<12 {
            for tokenCount in 1..<12 {
                for logits in 0...min(tokenCount, 3) {
                    let work = costs.work(
                        of: [.init(firstPosition: first, tokenCount: tokenCount, logitCount: logits)]
                    )
                    let expected = Double(work.dotOperations) + RowCost.floatOperation * Double(work.floatOperations)
                    #expect(estimate(row(first, tokenCount, logits: logits)) == expected)
                }
            }
        }
    }

    /// An adapter of two layers whose down projections `[16, 32]` are changed by a rank of 8.
    private func adapter(_ fingerprint: String, _ precision: FactorPrecision) -> Adapter {
        let ones = [Float](repeating: 1, count: 8 * 32)
        let change = StoredFactor.with(ones) { a in
            StoredFactor.with(Array(ones.prefix(8 * 16))) { b in
                LowRankChange(a: a, b: b, rank: 8, scale: 1, precision: precision)
            }
        }
        let down = LowRankProduct([change], outputs: [16])
        return Adapter(
            fingerprint: fingerprint,
            layers: [[nil, nil, nil, down], [nil, nil, nil, down]],
            byteCount: change.byteCount
        )
    }

    @Test func `rows under an adapter pay for its factors, and more for exact ones`() {
        let estimate = RowCost(costs([nil]))
        var adapted = row(3, 5, logits: 1)
        let plain = estimate(adapted)
        let (exact, coded) = (adapter("a", .exact), adapter("b", .int5))
        // All five tokens pass the first layer, the one with logits the last.
        let operations = Double(2 * 8 * (32 + 16) * (5 + 1))
        adapted.adapter = exact
        #expect(estimate(adapted) == plain + RowCost.floatOperation * operations)
        adapted.adapter = coded
        #expect(estimate(adapted) == plain + operations)
        adapted.adapter = Adapter(mixing: [(exact, 0.5), (coded, 2), (adapter("c", .int6), 1)])
        #expect(estimate(adapted) == plain + (RowCost.floatOperation + 2) * operations)
    }

    @Test func `without figures of the model a row costs its tokens`() {
        let estimate = RowCost(nil)
        #expect(estimate(row(100, 7, logits: 1)) == 7)
    }
}
