import Deployments
import Inference
import Tokenization

/// Tokens a second.
struct BenchmarkRates: Sendable {
    /// Prompt tokens of all streams by the time until each of them has its first token.
    var prefill: Double
    /// Tokens of all streams after that by the time until the first stream ends.
    var decode: Double
}

/// Requests of one size, sent together.
struct BenchmarkRun {
    let deployment: Deployment
    let measured: BenchmarkCase
    /// What the streams compute under, in turn; none for the model as it is.
    var adapters: [AdapterLease] = []

    /// Sends the requests of repetition `run` and waits for their ends; gives when each stream's tokens came. Unless the
    /// case is about cached prompts, nobody else has had these.
    @discardableResult
    func instants(run: Int) async throws -> [[ContinuousClock.Instant]] {
        try await withThrowingTaskGroup(of: [ContinuousClock.Instant].self) { group in
            for stream in 0..<measured.streamCount { group.addTask { try await instants(run: run, stream: stream) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// The rates of repetition `run`.
    func rates(run: Int) async throws -> BenchmarkRates {
        let start = ContinuousClock.now
        let streams = try await instants(run: run)
        // All streams are in their decode phase between these two.
        guard let allStarted = streams.compactMap(\.first).max(), let oneEnded = streams.compactMap(\.last).min() else {
            throw GenerationFailure.failed("the model generated nothing")
        }
        if allStarted >= oneEnded {
            throw GenerationFailure.failed(
                "the first of \(measured.streamCount) streams had ended before the last began: raise --generate"
            )
        }
        let decoded = streams.joined().count { $0 > allStarted && $0 <= oneEnded }
        return BenchmarkRates(
            prefill: Double(measured.promptCount * measured.streamCount) / ((allStarted - start) / .seconds(1)),
            decode: Double(decoded) / ((oneEnded - allStarted) / .seconds(1))
        )
    }

    /// When each token of one answer came.
    private func instants(run: Int, stream: Int) async throws -> [ContinuousClock.Instant] {
        let run = measured.isCached ? 0 : run
        let name = "bench-\(measured.promptCount)-\(measured.streamCount)-\(run)-\(stream)"
        var generator = BenchmarkGenerator(state: UInt64(run * measured.streamCount + stream) &+ 1)
        let vocabularySize = UInt64(deployment.details.vocabularySize)
        let tokens = (0..<measured.promptCount).map { _ in TokenID(rawValue: Int32(generator.next() % vocabularySize)) }
        var parameters = GenerationParameters(sampling: .greedy, maxTokens: measured.generatedCount)
        parameters.ignoreEndOfSequence = true
        parameters.cacheSalt = name
        var request = TextRequest(id: name, prompt: .tokens(tokens), parameters: parameters)
        if !adapters.isEmpty { request.adapter = adapters[stream % adapters.count] }
        var instants: [ContinuousClock.Instant] = []
        for await event in try await deployment.generate(request).events {
            switch event {
            case .text(_, _, let tokens, _):
                instants += tokens.map { _ in ContinuousClock.now }
            case .failed(let reason): throw GenerationFailure.failed(reason)
            default: break
            }
        }
        guard instants.count > 1 else {
            throw GenerationFailure.failed("the model generated \(instants.count) tokens")
        }
        return instants
    }
}

/// Repeatable prompts: SplitMix64 (Steele, Lea & Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
struct BenchmarkGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
