import OpenAIAPI
import Testing

@testable import Serving

@Suite struct RequestGateTests {
    @Test func `places are bounded and given back`() throws {
        let gate = RequestGate(limit: 2)
        var first: Permit? = try gate.enter { _ in }
        let second = try gate.enter { _ in }
        #expect(#expect(throws: APIError.self) { try gate.enter { _ in } }?.status == 429)
        first = nil
        _ = first
        #expect(gate.runningCount == 1)
        second.leave()
        second.leave()
        #expect(gate.runningCount == 0)
        gate.beginDraining()
        #expect(#expect(throws: APIError.self) { try gate.enter { _ in } }?.status == 503)
    }

    @Test func `waiting for idle ends when the last one leaves`() async throws {
        let gate = RequestGate(limit: 9)
        let permits = [try gate.enter { _ in }, try gate.enter { _ in }]
        async let idle: Void = gate.waitUntilIdle()
        for permit in permits { permit.leave() }
        await idle
        await gate.waitUntilIdle()
        #expect(gate.runningCount == 0)
    }
}
