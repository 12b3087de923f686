import TestModels
import Testing
import Tokenization

@testable import Inference

/// Who is charged for the time of steps.
@Suite struct ComputeTimeTests {
    @Test func `the parts of all requests add up to the time of all steps, however they end`() async throws {
        let engine = try EngineTests.engine(blockCount: 26, tokensPerStep: 16, maxRunning: 12)
        var requests = (0..<24).map { index in
            request(UInt64(index), tokens(from: index, count: 3 + index % 9), maxTokens: 5 + index % 11)
        }
        for index in requests.indices { requests[index].receipt = UsageReceipt() }
        let streams = try await engine.submit(requests)
        for (index, stream) in streams.enumerated() {
            for await event in stream {
                guard index == 3, case .token = event else { continue }
                await engine.cancel(requests[index].id)
            }
        }
        let reports = requests.compactMap { $0.receipt?.report }
        #expect(reports.count == 24)
        let total = reports.reduce(Duration.zero) { $0 + $1.computeTime }
        let steps = engine.statistics().stepTime.sum
        #expect(steps > 0)
        #expect(abs(total.seconds - steps) < 1e-6 * steps + 1e-9)
        let drawn = reports.reduce(0) { $0 + $1.usage.completionTokens }
        #expect(UInt64(drawn) == engine.statistics().generatedTokens)
    }

    @Test func `a caller who has left finds the report, too`() async throws {
        let gate = StepGate()
        let engine = try EngineTests.engine(heldAtToken: 5, by: gate)
        var asked = request(1, tokens(1), maxTokens: 200)
        let receipt = UsageReceipt()
        asked.receipt = receipt
        for await event in try await engine.submit(asked) {
            guard case .token = event else { continue }
            // Leaving cancels, and that is to wait for the step, too.
            await gate.untilHeld()
            break
        }
        #expect(receipt.report == nil)
        try await gate.open(during: { [id = asked.id] in await engine.cancel(id) }, on: engine)
        let report = try #require(receipt.report)
        #expect(report.usage.promptTokens == 1 && report.usage.completionTokens > 0)
        #expect(report.computeTime > .zero)
    }

    @Test func `a row that computes more pays more of its step`() async throws {
        let gate = StepGate()
        let engine = try EngineTests.engine(heldAtToken: 200, by: gate)
        var requests = [(1, 10), (3, 60)].map { first, count in
            request(UInt64(first), tokens(from: first, count: count), maxTokens: 1)
        }
        for index in requests.indices { requests[index].receipt = UsageReceipt() }
        for stream in try await engine.submit(requests) { for await _ in stream {} }
        let times = requests.compactMap { $0.receipt?.report?.computeTime.seconds }
        #expect(abs(times[1] / times[0] - 6) < 1e-6)
    }
}
