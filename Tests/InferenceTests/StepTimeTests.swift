import Models
import Testing

@testable import Inference

@Suite struct StepTimeTests {
    /// A step of so many products and so much attention, in operations.
    private func parts(_ products: Double, _ attention: Double) -> RowCost.Parts {
        RowCost.Parts(products: products, attention: attention)
    }

    /// What such a step takes on a machine that has a fixed cost and multiplies weights faster than keys.
    private func seconds(_ parts: RowCost.Parts) -> Double { 0.004 + 1e-9 * parts.products + 1.7e-9 * parts.attention }

    /// Ratios of what was predicted to what steps of a prompt took, which becomes costlier the deeper it is.
    private func readPrompt(_ time: inout StepTime) -> [Double] {
        (0..<60).map { index in
            let depth = Double(index) / 60
            let parts = parts(80e6 * (1 - 0.6 * depth), 45e6 * depth)
            let ratio = time.isKnown ? time.predicted(parts) / seconds(parts) : 1
            time.learn(parts, seconds: seconds(parts))
            return ratio
        }
    }

    @Test func `steps of another mixture are predicted from those seen`() {
        var time = StepTime(limit: 0.1)
        for _ in 0..<3 { _ = readPrompt(&time) }
        #expect(readPrompt(&time).allSatisfy { abs($0 - 1) < 0.04 })
    }

    @Test func `steps all alike are predicted, and others not absurdly`() {
        var time = StepTime(limit: 0.1)
        let usual = parts(80e6, 5e6)
        for _ in 0..<500 { time.learn(usual, seconds: seconds(usual)) }
        #expect(abs(time.predicted(usual) / seconds(usual) - 1) < 0.001)
        for other in [parts(20e6, 1e6), parts(30e6, 40e6), parts(500e6, 5e6)] {
            #expect((0.6...1.6).contains(time.predicted(other) / seconds(other)))
        }
    }

    @Test func `a machine that becomes half as fast is followed within some steps`() {
        var time = StepTime(limit: 0.1)
        for _ in 0..<5 { _ = readPrompt(&time) }
        let usual = parts(60e6, 10e6)
        for _ in 0..<8 { time.learn(usual, seconds: 2 * seconds(usual)) }
        #expect(abs(time.predicted(usual) / seconds(usual) - 2) < 0.1)
        for _ in 0..<400 { time.learn(usual, seconds: 2 * seconds(usual)) }
        #expect(abs(time.predicted(usual) / seconds(usual) - 2) < 0.02)
    }

    @Test func `one step that was held up for a second changes the costs by little`() {
        var time = StepTime(limit: 0.1)
        for _ in 0..<5 { _ = readPrompt(&time) }
        let usual = parts(60e6, 10e6)
        time.learn(usual, seconds: 1)
        for _ in 0..<25 { time.learn(usual, seconds: seconds(usual)) }
        #expect(abs(time.predicted(usual) / seconds(usual) - 1) < 0.05)
    }
}
