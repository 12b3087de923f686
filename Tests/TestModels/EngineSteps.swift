import Checkpoints
import Inference
import Models
import Tensors
import Tokenization

/// An engine whose steps are counted while some answers are under way.
package struct EngineSteps {
    /// Requests under way.
    package static let answerCount = 4
    /// Steps before those that are counted: by then every buffer has the size that it needs.
    private static let warmUpCount = 60
    private static let countedCount = 40

    private let progress: CountingProgress
    private let engine: Engine

    /// An engine over a tiny decoder on as many threads, with or without guessing from the text.
    package init(threadCount: Int, guesses: Bool = false) throws {
        // Whoever sleeps takes a lock to do so: these threads never do.
        let workers = WorkerPool(threadCount: threadCount, spinLimit: .max, callerSpinLimit: .max)
        let checkpoint = try Checkpoint.open(path: TestData.tiny("llama-q4_0.gguf"))
        let decoder = try Decoder(checkpoint, compute: Compute(workers: workers))
        let steps = (Self.warmUpCount, Self.warmUpCount + Self.countedCount)
        let model = CountedModel(decoder, workers: workers, rowCount: Self.answerCount, counted: steps.0..<steps.1)
        progress = model.progress
        let configuration = try EngineConfiguration(cacheSize: .blocks(64), blockSize: 32)
        let drafter = guesses ? LookupDrafter() : nil
        engine = try Engine(model: model, drafter: drafter, configuration: configuration)
    }

    /// Counts the steps.
    ///
    /// - Parameter readsAlong: whether somebody waits for every event while steps are counted.
    package func count(readsAlong: Bool) async throws -> StepCounts {
        let requests = (0..<Self.answerCount).map { index in
            var request = GenerationRequest(
                id: RequestID(UInt64(index + 1)),
                prompt: (0..<9 + index).map { TokenID(7 * $0 + index) },
                maxTokens: Self.warmUpCount + Self.countedCount + 5
            )
            request.sampling.seed = UInt64(index)
            return request
        }
        let streams = try await engine.submit(requests)
        while !progress.isHeld { await Task.yield() }
        // What was sent so far is read, and leaves the memory that as many events need again.
        var iterators = streams.map { $0.makeAsyncIterator() }
        for index in iterators.indices {
            for _ in 0..<Self.warmUpCount { _ = await iterators[index].next() }
        }
        progress.release()
        if !readsAlong { while progress.counts == nil { await Task.yield() } }
        await withTaskGroup(of: Void.self) { group in
            for stream in streams { group.addTask { for await _ in stream {} } }
        }
        return progress.counts ?? StepCounts()
    }
}
