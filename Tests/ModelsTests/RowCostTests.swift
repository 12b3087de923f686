import Testing

@testable import Models

/// What a row is estimated to cost is what `DecoderCosts` counts for it.
@Suite struct RowCostTests {
    private func costs(_ windows: [Int?], integers: Bool = false) -> DecoderCosts {
        var costs = DecoderCosts(
            layerProducts: [
                .init(quantizedWeights: 100, halfWeights: 7, byteCount: 50), .init(floatWeights: 10, byteCount: 20),
            ],
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
                for logits in [0, 1] {
                    let work = costs.work(
                        of: [.init(firstPosition: first, tokenCount: tokenCount, logitCount: logits)]
                    )
                    let expected = Double(work.dotOperations) + RowCost.floatOperation * Double(work.floatOperations)
                    #expect(estimate(row(first, tokenCount, logits: logits)) == expected)
                }
            }
        }
    }

    @Test func `rows under an adapter pay for its factors`() {
        let estimate = RowCost(costs([nil]))
        var adapted = row(3, 5, logits: 1)
        let plain = estimate(adapted)
        adapted.adapter = Adapter(fingerprint: "a", layers: [], byteCount: 50)
        #expect(estimate(adapted) == plain + RowCost.floatOperation * 50 * 5)
        let other = Adapter(fingerprint: "b", layers: [], byteCount: 30)
        adapted.adapter = adapted.adapter.map { Adapter(mixing: [($0, 0.5), (other, 2)]) }
        #expect(estimate(adapted) == plain + RowCost.floatOperation * 80 * 5)
    }

    @Test func `without figures of the model a row costs its tokens`() {
        let estimate = RowCost(nil)
        #expect(estimate(row(100, 7, logits: 1)) == 7)
    }
}
