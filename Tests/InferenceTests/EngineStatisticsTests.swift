import Testing

@testable import Inference

@Suite struct EngineStatisticsTests {
    @Test func `an observation falls into the first range whose bound it does not exceed`() {
        var histogram = Histogram(bounds: [1, 2, 4])
        for value in [0, 1, 1.5, 2, 4, 4.5, 100] { histogram.observe(value) }
        #expect(histogram.counts == [2, 2, 1, 2])
        #expect(histogram.cumulativeCounts == [2, 4, 5, 7])
        #expect(histogram.count == 7)
        #expect(histogram.sum == 113)
    }

    @Test func `durations are observed in seconds`() {
        var histogram = Histogram(bounds: [0.5])
        histogram.observe(.milliseconds(1_250))
        #expect(histogram.sum == 1.25)
        #expect(Duration.nanoseconds(1).seconds == 1e-9)
    }
}
