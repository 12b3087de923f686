import Foundation
import Synchronization

/// A thread that runs an actor's jobs, one after the other, and sleeps while there are none.
///
/// Steps of a model take up to hundreds of milliseconds of arithmetic; on Swift's cooperative pool they would starve
/// everything else.
final class EngineThread: SerialExecutor {
    private let queue: JobQueue

    /// Starts the thread.
    ///
    /// - Parameter name: shown by debuggers and `top -H`; the first 15 bytes count.
    init(name: String) {
        let queue = JobQueue()
        self.queue = queue
        // The thread holds the queue, not this object, so that it can end when the engine goes away.
        let thread = Thread {
            Self.setCurrentName(name)
            queue.run()
        }
        thread.name = name
        // Deep models are called through here; the default of 512 KiB on some systems is little.
        thread.stackSize = 8 << 20
        thread.start()
    }

    deinit { queue.stop() }

    /// Whether a job waits for the one that runs. Takes no lock, so it can be asked between any two steps.
    var hasWaitingJobs: Bool { queue.hasWaitingJobs }

    func enqueue(_ job: consuming ExecutorJob) {
        queue.append(UnownedJob(job), executor: asUnownedSerialExecutor())
    }

    /// `Thread.name` alone does not reach the kernel on Linux.
    private static func setCurrentName(_ name: String) {
        #if os(Linux)
            guard let file = fopen("/proc/thread-self/comm", "w") else { return }
            fputs(name, file)
            fclose(file)
        #endif
    }
}

/// Jobs in the order they came, and a condition to sleep on.
///
/// `@unchecked Sendable`: every access to the mutable state holds `condition`; the count is atomic.
private final class JobQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [(job: UnownedJob, executor: UnownedSerialExecutor)] = []
    private var isStopped = false
    /// Jobs that have not begun, those that `run` has taken out of `jobs` among them.
    private let waitingCount = Atomic<Int>(0)

    var hasWaitingJobs: Bool { waitingCount.load(ordering: .acquiring) > 0 }

    func append(_ job: UnownedJob, executor: UnownedSerialExecutor) {
        condition.lock()
        jobs.append((job, executor))
        waitingCount.add(1, ordering: .releasing)
        condition.signal()
        condition.unlock()
    }

    /// Lets the thread end once the jobs at hand are done.
    func stop() {
        condition.lock()
        isStopped = true
        condition.signal()
        condition.unlock()
    }

    /// Runs jobs until `stop`.
    func run() {
        while let batch = next() {
            for (job, executor) in batch {
                waitingCount.subtract(1, ordering: .relaxed)
                job.runSynchronously(on: executor)
            }
        }
    }

    /// Takes all jobs at hand; sleeps while there are none; nil after `stop`.
    private func next() -> [(job: UnownedJob, executor: UnownedSerialExecutor)]? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            if isStopped { return nil }
            condition.wait()
        }
        let batch = jobs
        jobs.removeAll(keepingCapacity: true)
        return batch
    }
}
