import Models
import TestModels
import Testing
import Tokenization

@testable import Inference

@Suite struct EngineConcurrencyTests {
    @Test(arguments: [24, 400])
    func `two hundred callers of whom half go away leave nothing behind`(blockCount: Int) async throws {
        let engine = try EngineTests.engine(blockCount: blockCount, tokensPerStep: 32, maxRunning: 16)
        let answered = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<200 {
                group.addTask { try await Self.call(engine, index) }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(answered == 100)
        await expectSoon("an idle engine") { await engine.verifyIdle().isIdle }
        let report = await engine.verifyIdle()
        #expect(report.isClean, "\(report)")
        let statistics = engine.statistics()
        #expect(statistics.usedBlockCount == 0)
        #expect(statistics.finishedRequests.values.reduce(0, +) == 200)
    }

    @Test func `a flood beyond the queue is refused and the rest is served`() async throws {
        let limits = try StepLimits(tokensPerStep: 64, maxRunning: 4, maxWaiting: 8)
        let model = ScriptedModel(vocabularySize: 64, contextLength: 256)
        let engine = try Engine(
            model: model,
            configuration: EngineConfiguration(cacheSize: .blocks(64), blockSize: 4, limits: limits)
        )
        let (served, refused) = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<100 {
                group.addTask {
                    do throws(SubmissionError) {
                        let stream = try await engine.submit(request(UInt64(index), tokens(index % 64), maxTokens: 30))
                        var count = 0
                        for await event in stream { if case .token = event { count += 1 } }
                        return count == 30
                    } catch {
                        guard case .queueFull = error else { throw error }
                        return false
                    }
                }
            }
            return try await group.reduce((0, 0)) { $1 ? ($0.0 + 1, $0.1) : ($0.0, $0.1 + 1) }
        }
        #expect(served >= 8)
        #expect(served + refused == 100)
        #expect(Int(engine.statistics().refusedRequests) == refused)
        #expect(await engine.verifyIdle().isClean)
    }

    /// Even callers read to the end and check their answer; odd ones leave in one of three ways.
    private static func call(_ engine: Engine, _ index: Int) async throws -> Bool {
        let prompt = tokens(from: index % 5, count: 3 + index % 19)
        let request = request(UInt64(index), prompt, maxTokens: 5 + index % 20)
        let stream = try await engine.submit(request)
        if index % 2 == 0 {
            var events: [GenerationEvent] = []
            for await event in stream { events.append(event) }
            return EngineTests.answer(events) == EngineTests.reference(request)
        }
        switch index % 3 {
        case 0:
            await engine.cancel(request.id)
            for await _ in stream {}
        case 1:
            var count = 0
            for await event in stream {
                if case .token = event { count += 1 }
                if count == 2 { break }
            }
        default:
            let reader = Task { for await _ in stream {} }
            reader.cancel()
            await reader.value
        }
        return false
    }
}
