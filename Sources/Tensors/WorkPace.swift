import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Lets work in the background rest for most of the time in which worker pools compute.
///
/// A priority does not do that. Where every core has a compute thread, a thread beside them gets its own core now and then,
/// however low its priority, and two that compute share another: seen for 50 ms at a time on Linux 6.18.
package final class WorkPace {
    private let clock = ContinuousClock()
    private let regionCounts: () -> (begun: UInt64, over: UInt64)
    /// When work began or went on after a rest.
    private var start: ContinuousClock.Instant
    /// Regions that had begun at the last look.
    private var begunCount: UInt64

    /// How long work goes on until somebody is looked for who computes.
    private static let piece = Duration.microseconds(500)
    /// How long a rest takes, as against the work before it. It has a limit: a piece that took long was interrupted itself.
    private static let restFactor = 9
    private static let longestRest = Duration.milliseconds(10)

    package convenience init() { self.init { WorkerPool.regionCounts } }

    /// - Parameter regionCounts: regions that have begun, and that are over.
    init(_ regionCounts: @escaping () -> (begun: UInt64, over: UInt64)) {
        self.regionCounts = regionCounts
        start = clock.now
        begunCount = regionCounts().begun
    }

    /// To be called again and again, more often than every half millisecond: sleeps where a pool of this process computes, or has
    /// since the last look.
    package func pause() {
        let worked = start.duration(to: clock.now)
        if worked < Self.piece { return }
        let (begun, over) = regionCounts()
        if begun != over || begun != begunCount {
            let rest = min(worked * Self.restFactor, Self.longestRest)
            usleep(UInt32(rest / .microseconds(1)))
        }
        (start, begunCount) = (clock.now, begun)
    }
}
