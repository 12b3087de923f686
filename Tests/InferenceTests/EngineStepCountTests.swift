import Checkpoints
import Models
import Synchronization
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Inference

/// What a steady step asks of the heap and of the system's locks: nothing to plan it, compute it, draw from it and book
/// it; one lock for every event that it leaves for another thread, and some more when that thread has to be woken.
///
/// Counted are the thread of the engine and those of the pool, over whole steps, from one forward pass to the next.
/// `HEARTH_TRACE_COUNTS=1` writes where each counted call came from to the standard error. Debug builds allocate for
/// generics and coroutines that a release build resolves, so there only locks are counted; `make test` runs
/// `step-counts`, a release build of the same.
@Suite(.enabled(if: CallCounter.isAvailable, "sanitizers bring an allocator of their own"), .serialized)
struct EngineStepCountTests {
    @Test(arguments: [1, 2], [false, true])
    func `a step of four answers that nobody reads allocates nothing and takes one lock an event`(
        threadCount: Int,
        guesses: Bool
    ) async throws {
        let counts = try await EngineSteps(threadCount: threadCount, guesses: guesses).count(readsAlong: false)
        #expect(counts.stepCount == 40)
        #expect(counts.inForward.locks == 0)
        #expect(counts.between.locks == EngineSteps.answerCount * counts.stepCount)
        #if !DEBUG
            #expect(counts.inForward.allocations == 0)
            #expect(counts.between.allocations == 0)
        #endif
    }

    @Test func `waking the reader of an answer takes at most eight allocations and four locks a token`() async throws {
        let counts = try await EngineSteps(threadCount: 1).count(readsAlong: true)
        let tokenCount = EngineSteps.answerCount * counts.stepCount
        #expect(counts.stepCount == 40)
        #expect(counts.inForward.locks == 0)
        #expect(counts.between.locks <= 4 * tokenCount)
        #if !DEBUG
            #expect(counts.inForward.allocations == 0)
            #expect(counts.between.allocations <= 8 * tokenCount)
        #endif
    }

    /// What samplers do is the same step for other settings; each kind of draw has its own path.
    @Test(arguments: Kind.allCases)
    func `no kind of draw allocates`(kind: Kind) throws {
        var sampler = Sampler(
            try GenerationRequest.drawing(kind.settings, maxTokens: 100)
        )
        var scratch = SamplerScratch()
        let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: 151_936)
        defer { logits.deallocate() }
        let counter = CallCounter()
        for draw in 0..<6 {
            ScriptedModel.hashed([TokenID(draw % 3)], logits)
            if draw >= 3 { counter.watch() }
            _ = try sampler.draw(from: logits, scratch: &scratch)
            CallCounter.ignore()
        }
        #expect(counter.locks == 0)
        #if !DEBUG
            #expect(counter.allocations == 0)
        #endif
    }

    /// The kinds of draws.
    enum Kind: CaseIterable {
        case greedy, temperature, topP, topKMinP, typical, penalised

        var settings: SamplingSettings {
            var settings = SamplingSettings()
            settings.seed = 7
            switch self {
            case .greedy: settings.temperature = 0
            case .temperature: settings.temperature = 0.8
            case .topP: settings.topP = 0.9
            case .topKMinP: (settings.topK, settings.minP) = (40, 0.05)
            case .typical: settings.typicalP = 0.9
            case .penalised: (settings.temperature, settings.logitBias) = (0, [TokenID(3): 1])
            }
            return settings
        }
    }
}

extension GenerationRequest {
    /// A request of ten tokens with these settings.
    static func drawing(_ settings: SamplingSettings, maxTokens: Int) throws -> GenerationRequest {
        var request = GenerationRequest(
            id: RequestID(1),
            prompt: (0..<10).map { TokenID($0) },
            maxTokens: maxTokens
        )
        request.sampling = try SamplingParameters(settings)
        return request
    }
}
