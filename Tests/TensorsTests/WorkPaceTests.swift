import Testing

@testable import Tensors

@Suite struct WorkPaceTests {
    private let clock = ContinuousClock()

    /// Works for some milliseconds, then looks whether to rest. How long that took, several times.
    private func rests(_ pace: WorkPace) -> [Duration] {
        (0..<10).map { _ in
            let start = clock.now
            while start.duration(to: clock.now) < .milliseconds(3) {}
            return clock.measure { pace.pause() }
        }
    }

    /// A thread that lost its core has worked less than it seems, or rested longer.
    private func isRest(_ rests: [Duration]) -> Bool { (rests.max() ?? .zero) >= .milliseconds(9) }
    private func isNone(_ rests: [Duration]) -> Bool { (rests.min() ?? .zero) < .milliseconds(1) }

    @Test func `work beside others that compute rests for most of the time`() {
        #expect(isRest(rests(WorkPace { (begun: 1, ended: 0) })))
        var begun: UInt64 = 0
        // Regions that came and went between two looks.
        let pace = WorkPace {
            begun += 1
            return (begun, begun)
        }
        #expect(isRest(rests(pace)))
    }

    @Test func `work beside nobody goes on at once, and so does what has hardly begun`() {
        #expect(isNone(rests(WorkPace { (begun: 3, ended: 3) })))
        #expect(isNone(rests(WorkPace(isAlone: true) { (begun: 1, ended: 0) })))
        let short = (0..<10).map { _ in
            let pace = WorkPace { (begun: 1, ended: 0) }
            return clock.measure { pace.pause() }
        }
        #expect(isNone(short))
    }

    @Test func `regions of every pool are counted while they run and when they are over`() {
        let before = WorkerPool.regionCounts
        WorkerPool(threadCount: 1).run(taskCount: 1) { _ in
            let (begun, ended) = WorkerPool.regionCounts
            #expect(begun > before.begun && begun > ended)
        }
        #expect(WorkerPool.regionCounts.ended > before.ended)
    }
}
