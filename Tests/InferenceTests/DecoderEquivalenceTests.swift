import Checkpoints
import Models
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Inference

/// The engine with a real decoder under it: tokens and log probabilities of a request are equal, to the bit, alone,
/// beside others, in chunks, from the prefix cache, and preempted and resumed, on one thread and on two.
@Suite struct DecoderEquivalenceTests {
    /// A checkpoint and how its keys and values are kept.
    struct Subject: CustomTestStringConvertible, Sendable {
        var name: String
        var cacheType: ElementType
        var testDescription: String { "\(name), cache of \(CacheShape.name(of: cacheType))" }
    }

    /// Quantised, half and float weights, grouped heads, layers that see only a window; every kind of cache.
    static let models = [
        Subject(name: "llama-q4_0.gguf", cacheType: .f16), Subject(name: "llama-q8_0.gguf", cacheType: .i8),
        Subject(name: "llama-f16.gguf", cacheType: .bf16), Subject(name: "qwen3-f32.gguf", cacheType: .i16),
        Subject(name: "gemma3-f32.gguf", cacheType: .f32),
    ]

    @Test(arguments: models)
    func `answers are the same alone, together, and on one thread or two`(model: Subject) async throws {
        let expected = try await Self.alone(model)
        for threadCount in [1, 2] {
            let engine = try Self.engine(model, threadCount: threadCount)
            #expect(try await Self.together(on: engine) == expected)
            // Fewer steps than tokens: they did share steps.
            let generated = expected.values.reduce(0) { $0 + $1.count }
            #expect(engine.statistics().steps < UInt64(generated))
        }
    }

    @Test(arguments: models)
    func `answers are the same when prompts come in chunks`(model: Subject) async throws {
        let expected = try await Self.alone(model)
        for tokensPerStep in [3, 7, 32] {
            let engine = try Self.engine(model, tokensPerStep: tokensPerStep)
            #expect(try await Self.together(on: engine) == expected)
            let promptTokens = Self.requests.reduce(0) { $0 + $1.prompt.count }
            #expect(engine.statistics().steps > UInt64(promptTokens / tokensPerStep / 2))
        }
    }

    @Test(arguments: models)
    func `answers are the same when the prompt comes from the prefix cache`(model: Subject) async throws {
        let expected = try await Self.alone(model)
        let engine = try Self.engine(model)
        #expect(try await Self.together(on: engine) == expected)
        var cachedCount = 0
        for request in Self.requests {
            var again = request
            again.id = RequestID(request.id.rawValue + 100)
            let events = try await EngineTests.events(again, on: engine)
            #expect(events.compactMap(Drawn.init) == expected[request.id])
            if case .started(let cached) = events.first { cachedCount += cached > 0 ? 1 : 0 }
        }
        #expect(cachedCount == Self.requests.count)
    }

    @Test(arguments: models)
    func `answers are the same when requests are preempted and resumed`(model: Subject) async throws {
        let expected = try await Self.alone(model)
        let engine = try Self.engine(model, blockCount: 7, tokensPerStep: 24)
        #expect(try await Self.together(on: engine) == expected)
        #expect(engine.statistics().preemptions > 0)
        #expect(await engine.verifyIdle().isClean)
    }

    @Test(arguments: models, [256, 7])
    func `answers are the same when blocks come from disk after a restart`(model: Subject, blockCount: Int) async throws
    {
        let expected = try await Self.alone(model)
        let folder = TemporaryFolder()
        for start in 0..<3 {
            let settings = try DiskCacheConfiguration(folder: folder.path, byteLimit: 1 << 30)
            let disk = try DiskCache(settings, form: CacheForm(modelName: model.name, facts: []))
            let engine = try Self.engine(model, blockCount: blockCount, tokensPerStep: 24, disk: disk)
            #expect(try await Self.together(on: engine) == expected)
            await engine.shutdown(gracePeriod: .zero)
            #expect(await engine.verifyIdle().isClean)
            if start > 0 { #expect(engine.statistics().restoredPromptTokens > 0) }
            #expect(engine.statistics().disk?.damagedBlocks == 0)
        }
    }

    /// What a step yielded for a request.
    struct Drawn: Equatable {
        var token: TokenID
        var logprobs: TokenLogprobs?

        init?(_ event: GenerationEvent) {
            guard case .token(let token, let logprobs) = event else { return nil }
            self.token = token
            self.logprobs = logprobs
        }
    }

    /// Prompts of 9 to 70 tokens, some sharing a beginning, greedy and sampled.
    private static let requests: [GenerationRequest] = (1...7).map { index in
        let shared = (0..<24).map { TokenID(5 * $0 % 311) }
        let own = (0..<9 + 9 * (index % 5)).map { TokenID((7 * $0 * $0 + 13 * index) % 320) }
        var request = request(UInt64(index), index % 2 == 0 ? shared + own : own, maxTokens: 12 + 3 * index)
        request.logprobCount = 2
        if index % 3 == 0 {
            var settings = SamplingSettings()
            settings.temperature = 0.9
            settings.topP = 0.95
            settings.repetitionPenalty = 1.1
            settings.seed = UInt64(index)
            request.sampling = (try? SamplingParameters(settings)) ?? .greedy
        }
        return request
    }

    private static func engine(
        _ model: Subject,
        threadCount: Int = 2,
        blockCount: Int = 256,
        tokensPerStep: Int = 512,
        disk: DiskCache? = nil
    ) throws -> Engine {
        let checkpoint = try Checkpoint.open(path: TestData.tiny(model.name))
        let compute = Compute(workers: WorkerPool(threadCount: threadCount))
        let configuration = try EngineConfiguration(
            cacheSize: .blocks(blockCount),
            blockSize: blockCount < 32 ? 16 : 8,
            limits: StepLimits(tokensPerStep: tokensPerStep, maxRunning: 8)
        )
        let decoder = try Decoder(checkpoint, compute: compute, cacheElementType: model.cacheType)
        return try Engine(model: decoder, configuration: configuration, disk: disk)
    }

    /// What every request yields with an engine of its own, single-threaded.
    private static func alone(_ model: Subject) async throws -> [RequestID: [Drawn]] {
        var answers: [RequestID: [Drawn]] = [:]
        for request in requests {
            let engine = try engine(model, threadCount: 1)
            answers[request.id] = try await EngineTests.events(request, on: engine).compactMap(Drawn.init)
            #expect(answers[request.id]?.count == request.maxTokens)
        }
        return answers
    }

    private static func together(on engine: Engine) async throws -> [RequestID: [Drawn]] {
        try await EngineTests.together(requests, on: engine).mapValues { $0.compactMap(Drawn.init) }
    }
}
