import Checkpoints
import Models
import Tensors
import Tokenization

/// A decoder with sequences that grow by as many tokens in every step.
package final class DecoderSteps {
    /// Quantised and float weights, sections of both, norms on heads and on branches, and layers that see a window.
    package static let models = [
        "llama-q4_0.gguf", "llama-q4_k.gguf", "llama-f16.gguf", "qwen2-f32.gguf", "qwen3-f32.gguf", "gemma3-f32.gguf",
    ]

    private let decoder: Decoder
    private let workers: WorkerPool
    private var batch = ForwardBatch()
    private let counter = CallCounter()

    /// - Parameters:
    ///   - model: file name of a tiny checkpoint.
    ///   - tokenCounts: tokens of each sequence in every step.
    ///   - owners: which adapter each sequence has, of two; none where it is empty. The model is a llama then.
    package init(_ model: String, threadCount: Int, tokenCounts: [Int], owners: [Int?] = []) throws {
        // Whoever sleeps takes a lock to do so: these threads never do.
        workers = WorkerPool(threadCount: threadCount, spinLimit: .max, callerSpinLimit: .max)
        let compute = Compute(workers: workers)
        let checkpoint = try Checkpoint.open(path: TestData.tiny(model))
        decoder = try Decoder(checkpoint, compute: compute)
        decoder.allocateCache(blockCount: 8 * tokenCounts.count, blockSize: 32)
        for (index, tokenCount) in tokenCounts.enumerated() {
            let blocks = (0..<4).map { BlockID(rawValue: Int32(8 * index + $0)) }
            let first = 3 + 5 * index
            batch.rows.append(
                ForwardRow(firstPosition: first, tokenCount: tokenCount, blockTable: blocks, logitCount: tokenCount)
            )
            batch.tokens += (0..<tokenCount).map { TokenID(7 + index + $0) }
        }
        if owners.isEmpty { return }
        let base = try AdapterBase(checkpoint)
        let adapters = try ["a", "b"].map {
            try base.adapter(AdapterCheckpoint(path: TestData.tiny("llama-adapter")), fingerprint: $0)
        }
        for (index, owner) in owners.enumerated() { batch.rows[index].adapter = owner.map { adapters[$0] } }
    }

    /// Counts what `stepCount` steps do after two that may do anything.
    package func count(_ stepCount: Int) -> CallCounter {
        for _ in 0..<2 { step() }
        counter.watch(workers)
        for _ in 0..<stepCount { step() }
        CallCounter.ignore(workers)
        return counter
    }

    /// Regions of one step that the threads shared.
    package func countRegions() -> Int {
        let before = workers.sharedRegionCount
        step()
        return workers.sharedRegionCount - before
    }

    private func step() {
        _ = decoder.forward(batch)
        for index in batch.rows.indices { batch.rows[index].firstPosition += batch.rows[index].tokenCount }
    }
}
