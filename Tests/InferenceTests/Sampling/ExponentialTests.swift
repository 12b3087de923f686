import Foundation
import Testing

@testable import Inference

@Suite struct ExponentialTests {
    @Test func `the exponential is right to single precision over its whole range`() {
        var worst = 0.0
        for index in 0...870_000 {
            let x = -Float(index) / 10_000
            let expected = exp(Double(x))
            worst = max(worst, abs(Double(Exponential.value(x)) - expected) / expected)
        }
        #expect(worst < 0x1p-22)
    }

    @Test func `zero gives one, the far end gives zero and infinity does too`() {
        #expect(Exponential.value(0) == 1)
        #expect(Exponential.value(-87.01) == 0)
        #expect(Exponential.value(-1e30) == 0)
        #expect(Exponential.value(-.infinity) == 0)
    }

    @Test(arguments: [0, 1, 63, 64, 65, 300])
    func `a sum takes every element once`(size: Int) {
        let values = (0..<size).map { Float($0) }
        let sum = values.withUnsafeBufferPointer { Exponential.sum($0) }
        #expect(sum == Double(size * (size - 1) / 2))
    }

    @Test func `random numbers are uniform along places and along seeds`() {
        for alongSeeds in [false, true] {
            var counts = Array(repeating: 0, count: 64)
            for index in 0..<64_000 {
                let random = SamplingRandom(seed: alongSeeds ? UInt64(index) : 9)
                let unit = random.unit(at: alongSeeds ? 0 : index)
                #expect(unit >= 0 && unit < 1)
                counts[Int(unit * 64)] += 1
            }
            let chiSquare = counts.reduce(0.0) { $0 + pow(Double($1) - 1_000, 2) / 1_000 }
            #expect(chiSquare < 63 + 4 * (2.0 * 63).squareRoot())
        }
    }

    @Test func `a row is weighed to the bits of one exponential after the other`() {
        var random = SeededGenerator(3)
        let logits = (0..<1_001).map { _ in Float.random(in: -120...4, using: &random) }
        var weights: [Float] = []
        let sum = logits.withUnsafeBufferPointer { Exponential.weigh($0, &weights, peak: 4, factor: 0.7) }
        #expect(weights.map(\.bitPattern) == logits.map { Exponential.value(($0 - 4) * 0.7).bitPattern })
        #expect(sum == weights.withUnsafeBufferPointer { Exponential.sum($0) })
    }
}
