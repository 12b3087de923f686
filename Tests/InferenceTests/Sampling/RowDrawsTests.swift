import Models
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Inference

@Suite struct RowDrawsTests {
    private static let vocabularySize = 3_001

    /// A request whose draws differ from those of the others in kind and seed.
    private func request(_ index: Int) throws -> ActiveRequest {
        var settings = SamplingSettings()
        settings.seed = UInt64(index)
        switch index % 4 {
        case 0: settings.temperature = 0
        case 1: settings.temperature = 0.8
        case 2: settings.topP = 0.9
        default: (settings.topK, settings.minP) = (40, 0.05)
        }
        let (_, continuation) = AsyncStream.makeStream(of: GenerationEvent.self)
        let request = try GenerationRequest.drawing(settings, maxTokens: 100)
        return ActiveRequest(request, continuation, submitted: ContinuousClock().now)
    }

    private func fill(_ logits: UnsafeMutableBufferPointer<Float>, row: Int, step: Int) {
        ScriptedModel.hashed([TokenID(row), TokenID(step)], logits)
    }

    @Test(arguments: [1, 2, 3])
    func `rows draw together what they draw alone, on any number of threads`(threadCount: Int) throws {
        let rowCount = 13
        let storage = UnsafeMutableBufferPointer<Float>.allocate(capacity: rowCount * Self.vocabularySize)
        defer { storage.deallocate() }
        func logits(_ row: Int) -> UnsafeMutableBufferPointer<Float> {
            .init(rebasing: storage[row * Self.vocabularySize..<(row + 1) * Self.vocabularySize])
        }
        let draws = RowDraws(workers: WorkerPool(threadCount: threadCount), instructionSet: .detected)
        let together = try (0..<rowCount).map(request)
        let alone = try (0..<rowCount).map(request)
        var scratch = SamplerScratch()
        for step in 0..<5 {
            for row in 0..<rowCount {
                fill(logits(row), row: row, step: step)
                draws.append(together[row], logits(row))
            }
            draws.run()
            let drawn = try (0..<rowCount).map { _ in try draws.next().get().token }
            draws.removeAll()
            for row in 0..<rowCount {
                fill(logits(row), row: row, step: step)
                #expect(try alone[row].sampler.draw(from: logits(row), scratch: &scratch).token == drawn[row])
            }
        }
    }

    @Test func `a row that cannot draw fails alone`() throws {
        let storage = UnsafeMutableBufferPointer<Float>.allocate(capacity: 3 * 64)
        defer { storage.deallocate() }
        storage.initialize(repeating: 0)
        storage[64 + 7] = .nan
        let draws = RowDraws(workers: WorkerPool(threadCount: 2), instructionSet: .detected)
        for row in 0..<3 { draws.append(try request(0), .init(rebasing: storage[row * 64..<(row + 1) * 64])) }
        draws.run()
        #expect(try draws.next().get().token == TokenID(0))
        #expect(throws: SamplingFailure.notFinite) { try draws.next().get() }
        #expect(try draws.next().get().token == TokenID(0))
    }
}
