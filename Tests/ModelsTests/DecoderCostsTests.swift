import Checkpoints
import Tensors
import TestModels
import Testing

@testable import Models

/// Work counted by hand, for two products, three layers and a vocabulary.
@Suite struct DecoderCostsTests {
    /// 100 quantised and 10 float weights in 70 bytes for every token, 7 and 40 weights in 4 and 30 bytes for logits.
    private func costs(windows: [Int?]) -> DecoderCosts {
        DecoderCosts(
            layerProducts: [
                .init(quantizedWeights: 100, floatWeights: 0, byteCount: 50),
                .init(quantizedWeights: 0, floatWeights: 10, byteCount: 20),
            ],
            lastProducts: [.init(quantizedWeights: 7, byteCount: 4)],
            outputProduct: .init(quantizedWeights: 40, floatWeights: 0, byteCount: 30),
            embeddingBytes: 3,
            attention: (windows, 8, 5)
        )
    }

    @Test func `one token in an empty context reads every weight once and sees itself`() {
        let work = costs(windows: [nil]).work(of: [.init(firstPosition: 0, tokenCount: 1, logitCount: 1)])
        #expect(work.dotOperations == 2 * (100 + 7 + 40))
        #expect(work.floatOperations == 2 * 10 + 4 * 8 * 1)
        #expect(work.weightBytes == 50 + 20 + 4 + 30 + 3)
        #expect(work.cacheBytes == 5 * (1 + 1))
    }

    @Test func `tokens without logits skip the output and most of the last layer, and all share the weights`() {
        let costs = costs(windows: [nil, nil])
        let none = costs.work(of: [.init(firstPosition: 2, tokenCount: 3, logitCount: 0)])
        #expect(none.dotOperations == 2 * 100 * 3)
        // The tokens see 3, 4 and 5 keys, in the first layer.
        #expect(none.floatOperations == 2 * 10 * 3 + 4 * 8 * (3 + 4 + 5))
        #expect(none.weightBytes == 50 + 20 + 3 * 3)
        #expect(none.cacheBytes == 5 * 5 + 2 * 5 * 3)
        let one = costs.work(of: [.init(firstPosition: 2, tokenCount: 3, logitCount: 1)])
        #expect(one.dotOperations == none.dotOperations + 2 * (7 + 40))
        // The last token sees 5 keys in the last layer too.
        #expect(one.floatOperations == none.floatOperations + 4 * 8 * 5)
        #expect(one.weightBytes == none.weightBytes + 4 + 30)
        #expect(one.cacheBytes == none.cacheBytes + 5 * 5)
    }

    @Test func `a window bounds keys and bytes`() {
        let costs = costs(windows: [4, 4])
        let none = costs.work(of: [.init(firstPosition: 6, tokenCount: 2, logitCount: 0)])
        // Positions 6 and 7 see four keys each: 3 to 6 and 4 to 7, five different ones.
        #expect(none.floatOperations == 2 * 10 * 2 + 4 * 8 * (4 + 4))
        #expect(none.cacheBytes == 5 * 5 + 2 * 5 * 2)
        let one = costs.work(of: [.init(firstPosition: 6, tokenCount: 2, logitCount: 1)])
        #expect(one.floatOperations == none.floatOperations + 4 * 8 * 4)
        #expect(one.cacheBytes == none.cacheBytes + 5 * 4)
        let short = costs.work(of: [.init(firstPosition: 0, tokenCount: 2, logitCount: 0)])
        #expect(short.floatOperations == 2 * 10 * 2 + 4 * 8 * (1 + 2))
    }

    @Test func `rows add up, but the weights are read once`() {
        let rows = [
            DecoderCosts.Row(firstPosition: 9, tokenCount: 1, logitCount: 1),
            DecoderCosts.Row(firstPosition: 4, tokenCount: 1, logitCount: 1),
        ]
        let costs = costs(windows: [nil])
        let together = costs.work(of: rows)
        var apart = costs.work(of: [rows[0]])
        apart += costs.work(of: [rows[1]])
        #expect(together.dotOperations == apart.dotOperations)
        #expect(together.floatOperations == apart.floatOperations)
        #expect(together.cacheBytes == apart.cacheBytes)
        #expect(together.weightBytes == apart.weightBytes - 50 - 20 - 4 - 30)
    }

    /// Two layers of width 256: 4 query and 2 KV heads of 64, feed-forward 512, vocabulary 320, everything Q4_0.
    @Test func `a checkpoint's matrices are counted as they are packed`() throws {
        let costs = try costs(of: "llama-q4_0.gguf")
        let layer = 256 * 512 + 256 * 256 + 256 * 1024 + 512 * 256
        #expect(costs.layerProducts.count == 4 + 1 && costs.lastProducts.count == 3)
        let products = costs.layerProducts + costs.lastProducts
        #expect(products.reduce(0) { $0 + $1.quantizedWeights } == 2 * layer)
        #expect(costs.lastProducts.reduce(0) { $0 + $1.quantizedWeights } == layer - 256 * 512)
        #expect(products.allSatisfy { $0.floatWeights == 0 })
        // 18 bytes keep 32 weights, packed as in the file.
        #expect(products.reduce(0) { $0 + $1.byteCount } == 2 * layer / 32 * 18)
        #expect(
            costs.outputProduct == .init(quantizedWeights: 320 * 256, floatWeights: 0, byteCount: 320 * 256 / 32 * 18)
        )
        #expect(costs.embeddingBytes == 256 / 32 * 18)
        #expect(costs.windows == [nil, nil] && costs.queryWidth == 256)
        #expect(costs.cacheBytesPerLayer == 2 * (64 + 64) * 2)
    }

    @Test func `halves multiply 16-bit integers, and each counts as two of 8 bits`() throws {
        let costs = try costs(of: "llama-f16.gguf")
        #expect(costs.layerProducts.allSatisfy { $0.quantizedWeights == 0 && $0.floatWeights == 0 })
        // Two bytes a weight and two for the scale of 32.
        #expect(costs.layerProducts.allSatisfy { $0.byteCount == $0.halfWeights / 32 * 66 })
        let work = costs.work(of: [.init(firstPosition: 0, tokenCount: 1, logitCount: 0)])
        #expect(work.dotOperations == costs.layerProducts.reduce(0) { $0 + 4 * $1.halfWeights })
    }

    @Test func `attention over an int8 cache multiplies 16-bit integers`() throws {
        let costs = try costs(of: "llama-q4_0.gguf", cacheType: .i8)
        let work = costs.work(of: [.init(firstPosition: 9, tokenCount: 1, logitCount: 1)])
        let all = costs.layerProducts + costs.lastProducts + [costs.outputProduct]
        let products = all.reduce(0) { $0 + 2 * $1.quantizedWeights }
        // Two layers, ten keys, eight operations for each of 256 elements of the query.
        #expect(work.dotOperations == products + 2 * 10 * 8 * 256)
        #expect(work.floatOperations == 0)
    }

    @Test func `float weights, tied embeddings and windows are counted as such`() throws {
        let costs = try costs(of: "gemma3-f32.gguf")
        #expect(costs.layerProducts.allSatisfy { $0.quantizedWeights == 0 && $0.byteCount == 4 * $0.floatWeights })
        #expect(costs.outputProduct.floatWeights == 320 * 256)
        #expect(costs.windows == [8, 8, 8, 8, 8, nil, 8])
    }

    private func costs(of name: String, cacheType: ElementType = .f16) throws -> DecoderCosts {
        let checkpoint = try Checkpoint.open(path: TestData.tiny(name))
        let compute = Compute(workers: WorkerPool(threadCount: 1))
        let decoder = try Decoder(checkpoint, compute: compute, cacheElementType: cacheType)
        return try #require(decoder.traits.costs)
    }
}
