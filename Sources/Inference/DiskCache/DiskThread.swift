import Foundation

/// A thread that takes jobs in their order, sleeps while there are none, and does one thing more at regular intervals.
///
/// `@unchecked Sendable`: every access to the mutable state holds `condition`.
final class DiskThread<Job: Sendable>: @unchecked Sendable {
    private let condition = SteadyCondition()
    private var jobs: [Job] = []
    private var isStopped = false

    /// Starts the thread. It runs until `stop`, with the jobs at hand done first.
    ///
    /// - Parameters:
    ///   - interval: time from one call of `onInterval` to the next, and what the job at hand takes.
    ///   - run: does one job.
    func start(
        name: String,
        interval: Duration,
        onInterval: @escaping @Sendable () -> Void,
        run: @escaping @Sendable (Job) -> Void
    ) {
        let thread = Thread { [self] in
            let clock = ContinuousClock()
            var due = clock.now.advanced(by: interval)
            while let batch = next(until: due) {
                batch.forEach(run)
                if clock.now < due { continue }
                onInterval()
                due = clock.now.advanced(by: interval)
            }
        }
        thread.name = name
        thread.start()
    }

    /// Puts a job behind the others.
    func append(_ job: Job) {
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    /// Lets the thread end.
    func stop() {
        condition.lock()
        isStopped = true
        condition.signal()
        condition.unlock()
    }

    /// The jobs at hand; none when there is none until `due`; nil once stopped.
    private func next(until due: ContinuousClock.Instant) -> [Job]? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            if isStopped { return nil }
            let left = ContinuousClock.now.duration(to: due)
            if left <= .zero { break }
            condition.wait(for: left)
        }
        let batch = jobs
        jobs.removeAll(keepingCapacity: true)
        return batch
    }
}

/// A lock with a condition to wait for, by a clock that nobody sets: `NSCondition` waits for a date, and an hour longer
/// where the calendar is set back by an hour.
///
/// `@unchecked Sendable`: the pointers never change, and what they point to is made for many threads.
private final class SteadyCondition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        #if canImport(Darwin)
            pthread_cond_init(condition, nil)
        #else
            var attributes = pthread_condattr_t()
            pthread_condattr_init(&attributes)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            pthread_cond_init(condition, &attributes)
            pthread_condattr_destroy(&attributes)
        #endif
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }

    func unlock() { pthread_mutex_unlock(mutex) }

    func signal() { pthread_cond_signal(condition) }

    /// Lets go of the lock until `signal`, or for `time`, or for no reason.
    func wait(for time: Duration) {
        let (seconds, attoseconds) = time.components
        var limit = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        #if canImport(Darwin)
            pthread_cond_timedwait_relative_np(condition, mutex, &limit)
        #else
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            let nanoseconds = now.tv_nsec + limit.tv_nsec
            limit.tv_sec += now.tv_sec + nanoseconds / 1_000_000_000
            limit.tv_nsec = nanoseconds % 1_000_000_000
            pthread_cond_timedwait(condition, mutex, &limit)
        #endif
    }
}
