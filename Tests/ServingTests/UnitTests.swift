import Inference
import OpenAIAPI
import Testing

@testable import Serving

@Suite struct RouteTests {
    @Test func `paths are found with and without a slash at the end`() throws {
        #expect(Route.find("/v1/chat/completions/") == .chatCompletions)
        #expect(Route.find("/") == .index)
        #expect(Route.find("") == .index)
        #expect(Route.find("/v1/models/") == .models)
        #expect(Route.find("/v1/models/a/b%20c") == .model("a/b c"))
        #expect(Route.find("/v1/models/%FF") == .model("%FF"))
        #expect(Route.find("/V1/models") == nil)
    }
}

@Suite struct AuthenticationTests {
    @Test func `keys are equal only when every byte is`() {
        #expect(Authentication.isEqual([1, 2], [1, 2]))
        #expect(!Authentication.isEqual([1, 2, 1, 2], [1, 2]))
        #expect(!Authentication.isEqual([], [1]))
        #expect(!Authentication.isEqual([1], []))
        #expect(Authentication(keys: []).allows(nil))
        #expect(Authentication(keys: ["é"]).allows("BEARER é"))
    }
}

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

@Suite struct PrometheusTextTests {
    @Test func `labels are escaped and numbers plain`() {
        var text = PrometheusText()
        text.begin("a", .gauge, "Help.")
        text.sample("a", [("b", "x\"\\\n")], 2.5)
        text.sample("a", [], 3)
        #expect(text.text == "# HELP a Help.\n# TYPE a gauge\na{b=\"x\\\"\\\\\\n\"} 2.5\na 3\n")
    }
}
