import Checkpoints
import Models
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Inference

@Suite struct EmbeddingEngineTests {
    private func encoder() throws -> sending BertEncoder {
        let compute = Compute(workers: WorkerPool(threadCount: 2))
        return try BertEncoder(Checkpoint.open(path: TestData.tiny("bert-f32.gguf")), compute: compute)
    }

    private func text(_ count: Int, seed: Int) -> EmbedderText {
        EmbedderText((0..<count).map { TokenID((7 * $0 + seed) % 141) })
    }

    @Test func `many requests at once get the vectors that they get alone`() async throws {
        let requests = (0..<24).map { request in
            (0...request % 5).map { text(1 + (request * 7 + $0 * 13) % 90, seed: $0) }
        }
        let alone = try encoder()
        let expected = requests.map { $0.map { alone.embed([$0])[0] } }
        let engine = EmbeddingEngine(model: try encoder(), tokensPerBatch: 100)
        let found = try await withThrowingTaskGroup(of: (Int, [[Float]]).self) { group in
            for (index, texts) in requests.enumerated() {
                group.addTask { (index, try await engine.embed(texts)) }
            }
            var found = Array(repeating: [[Float]](), count: requests.count)
            for try await (index, vectors) in group { found[index] = vectors }
            return found
        }
        #expect(found == expected)
        #expect(try await engine.embed([]).isEmpty)
    }

    @Test func `what cannot be embedded is refused with its place`() async throws {
        let engine = EmbeddingEngine(model: try encoder(), waitingTokenLimit: 1)
        let fine = text(3, seed: 0)
        await #expect(throws: EmbeddingError.emptyText(index: 1)) { try await engine.embed([fine, text(0, seed: 0)]) }
        await #expect(throws: EmbeddingError.textTooLong(index: 0, tokens: 257, limit: 256)) {
            try await engine.embed([text(257, seed: 0)])
        }
        let token = engine.traits.vocabularySize
        await #expect(throws: EmbeddingError.tokenOutOfRange(index: 2, token: token, vocabularySize: token)) {
            try await engine.embed([fine, fine, EmbedderText([TokenID(token)])])
        }
        // A request alone is taken however long it is.
        #expect(try await engine.embed([fine, fine]).count == 2)
    }

    @Test func `vectors that many small texts would have are bounded, and given back`() async throws {
        let engine = EmbeddingEngine(model: try encoder(), tokensPerBatch: 1, heldFloatLimit: 96 * 40)
        let texts = (0..<25).map { text(1, seed: $0) }
        // The first to come is taken, beside it no other fits; whoever comes later is.
        let taken = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { (try? await engine.embed(texts)) != nil } }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect((1..<20).contains(taken))
        #expect(try await engine.embed((0..<100).map { text(1, seed: $0) }).count == 100)
        #expect(await engine.statistics().refusedRequests == 20 - UInt64(taken))
    }

    @Test func `what was done is counted`() async throws {
        let engine = EmbeddingEngine(model: try encoder(), tokensPerBatch: 10)
        #expect(await engine.statistics() == EmbeddingStatistics())
        _ = try await engine.embed([text(8, seed: 0), text(3, seed: 1), text(9, seed: 2)])
        _ = try? await engine.embed([text(0, seed: 0)])
        let statistics = await engine.statistics()
        #expect(statistics.finishedRequests == 1 && statistics.refusedRequests == 1)
        #expect(statistics.texts == 3 && statistics.tokens == 20)
        #expect(statistics.passTokens.count == 3 && statistics.passTokens.sum == 20)
        #expect(statistics.passTime.count == 3 && statistics.requestTime.count == 1)
        #expect(statistics.runningCount == 0 && statistics.waitingTokenCount == 0)
    }

    @Test func `a cancelled request ends, and the engine goes on`() async throws {
        let engine = EmbeddingEngine(model: try encoder(), tokensPerBatch: 1)
        let long = Task { try await engine.embed((0..<20_000).map { text(200, seed: $0) }) }
        #expect(try await engine.embed([text(5, seed: 1)]).count == 1)
        long.cancel()
        await #expect(throws: EmbeddingError.cancelled) { try await long.value }
        #expect(try await engine.embed([text(5, seed: 1)]).count == 1)
    }

    @Test func `a stopped engine gives up what it has and takes nothing`() async throws {
        let engine = EmbeddingEngine(model: try encoder(), tokensPerBatch: 1)
        let long = Task { try await engine.embed((0..<20_000).map { text(200, seed: $0) }) }
        _ = try await engine.embed([text(5, seed: 1)])
        await engine.shutdown()
        await #expect(throws: EmbeddingError.draining) { try await engine.embed([text(5, seed: 1)]) }
        await #expect(throws: EmbeddingError.draining) { try await long.value }
    }
}
