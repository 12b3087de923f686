import CKernels
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The threads that do arithmetic. The caller of a region takes part in it; between regions the others spin for a
/// bounded time, then sleep.
///
/// A region on two threads costs under a microsecond while the workers spin, some tens when they have to be woken.
/// One region at a time: the pool belongs to the thread that runs steps.
package final class WorkerPool: Sendable {
    /// Threads that take part in a region, the caller included.
    package let threadCount: Int
    private let state: WorkerPoolState
    private let threads: [WorkerThread]

    /// Starts `threadCount - 1` threads.
    ///
    /// - Parameter spinLimit: how often a thread looks for work before it sleeps; a look takes some 10 to 50 ns.
    package init(threadCount: Int, spinLimit: Int = 20_000) {
        precondition(threadCount >= 1 && threadCount <= 4096, "WorkerPool: \(threadCount) threads")
        let state = WorkerPoolState(threadCount: threadCount, spinLimit: spinLimit)
        self.threadCount = threadCount
        self.state = state
        threads = (1..<max(threadCount, 1)).map { index in
            WorkerThread(name: "hearth-work-\(index)") { state.work(as: index) }
        }
    }

    deinit {
        state.stop()
        for thread in threads { thread.join() }
    }

    /// Calls `body(task)` for every task in `0..<taskCount`, in equal contiguous shares, and returns when all are done.
    ///
    /// `body` runs on several threads at once and must only write what no other task touches. Which thread runs a task
    /// depends on `taskCount` and `threadCount` alone.
    package func run(taskCount: Int, _ body: (_ task: Int) -> Void) {
        state.run(taskCount: taskCount, isClaimed: false, body)
    }

    /// As `run`, but every thread takes the next task when it is free: for tasks of unequal cost.
    package func runClaiming(taskCount: Int, _ body: (_ task: Int) -> Void) {
        state.run(taskCount: taskCount, isClaimed: true, body)
    }
}

/// What the pool's threads share.
///
/// Unchecked: `job` is written by the caller before `epoch` is raised and read by workers after they saw it raised;
/// the caller does not return, nor write again, before `pending` is 0. Everything else is atomic or under `lock`.
private final class WorkerPoolState: @unchecked Sendable {
    private struct Job {
        var body: UnsafePointer<(Int) -> Void>?
        var taskCount = 0
        var isClaimed = false
    }

    private let threadCount: Int
    private let spinLimit: Int
    private let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
    private let epoch = Atomic<UInt64>(0)
    /// Workers that have not finished the running region.
    private let pending = Atomic<Int>(0)
    private let nextTask = Atomic<Int>(0)
    private let sleeping = Atomic<Int>(0)
    private let isRunning = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(threadCount: Int, spinLimit: Int) {
        self.threadCount = threadCount
        self.spinLimit = spinLimit
        job.initialize(to: Job())
        pthread_mutex_init(lock, nil)
        pthread_cond_init(wake, nil)
    }

    deinit {
        pthread_cond_destroy(wake)
        pthread_mutex_destroy(lock)
        wake.deallocate()
        lock.deallocate()
        job.deinitialize(count: 1)
        job.deallocate()
    }

    func run(taskCount: Int, isClaimed: Bool, _ body: (Int) -> Void) {
        precondition(taskCount >= 0, "WorkerPool: \(taskCount) tasks")
        precondition(
            !isRunning.exchange(true, ordering: .acquiring),
            "WorkerPool: a region was started inside another"
        )
        defer { isRunning.store(false, ordering: .releasing) }
        if threadCount == 1 || taskCount <= 1 {
            for task in 0..<taskCount { body(task) }
            return
        }
        withoutActuallyEscaping(body) { escaping in
            withUnsafePointer(to: escaping) { runShared(taskCount: taskCount, isClaimed: isClaimed, $0) }
        }
    }

    private func runShared(taskCount: Int, isClaimed: Bool, _ body: UnsafePointer<(Int) -> Void>) {
        job.pointee = Job(body: body, taskCount: taskCount, isClaimed: isClaimed)
        nextTask.store(0, ordering: .relaxed)
        pending.store(threadCount - 1, ordering: .relaxed)
        raiseEpoch()
        runShare(of: 0)
        var looks = 0
        while pending.load(ordering: .acquiring) != 0 {
            looks += 1
            // A worker that lost its core needs ours more than the loop does.
            if looks % 4096 == 0 { sched_yield() } else { ck_spin_hint() }
        }
    }

    /// Publishes the job (or the wish to stop). Sequentially consistent on both sides: either this thread sees the
    /// sleeper, or the sleeper sees the new epoch before it sleeps.
    private func raiseEpoch() {
        epoch.add(1, ordering: .sequentiallyConsistent)
        guard sleeping.load(ordering: .sequentiallyConsistent) > 0 else { return }
        pthread_mutex_lock(lock)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(lock)
    }

    private func runShare(of thread: Int) {
        guard let body = job.pointee.body else { return }
        let taskCount = job.pointee.taskCount
        if job.pointee.isClaimed {
            while true {
                let task = nextTask.add(1, ordering: .relaxed).oldValue
                if task >= taskCount { return }
                body.pointee(task)
            }
        }
        for task in (taskCount * thread / threadCount)..<(taskCount * (thread + 1) / threadCount) {
            body.pointee(task)
        }
    }

    /// The life of a worker thread.
    func work(as thread: Int) {
        var seen: UInt64 = 0
        while true {
            seen = waitForEpoch(after: seen)
            if isStopping.load(ordering: .acquiring) { return }
            runShare(of: thread)
            pending.subtract(1, ordering: .releasing)
        }
    }

    private func waitForEpoch(after seen: UInt64) -> UInt64 {
        for _ in 0..<spinLimit {
            let current = epoch.load(ordering: .acquiring)
            if current != seen { return current }
            ck_spin_hint()
        }
        pthread_mutex_lock(lock)
        sleeping.add(1, ordering: .sequentiallyConsistent)
        while epoch.load(ordering: .sequentiallyConsistent) == seen { pthread_cond_wait(wake, lock) }
        sleeping.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(lock)
        return epoch.load(ordering: .acquiring)
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        raiseEpoch()
    }
}

/// A named POSIX thread.
///
/// Unchecked: the handle is written in `init` and only read by `join`.
private final class WorkerThread: @unchecked Sendable {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    #if canImport(Darwin)
        private var handle: pthread_t?
    #else
        private var handle = pthread_t()
    #endif
    private let isStarted: Bool

    /// Where the system refuses a thread there is nothing sensible to do but say so: the pool was sized by ourselves.
    init(name: String, body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        let result = pthread_create(
            &handle,
            nil,
            { argument in
                #if canImport(Darwin)
                    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                #else
                    guard let argument else { return nil }
                    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                #endif
                ck_name_this_thread(start.name)
                start.body()
                return nil
            },
            start.toOpaque()
        )
        isStarted = result == 0
        precondition(isStarted, "WorkerPool: the system refused a thread (error \(result))")
    }

    func join() {
        #if canImport(Darwin)
            if let handle { pthread_join(handle, nil) }
        #else
            pthread_join(handle, nil)
        #endif
    }
}
