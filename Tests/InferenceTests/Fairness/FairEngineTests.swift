import Foundation
import Models
import Synchronization
import TestModels
import Testing
import Tokenization

@testable import Inference

/// Fairness as callers meet it, through the engine.
@Suite struct FairEngineTests {
    @Test func `a request of another adapter does not wait for a flood of fifty`() async throws {
        let passed = try await Self.flood(.fair)
        // Four of the flood run when it comes; the first of them that ends makes room for it.
        #expect(passed <= 4)
    }

    @Test func `in the order of arrival it waits for all of them`() async throws {
        let passed = try await Self.flood(.arrival)
        #expect(passed == 50)
    }

    @Test func `the flood is answered, too`() async throws {
        let engine = try EngineTests.engine(blockCount: 60, tokensPerStep: 16, maxRunning: 6)
        let requests = (0..<40).map { Self.request(UInt64($0), adapter: $0 % 7 == 0 ? "b" : "a") }
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests {
            #expect(EngineTests.answer(events[request.id]!) == EngineTests.reference(request))
        }
        #expect(await engine.verifyIdle().isClean)
    }

    /// Requests of a flood whose first token was drawn before that of a request that came when the first four ran.
    private static func flood(_ scheduling: Scheduling) async throws -> Int {
        let gate = StepGate()
        let order = Mutex<[TokenID]>([])
        let model = ScriptedModel(vocabularySize: 64, contextLength: 256) { tokens, logits in
            if tokens.count == 14 { gate.wait() }
            order.withLock { if tokens.count == 10 { $0.append(tokens[0]) } }
            ScriptedModel.hashed(tokens, logits)
        }
        var configuration = try EngineConfiguration(
            cacheSize: .blocks(512),
            blockSize: 4,
            limits: StepLimits(tokensPerStep: 64, maxRunning: 4)
        )
        configuration.scheduling = scheduling
        let engine = try Engine(model: model, configuration: configuration)
        var streams = try await engine.submit((1...50).map { request(UInt64($0), adapter: "a") })
        streams.append(
            try await gate.open(during: { try await engine.submit(request(60, adapter: "b")) }, on: engine)
        )
        for stream in streams { for await _ in stream {} }
        #expect(await engine.verifyIdle().isClean)
        let sequence = order.withLock { $0 }
        #expect(sequence.count == 51)
        return sequence.prefix { $0 != TokenID(60) }.count
    }

    private static func request(_ id: UInt64, adapter: String) -> GenerationRequest {
        var request = GenerationRequest(
            id: RequestID(id),
            prompt: tokens(from: 1, count: 10),
            sampling: .greedy,
            maxTokens: 12
        )
        request.prompt[0] = TokenID(Int(id))
        request.client = ClientKey(adapter: adapter)
        return request
    }
}
