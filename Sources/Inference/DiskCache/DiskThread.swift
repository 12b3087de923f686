import Foundation

/// A thread that takes jobs in their order, sleeps while there are none, and does one thing more at regular intervals.
///
/// `@unchecked Sendable`: every access to the mutable state holds `condition`.
final class DiskThread<Job: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
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
            while let batch = next(within: clock.now.duration(to: due)) {
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

    /// The jobs at hand; none after `time` without one; nil once stopped.
    private func next(within time: Duration) -> [Job]? {
        let limit = Date(timeIntervalSinceNow: time.seconds)
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            if isStopped { return nil }
            if !condition.wait(until: limit) { break }
        }
        let batch = jobs
        jobs.removeAll(keepingCapacity: true)
        return batch
    }
}
