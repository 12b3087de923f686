#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Lets work in the background rest for most of the time in which worker pools compute, where those have every core.
///
/// A priority does not do that. A thread beside as many compute threads as there are cores gets a core for itself now and then,
/// however low its priority, and two that compute share another: seen for 50 ms at a time on Linux 6.18.
package final class WorkPace {
    private let clock = ContinuousClock()
    private let regionCounts: () -> (begun: UInt64, ended: UInt64)
    private let isAlone: Bool
    private let beginning: ContinuousClock.Instant
    /// What the thread had worked when it began, or went on after a rest.
    private var start: Duration
    /// Regions that had begun at the last look.
    private var begunCount: UInt64

    /// How long work goes on until somebody is looked for who computes.
    private static let piece = Duration.microseconds(500)
    /// How long a rest takes, as against the work before it: at first, and later, when those who wait for the work have waited long.
    private static let (restFactor, laterRestFactor) = (9, 2)
    private static let firstPart = Duration.seconds(1)
    /// Longest rest after a piece that was too long.
    private static let longestRest = Duration.milliseconds(10)

    /// - Parameter coreCount: cores that the process may use. With more of them than compute threads nobody has to rest.
    package convenience init(coreCount: Int) {
        self.init(isAlone: coreCount > WorkerPool.totalThreadCount) { WorkerPool.regionCounts }
    }

    /// - Parameters:
    ///   - isAlone: whether there is a core that nobody computes on.
    ///   - regionCounts: regions that have begun, and that have ended.
    init(isAlone: Bool = false, _ regionCounts: @escaping () -> (begun: UInt64, ended: UInt64)) {
        self.regionCounts = regionCounts
        self.isAlone = isAlone
        beginning = clock.now
        start = Self.workedTime
        begunCount = regionCounts().begun
    }

    /// To be called by one thread again and again, after every half millisecond of work or so: sleeps where a pool of this process
    /// computes, or has since the last look.
    package func pause() {
        let worked = Self.workedTime - start
        if isAlone || worked < Self.piece { return }
        let (begun, ended) = regionCounts()
        if begun != ended || begun != begunCount {
            let isFirstPart = beginning.duration(to: clock.now) < Self.firstPart
            let rest = min(worked * (isFirstPart ? Self.restFactor : Self.laterRestFactor), Self.longestRest)
            usleep(UInt32(rest / .microseconds(1)))
        }
        (start, begunCount) = (Self.workedTime, begun)
    }

    /// The time that the calling thread has had a core: waiting for a disk is no work.
    private static var workedTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
