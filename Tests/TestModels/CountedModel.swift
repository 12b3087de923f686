package import Models
import Synchronization
package import Tensors

/// Memory asked for, and locks taken.
package struct CallCounts: Equatable, Sendable {
    package var allocations = 0
    package var locks = 0

    package init(allocations: Int = 0, locks: Int = 0) {
        self.allocations = allocations
        self.locks = locks
    }
}

/// What was counted over some steps.
package struct StepCounts: Equatable, Sendable {
    package var stepCount = 0
    /// In the model.
    package var inForward = CallCounts()
    /// From the end of one pass to the beginning of the next, on the thread that runs them.
    package var between = CallCounts()

    package init() {}

    /// Both sums in words.
    package var description: String {
        "\(inForward.allocations) allocations and \(inForward.locks) locks in the passes, "
            + "\(between.allocations) and \(between.locks) between them"
    }
}

/// How far a counted model is, for other threads to see.
package final class CountingProgress: Sendable {
    private let isWaiting = Atomic<Bool>(false)
    private let isReleased = Atomic<Bool>(false)
    private let result = Mutex<StepCounts?>(nil)

    /// Whether the model stands before the first step to be counted.
    package var isHeld: Bool { isWaiting.load(ordering: .acquiring) }

    /// Lets it go on.
    package func release() { isReleased.store(true, ordering: .releasing) }

    /// What was counted; nil until all steps are over.
    package var counts: StepCounts? { result.withLock { $0 } }

    fileprivate func hold() {
        isWaiting.store(true, ordering: .releasing)
        while !isReleased.load(ordering: .acquiring) {}
    }

    fileprivate func report(_ counts: StepCounts) { result.withLock { $0 = counts } }
}

/// A decoder that counts in it and between its steps, as long as they have as many rows of one token. Before the first
/// step to be counted it stands still until it is released.
package final class CountedModel: LanguageModel {
    package let progress = CountingProgress()
    private let model: Decoder
    private let workers: WorkerPool
    private let rowCount: Int
    private let counted: Range<Int>
    private let inForward = CallCounter()
    private let between = CallCounter()
    private var steadyStepCount = 0

    /// - Parameters:
    ///   - workers: the model's threads.
    ///   - rowCount: rows of a steady step.
    ///   - counted: which of the steady steps.
    package init(_ model: Decoder, workers: WorkerPool, rowCount: Int, counted: Range<Int>) {
        self.model = model
        self.workers = workers
        self.rowCount = rowCount
        self.counted = counted
    }

    package var traits: ModelTraits { model.traits }

    package func allocateCache(blockCount: Int, blockSize: Int) {
        model.allocateCache(blockCount: blockCount, blockSize: blockSize)
    }

    package func forward(_ batch: ForwardBatch) -> Logits {
        CallCounter.ignore()
        let isSteady = batch.rows.count == rowCount && batch.tokens.count == rowCount
        if isSteady { steadyStepCount += 1 }
        if steadyStepCount == counted.lowerBound {
            progress.hold()
            inForward.watch(workers)
        }
        if steadyStepCount == counted.upperBound { tell() }
        guard counted.contains(steadyStepCount) else { return model.forward(batch) }
        inForward.watch()
        let logits = model.forward(batch)
        between.watch()
        return logits
    }

    private func tell() {
        CallCounter.ignore(workers)
        var counts = StepCounts()
        counts.stepCount = counted.count
        counts.inForward = CallCounts(allocations: inForward.allocations, locks: inForward.locks)
        counts.between = CallCounts(allocations: between.allocations, locks: between.locks)
        progress.report(counts)
    }
}

extension CallCounter {
    /// Counts what every thread of a pool does from now on, the caller's included.
    package func watch(_ workers: WorkerPool) {
        // First with another counter: in a debug build the first region of a kind looks up types under a lock.
        let rehearsal = CallCounter()
        Self.onEveryThread(of: workers) { rehearsal.watch() }
        withExtendedLifetime(rehearsal) { Self.ignore(workers) }
        Self.onEveryThread(of: workers) { self.watch() }
    }

    /// Ends the watch over a pool's threads and the caller's.
    package static func ignore(_ workers: WorkerPool) {
        ignore()
        onEveryThread(of: workers) { ignore() }
    }

    /// Lets all threads meet in one region, each with a task of its own.
    private static func onEveryThread(of workers: WorkerPool, _ body: () -> Void) {
        let arrivedCount = Atomic<Int>(0)
        workers.run(taskCount: workers.threadCount) { _ in
            arrivedCount.add(1, ordering: .sequentiallyConsistent)
            while arrivedCount.load(ordering: .sequentiallyConsistent) < workers.threadCount {}
            body()
        }
    }
}
