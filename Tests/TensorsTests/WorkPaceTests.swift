import Testing

@testable import Tensors

@Suite struct WorkPaceTests {
    private let clock = ContinuousClock()

    /// Works for a millisecond, then looks whether to rest. How long that took at least, of several times: a thread that lost its core
    /// in between has not rested.
    private func rest(_ pace: WorkPace) -> Duration {
        (0..<10).map { _ in
            let start = clock.now
            while start.duration(to: clock.now) < .milliseconds(1) {}
            return clock.measure { pace.pause() }
        }.min() ?? .zero
    }

    @Test func `work beside others that compute rests for most of the time`() {
        #expect(rest(WorkPace { (begun: 1, over: 0) }) >= .milliseconds(9))
        var begun: UInt64 = 0
        // Regions that came and went between two looks.
        let pace = WorkPace {
            begun += 1
            return (begun, begun)
        }
        #expect(rest(pace) >= .milliseconds(9))
    }

    @Test func `work beside nobody goes on at once, and so does what has hardly begun`() {
        #expect(rest(WorkPace { (begun: 3, over: 3) }) < .milliseconds(1))
        let shortest = (0..<10).map { _ in
            let pace = WorkPace { (begun: 1, over: 0) }
            return clock.measure { pace.pause() }
        }
        #expect(shortest.min() ?? .zero < .milliseconds(1))
    }

    @Test func `regions of every pool are counted while they run and when they are over`() {
        let before = WorkerPool.regionCounts
        WorkerPool(threadCount: 1).run(taskCount: 1) { _ in
            let (begun, over) = WorkerPool.regionCounts
            #expect(begun > before.begun && begun > over)
        }
        #expect(WorkerPool.regionCounts.over > before.over)
    }
}
