import Foundation
import Models
import TestModels
import Testing
import Tokenization

@testable import Inference

/// The tokens of a request are equal whether it runs alone, in a batch, in chunks, from the prefix cache, or preempted
/// and resumed; and equal to what the definition gives without any engine.
@Suite struct EquivalenceTests {
    @Test(arguments: [1, 2, 3, 5, 7, 16, 64, 512])
    func `batched and chunked answers equal those of requests that run alone`(tokensPerStep: Int) async throws {
        let engine = try EngineTests.engine(tokensPerStep: tokensPerStep)
        let requests = try Self.requests(count: 24)
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests { #expect(EngineTests.answer(events[request.id]!) == EngineTests.reference(request)) }
        #expect(await engine.verifyIdle().isClean)
    }

    @Test(arguments: [26, 30, 40, 60])
    func `preempted and resumed answers equal those of requests that run alone`(blockCount: Int) async throws {
        let engine = try EngineTests.engine(blockCount: blockCount, tokensPerStep: 16, maxRunning: 12)
        let requests = try Self.requests(count: 24)
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests { #expect(EngineTests.answer(events[request.id]!) == EngineTests.reference(request)) }
        #expect(engine.statistics().preemptions > 0)
        #expect(await engine.verifyIdle().isClean)
    }

    @Test func `answers from the prefix cache equal those without it`() async throws {
        let engine = try EngineTests.engine()
        let requests = try Self.requests(count: 12)
        _ = try await EngineTests.together(requests, on: engine)
        let again = requests.map { request in
            var request = request
            request.id = RequestID(request.id.rawValue + 100)
            return request
        }
        for request in again {
            let events = try await EngineTests.events(request, on: engine)
            #expect(EngineTests.answer(events) == EngineTests.reference(request))
            guard case .started(let cached) = events.first else {
                Issue.record("no start")
                return
            }
            #expect(cached == (request.prompt.count - 1) / 4 * 4)
        }
    }

    @Test func `log probabilities are the same in every company, chunk and preemption`() async throws {
        var scored = try Self.requests(count: 6)
        for index in scored.indices {
            scored[index].logprobCount = 3
            scored[index].promptLogprobCount = index % 2 == 0 ? 2 : nil
        }
        let alone = try EngineTests.engine()
        var expected: [RequestID: [GenerationEvent]] = [:]
        for request in scored { expected[request.id] = try await EngineTests.events(request, on: alone) }
        let crowded = try EngineTests.engine(blockCount: 26, tokensPerStep: 5, maxRunning: 6)
        let events = try await EngineTests.together(scored, on: crowded)
        #expect(crowded.statistics().preemptions > 0)
        for request in scored {
            #expect(Self.comparable(events[request.id]!) == Self.comparable(expected[request.id]!))
        }
    }

    @Test func `every prompt position gets its log probability, whatever the chunks`() async throws {
        var request = request(1, tokens(from: 3, count: 40), maxTokens: 0)
        request.promptLogprobCount = 1
        for tokensPerStep in [1, 7, 512] {
            let engine = try EngineTests.engine(tokensPerStep: tokensPerStep)
            let events = try await EngineTests.events(request, on: engine)
            guard events.count == 3, case .promptLogprobs(let logprobs) = events[1] else {
                Issue.record("\(events)")
                return
            }
            #expect(logprobs.count == 40)
            #expect(logprobs[0] == nil)
            for position in 1..<40 {
                let expected = Self.logprob(of: request.prompt[position], after: Array(request.prompt[..<position]))
                #expect(logprobs[position]?.token == request.prompt[position])
                #expect(abs(Double(logprobs[position]?.logprob ?? 0) - expected) < 1e-5)
            }
        }
    }

    /// Requests of all lengths, some with a shared prefix, greedy and sampled, seeded.
    static func requests(count: Int) throws -> [GenerationRequest] {
        var random = SeededGenerator(count)
        let shared = tokens(from: 0, count: 21)
        return try (1...count).map { index in
            let own = (0..<Int.random(in: 1...30, using: &random)).map { _ in
                TokenID(Int.random(in: 0..<64, using: &random))
            }
            let prompt = index % 3 == 0 ? shared + own : own
            var request = request(UInt64(index), prompt, maxTokens: Int.random(in: 1...40, using: &random))
            if index % 2 == 0 {
                var settings = SamplingSettings()
                settings.temperature = 1.3
                settings.topK = index % 4 == 0 ? 20 : 0
                settings.topP = 0.9
                settings.repetitionPenalty = 1.2
                settings.frequencyPenalty = 0.3
                settings.seed = UInt64(index)
                request.sampling = try SamplingParameters(settings)
            }
            return request
        }
    }

    /// Everything but what may differ: cache hits and preemptions.
    static func comparable(_ events: [GenerationEvent]) -> [GenerationEvent] {
        events.compactMap { event in
            switch event {
            case .started: nil
            case .finished(let reason, let usage):
                .finished(
                    reason,
                    GenerationUsage(promptTokens: usage.promptTokens, completionTokens: usage.completionTokens)
                )
            case .promptLogprobs, .token, .failed: event
            }
        }
    }

    private static func logprob(of token: TokenID, after prefix: [TokenID]) -> Double {
        let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: 64)
        defer { logits.deallocate() }
        ScriptedModel.hashed(prefix, logits)
        let sum = logits.reduce(0.0) { $0 + exp(Double($1)) }
        return Double(logits[Int(token.rawValue)]) - log(sum)
    }
}
