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
/// A region on two threads costs under a microsecond while the workers spin, some tens when they have to be woken. A
/// worker that comes late, because it slept or lost its core, holds nobody up: the others do its share, and the region
/// ends without it. One region at a time: the pool belongs to the thread that runs steps.
package final class WorkerPool: Sendable {
    /// Threads that take part in a region, the caller included.
    package let threadCount: Int
    private let state: WorkerPoolState
    private let threads: [WorkerThread]

    /// Starts `threadCount - 1` threads.
    ///
    /// - Parameters:
    ///   - spinLimit: how often a thread looks for work before it sleeps; a look takes some 10 to 50 ns.
    ///   - callerSpinLimit: how often the caller of a region looks for the last worker before it gives up its core, which
    ///     that worker may need.
    package init(threadCount: Int, spinLimit: Int = 20_000, callerSpinLimit: Int = 4_000) {
        precondition(threadCount >= 1 && threadCount <= 4096, "WorkerPool: \(threadCount) threads")
        let state = WorkerPoolState(
            threadCount: threadCount,
            spinLimit: spinLimit,
            callerSpinLimit: callerSpinLimit
        )
        self.threadCount = threadCount
        self.state = state
        poolThreads.add(threadCount, ordering: .relaxed)
        threads = (1..<max(threadCount, 1)).map { index in
            WorkerThread(name: "hearth-work-\(index)") { state.work(as: index) }
        }
    }

    deinit {
        poolThreads.subtract(threadCount, ordering: .relaxed)
        state.stop()
        for thread in threads { thread.join() }
    }

    /// Calls `body(task)` for every task in `0..<taskCount` and returns when all are done.
    ///
    /// Every thread begins with a contiguous share, in ascending order, and then helps the others from the end of theirs.
    /// `body` runs on several threads at once and must only write what no other task touches. It is put on the heap for
    /// the others to find: for work outside of steps.
    package func run(taskCount: Int, _ body: (_ task: Int) -> Void) {
        withoutActuallyEscaping(body) { escaping in
            run(taskCount: taskCount, escaping) { body, task in body.pointee(task) }
        }
    }

    /// The same without a trace on the heap: `body` captures nothing, and works on `context` instead.
    package func run<Context>(
        taskCount: Int,
        _ context: Context,
        _ body: @escaping (_ context: UnsafePointer<Context>, _ task: Int) -> Void
    ) {
        withUnsafePointer(to: context) { context in
            run(taskCount: taskCount, Region(context: context, body: body))
        }
    }

    /// The same for work that has a type of its own.
    func run<Work: RegionWork>(taskCount: Int, _ work: Work) {
        withUnsafePointer(to: work) { address in
            state.run(taskCount: taskCount, WorkReference(type: Work.self, address: address))
        }
    }

    /// Regions so far that were shared out among the threads; those of one task or one thread are not.
    package var sharedRegionCount: Int { state.regionCount }

    /// Regions of all pools of the process that have begun, and that have ended: never more than have begun.
    static var regionCounts: (begun: UInt64, ended: UInt64) {
        let ended = endedRegions.load(ordering: .acquiring)
        return (begunRegions.load(ordering: .relaxed), ended)
    }

    /// Threads of all pools of the process, whether or not they have work.
    static var totalThreadCount: Int { poolThreads.load(ordering: .relaxed) }
}

private let begunRegions = Atomic<UInt64>(0)
private let endedRegions = Atomic<UInt64>(0)
private let poolThreads = Atomic<Int>(0)

/// The work of a region, by type and address.
private struct WorkReference {
    let type: any RegionWork.Type
    let address: UnsafeRawPointer
}

/// What the pool's threads share.
///
/// What one thread writes in every region lies in lines that the others do not look at while they wait: else both would wait for
/// that line, for a third of a microsecond where their cores share no cache.
///
/// Unchecked: the gate's work is written by the caller while it is closed and nobody is inside, and read by workers after they
/// entered. Everything else is atomic or under `lock`.
private final class WorkerPoolState: @unchecked Sendable {
    private let threadCount: Int
    private let spinLimit: Int
    private let callerSpinLimit: Int
    private let gate = UnsafeMutablePointer<RegionGate>.allocateLine()
    private let shares: TaskShares
    private let sleeping = Atomic<Int>(0)
    private let callerWaits = Atomic<Bool>(false)
    private let isRunning = UnsafeMutablePointer<Atomic<Bool>>.allocateLine()
    private let isStopping = Atomic<Bool>(false)
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let left = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(threadCount: Int, spinLimit: Int, callerSpinLimit: Int) {
        self.threadCount = threadCount
        self.spinLimit = spinLimit
        self.callerSpinLimit = callerSpinLimit
        shares = .allocate(threadCount: threadCount)
        gate.initialize(to: RegionGate())
        isRunning.initialize(to: Atomic(false))
        pthread_mutex_init(lock, nil)
        pthread_cond_init(wake, nil)
        pthread_cond_init(left, nil)
    }

    deinit {
        pthread_cond_destroy(left)
        pthread_cond_destroy(wake)
        pthread_mutex_destroy(lock)
        left.deallocate()
        wake.deallocate()
        lock.deallocate()
        isRunning.deinitialize(count: 1)
        isRunning.deallocate()
        gate.deinitialize(count: 1)
        gate.deallocate()
        shares.deallocate()
    }

    /// How often the gate was opened.
    var regionCount: Int { Int(gate.pointee.epoch) }

    func run(taskCount: Int, _ work: WorkReference) {
        precondition(taskCount >= 0 && taskCount <= Int(Int32.max), "WorkerPool: \(taskCount) tasks")
        precondition(
            !isRunning.pointee.exchange(true, ordering: .acquiring),
            "WorkerPool: a region was started inside another"
        )
        begunRegions.add(1, ordering: .relaxed)
        defer {
            endedRegions.add(1, ordering: .releasing)
            isRunning.pointee.store(false, ordering: .releasing)
        }
        if threadCount == 1 || taskCount <= 1 {
            for task in 0..<taskCount { work.type.perform(task, at: work.address) }
            return
        }
        for thread in 0..<threadCount {
            shares.fill(thread, with: taskCount * thread / threadCount..<taskCount * (thread + 1) / threadCount)
        }
        gate.pointee.work = work
        gate.pointee.open()
        wakeSleepers()
        runTasks(of: work, as: 0)
        // No task is left, so whoever has not entered need not.
        if gate.pointee.close() > 0 { waitUntilLeft() }
    }

    /// Runs the thread's own share, then takes from the others'.
    private func runTasks(of work: WorkReference, as thread: Int) {
        while let (task, _) = shares.takeNext(as: thread) { work.type.perform(task, at: work.address) }
    }

    private func waitUntilLeft() {
        for _ in 0..<callerSpinLimit {
            if gate.pointee.isEmpty { return }
            ck_spin_hint()
        }
        // Sequentially consistent on both sides: either this thread sees that all have left, or the last one sees it wait.
        callerWaits.store(true, ordering: .sequentiallyConsistent)
        pthread_mutex_lock(lock)
        while !gate.pointee.isEmpty { pthread_cond_wait(left, lock) }
        pthread_mutex_unlock(lock)
        callerWaits.store(false, ordering: .relaxed)
    }

    /// Sequentially consistent on both sides: either this thread sees the sleeper, or the sleeper sees the open gate
    /// before it sleeps.
    private func wakeSleepers() {
        guard sleeping.load(ordering: .sequentiallyConsistent) > 0 else { return }
        pthread_mutex_lock(lock)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(lock)
    }

    /// The life of a worker thread.
    func work(as thread: Int) {
        var seen: UInt32 = 0
        while true {
            waitForRegion(after: seen)
            if isStopping.load(ordering: .sequentiallyConsistent) { return }
            guard gate.pointee.enter(after: &seen) else { continue }
            if let work = gate.pointee.work { runTasks(of: work, as: thread) }
            guard gate.pointee.leave(), callerWaits.load(ordering: .sequentiallyConsistent) else { continue }
            pthread_mutex_lock(lock)
            pthread_cond_signal(left)
            pthread_mutex_unlock(lock)
        }
    }

    /// Returns once there is a region after `seen`, or the pool stops.
    private func waitForRegion(after seen: UInt32) {
        for _ in 0..<spinLimit {
            if hasNews(after: seen) { return }
            ck_spin_hint()
        }
        pthread_mutex_lock(lock)
        sleeping.add(1, ordering: .sequentiallyConsistent)
        while !hasNews(after: seen) { pthread_cond_wait(wake, lock) }
        sleeping.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(lock)
    }

    private func hasNews(after seen: UInt32) -> Bool {
        gate.pointee.epoch != seen || isStopping.load(ordering: .sequentiallyConsistent)
    }

    func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        wakeSleepers()
    }
}

/// Lets workers into a region while it is open, and counts who is inside.
private struct RegionGate: ~Copyable {
    /// What the region's tasks call: beside the word, so that who sees the gate open has it already.
    var work: WorkReference?
    /// Bits 32…63: how many regions there were. Bit 31: closed. Below: workers inside.
    private let word = Atomic<UInt64>(RegionGate.closed)
    private static let closed: UInt64 = 1 << 31
    private static let inside: UInt64 = closed - 1

    var epoch: UInt32 { UInt32(word.load(ordering: .sequentiallyConsistent) >> 32) }
    var isEmpty: Bool { word.load(ordering: .sequentiallyConsistent) & Self.inside == 0 }

    /// Opens it for the next region; nobody may be inside.
    func open() {
        let next = UInt64(epoch &+ 1) << 32
        word.store(next, ordering: .sequentiallyConsistent)
    }

    /// Lets nobody in any more; returns how many are inside.
    func close() -> UInt64 { word.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing).oldValue & Self.inside }

    /// Whether the caller is inside now: not when the region is over already. `seen` becomes the region's number.
    func enter(after seen: inout UInt32) -> Bool {
        var current = word.load(ordering: .relaxed)
        while true {
            seen = UInt32(current >> 32)
            if current & Self.closed != 0 { return false }
            let result = word.weakCompareExchange(expected: current, desired: current + 1, ordering: .acquiring)
            if result.exchanged { return true }
            current = result.original
        }
    }

    /// Whether the caller was the last one inside.
    func leave() -> Bool { word.subtract(1, ordering: .sequentiallyConsistent).newValue & Self.inside == 0 }
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

extension UnsafeMutablePointer where Pointee: ~Copyable {
    /// Memory for one value, alone in two neighbouring cache lines, which processors fetch together.
    fileprivate static func allocateLine() -> UnsafeMutablePointer {
        let bytes = 128
        precondition(MemoryLayout<Pointee>.size <= bytes, "WorkerPool: \(MemoryLayout<Pointee>.size) bytes are no line")
        let line = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: bytes)
        return line.bindMemory(to: Pointee.self, capacity: 1)
    }
}
