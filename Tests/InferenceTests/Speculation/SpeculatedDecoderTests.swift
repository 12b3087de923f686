import Checkpoints
import Foundation
import Models
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Inference

/// With a decoder and its kernels under the engine, answers and log probabilities are equal with and without guesses.
@Suite struct SpeculatedDecoderTests {
    @Test(arguments: ["llama-q4_0.gguf", "llama-q6_k.gguf", "llama-f32.gguf", "qwen3-f32.gguf", "gemma3-f32.gguf"])
    func `answers and log probabilities equal those without guesses`(name: String) async throws {
        let requests = try Self.requests()
        let plain = try Engine(model: try Self.decoder(name), configuration: Self.configuration(blockCount: 128))
        let expected = try await EngineTests.together(requests, on: plain)
        for (errorRate, blockCount) in [(0.0, 128), (0.3, 128), (0.2, 20)] {
            let engine = try Self.engine(name, guessing: expected, of: requests, errorRate, blockCount: blockCount)
            try await Self.expect(expected, of: requests, on: engine)
            #expect(engine.statistics().acceptedDraftTokens > 20)
            #expect((engine.statistics().preemptions > 0) == (blockCount == 20))
            #expect(await engine.verifyIdle().isClean)
        }
    }

    @Test(arguments: ["llama-q4_0.gguf", "llama-f32.gguf"])
    func `constraints, biases and adapters hold inside runs of guesses`(name: String) async throws {
        let base = try AdapterBase(Checkpoint.open(path: TestData.tiny(name)))
        let file = try AdapterCheckpoint(path: TestData.tiny("llama-adapter"))
        let adapter = try base.adapter(file, fingerprint: "a")
        var requests = try Self.requests()
        for index in requests.indices {
            requests[index].adapter = [nil, adapter, Adapter(mixing: [(adapter, 0.4)])][index % 3]
            if index % 2 == 0 { requests[index].constraint = Remainders(divisor: 3 + index) }
            if index % 4 < 2 {
                var settings = SamplingSettings()
                settings.temperature = index % 4 == 0 ? 0.8 : 0
                settings.seed = UInt64(index)
                settings.logitBias = [TokenID(7): 4, TokenID(9): -100, TokenID(11): 2]
                requests[index].sampling = try SamplingParameters(settings)
            }
        }
        let plain = try Engine(model: try Self.decoder(name), configuration: Self.configuration(blockCount: 128))
        let expected = try await EngineTests.together(requests, on: plain)
        for errorRate in [0, 0.3] {
            let engine = try Self.engine(name, guessing: expected, of: requests, errorRate, blockCount: 128)
            try await Self.expect(expected, of: requests, on: engine)
            #expect(engine.statistics().acceptedDraftTokens > 20)
        }
    }

    /// What may come next hangs on all that came before.
    private struct Remainders: TokenConstraint {
        let divisor: Int
        var sum = 0
        var mustEnd: Bool { false }
        var isWorthPreparing: Bool { divisor % 2 == 0 }

        mutating func prepare() {}

        mutating func restrict(_ logits: UnsafeMutableBufferPointer<Float>, endingTokens: Set<TokenID>) {
            for index in logits.indices where index % divisor != sum % divisor { logits[index] = -.infinity }
        }

        mutating func take(_ token: TokenID) { sum += 1 + Int(token.rawValue) / 2 }
    }

    @Test func `a draft model on the same threads changes no token`() async throws {
        let requests = try Self.requests()
        let plain = try Engine(
            model: try Self.decoder("llama-q4_0.gguf"),
            configuration: Self.configuration(blockCount: 128)
        )
        let expected = try await EngineTests.together(requests, on: plain)
        let workers = WorkerPool(threadCount: 2)
        let drafter = ModelDrafter(
            model: try Self.decoder("llama-f32.gguf", workers),
            tokenCost: 0.1,
            blockCount: 128,
            blockSize: 8
        )
        let engine = try Engine(
            model: try Self.decoder("llama-q4_0.gguf", workers),
            drafter: drafter,
            configuration: Self.configuration(blockCount: 128)
        )
        try await Self.expect(expected, of: requests, on: engine)
        #expect(engine.statistics().acceptedDraftTokens > 0)
    }

    /// Checks that `requests` get these answers, whatever was cached or preempted.
    private static func expect(
        _ expected: [RequestID: [GenerationEvent]],
        of requests: [GenerationRequest],
        on engine: Engine
    ) async throws {
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests {
            let (got, wanted) = (events[request.id]!, expected[request.id]!)
            #expect(EquivalenceTests.comparable(got) == EquivalenceTests.comparable(wanted))
        }
    }

    /// An engine that guesses the answers `expected`, with errors.
    private static func engine(
        _ name: String,
        guessing expected: [RequestID: [GenerationEvent]],
        of requests: [GenerationRequest],
        _ errorRate: Double,
        blockCount: Int
    ) throws -> Engine {
        let texts = requests.map { ($0.id, $0.prompt + EngineTests.answer(expected[$0.id]!)) }
        return try Engine(
            model: try decoder(name),
            drafter: OracleDrafter(texts: Dictionary(uniqueKeysWithValues: texts), errorRate: errorRate),
            configuration: configuration(blockCount: blockCount)
        )
    }

    /// Greedy and sampled requests of several lengths, some with penalties and log probabilities.
    private static func requests() throws -> [GenerationRequest] {
        var random = SeededGenerator(5)
        return try (1...9).map { index in
            let prompt = (0..<Int.random(in: 3...40, using: &random)).map { _ in
                TokenID(Int.random(in: 1..<200, using: &random))
            }
            var request = request(UInt64(index), prompt, maxTokens: 10 + 3 * index)
            request.logprobCount = index % 3 == 0 ? 2 : nil
            if index % 2 == 0 {
                var settings = SamplingSettings()
                settings.temperature = 0.9
                settings.topP = index % 4 == 0 ? 0.9 : 1
                settings.repetitionPenalty = 1.1
                settings.presencePenalty = 0.5
                settings.seed = UInt64(index)
                request.sampling = try SamplingParameters(settings)
            }
            return request
        }
    }

    private static func configuration(blockCount: Int) throws -> EngineConfiguration {
        try EngineConfiguration(cacheSize: .blocks(blockCount), blockSize: 8)
    }

    private static func decoder(
        _ name: String,
        _ workers: WorkerPool = WorkerPool(threadCount: 2)
    ) throws -> sending Decoder {
        let checkpoint = try Checkpoint.open(path: try TestData.tiny(name))
        return try Decoder(checkpoint, compute: Compute(workers: workers))
    }
}
