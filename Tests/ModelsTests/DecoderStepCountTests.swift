import Checkpoints
import Synchronization
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

/// A step of a decoder in a steady state neither allocates nor takes a lock, on no thread.
///
/// `HEARTH_TRACE_COUNTS=1` writes where each counted call came from to the standard error.
@Suite(.enabled(if: CallCounter.isAvailable, "sanitizers bring an allocator of their own"), .serialized)
struct DecoderStepCountTests {
    /// Quantised and float weights, sections of both, norms on heads and on branches, and layers that see a window.
    static let models = [
        "llama-q4_0.gguf", "llama-q4_k.gguf", "llama-f16.gguf", "qwen2-f32.gguf", "qwen3-f32.gguf", "gemma3-f32.gguf",
    ]

    @Test(arguments: models, [1, 2])
    func `a decode step of four sequences does not allocate and takes no lock`(
        model: String,
        threadCount: Int
    ) throws {
        let run = try SteadyRun(model, threadCount: threadCount, tokenCounts: [1, 1, 1, 1])
        let counts = run.countSteps(20)
        #expect(counts.allocations == 0)
        #expect(counts.locks == 0)
    }

    @Test(arguments: [1, 2])
    func `a step that verifies guessed tokens beside a decode does not allocate and takes no lock`(
        threadCount: Int
    ) throws {
        let run = try SteadyRun("llama-q4_0.gguf", threadCount: threadCount, tokenCounts: [5, 1, 9])
        let counts = run.countSteps(8)
        #expect(counts.allocations == 0)
        #expect(counts.locks == 0)
    }

    /// Product of the norm, attention, product, product of the norm, product of the gate: five where one sequence decodes
    /// and nothing but products and heads is worth sharing.
    @Test func `a layer of a decode step takes five regions`() throws {
        let run = try SteadyRun("llama-q4_0.gguf", threadCount: 2, tokenCounts: [1])
        let layers = 2
        #expect(run.countRegions() == 5 * layers + 1)
    }

    @Test func `what is counted would be seen`() {
        let counter = CallCounter()
        counter.watch()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 16)
        CallCounter.ignore()
        memory.deallocate()
        #expect(counter.allocations == 1)
    }
}

/// A decoder with sequences that grow by as many tokens in every step.
private final class SteadyRun {
    private let decoder: Decoder
    private let workers: WorkerPool
    private var batch = ForwardBatch()
    private let counter = CallCounter()

    init(_ model: String, threadCount: Int, tokenCounts: [Int]) throws {
        // Whoever sleeps takes a lock to do so: these threads never do.
        workers = WorkerPool(threadCount: threadCount, spinLimit: .max, callerSpinLimit: .max)
        let compute = Compute(workers: workers)
        decoder = try Decoder(Checkpoint.open(path: TestData.tiny(model)), compute: compute)
        decoder.allocateCache(blockCount: 8 * tokenCounts.count, blockSize: 32)
        for (index, tokenCount) in tokenCounts.enumerated() {
            let blocks = (0..<4).map { BlockID(rawValue: Int32(8 * index + $0)) }
            let first = 3 + 5 * index
            batch.rows.append(
                ForwardRow(firstPosition: first, tokenCount: tokenCount, blockTable: blocks, logitCount: tokenCount)
            )
            batch.tokens += (0..<tokenCount).map { TokenID(7 + index + $0) }
        }
    }

    /// Counts what `stepCount` steps do after two that may do anything.
    func countSteps(_ stepCount: Int) -> CallCounter {
        for _ in 0..<2 { step() }
        watchAll(counter)
        for _ in 0..<stepCount { step() }
        CallCounter.ignore()
        watchAll(nil)
        return counter
    }

    /// Regions of one step that the threads shared.
    func countRegions() -> Int {
        let before = workers.sharedRegionCount
        step()
        return workers.sharedRegionCount - before
    }

    private func step() {
        _ = decoder.forward(batch)
        for index in batch.rows.indices { batch.rows[index].firstPosition += batch.rows[index].tokenCount }
    }

    /// Lets every thread of the pool meet in one region, each with a task of its own.
    private func watchAll(_ counter: CallCounter?) {
        let arrived = Atomic<Int>(0)
        let threadCount = workers.threadCount
        workers.run(taskCount: threadCount) { _ in
            arrived.add(1, ordering: .sequentiallyConsistent)
            while arrived.load(ordering: .sequentiallyConsistent) < threadCount {}
            if let counter { counter.watch() } else { CallCounter.ignore() }
        }
    }
}
