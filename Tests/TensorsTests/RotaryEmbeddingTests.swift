import Foundation
import Testing

@testable import Tensors

@Suite struct RotaryEmbeddingTests {
    private func largestError(_ actual: [Double], _ expected: [Double]) -> Double {
        zip(actual, expected).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test(arguments: InstructionSet.available, [RotaryPairing.adjacent, .halves])
    func `every pair turns by its frequency times its position`(set: InstructionSet, pairing: RotaryPairing) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        for (headWidth, rotated) in [(2, 2), (8, 8), (16, 10), (64, 64), (80, 80), (96, 34), (256, 256), (70, 66)] {
            let heads = 3
            let rows = 40
            let x = matrix(rows: rows, width: heads * headWidth + 5, seed: UInt64(headWidth))
            let before = x.elements.map { Double($0) }
            let positions = (0..<Int32(rows)).map { $0 * 23 }
            let frequencies = RotaryFrequencies(dimensionCount: rotated, base: 10000)
            let table = RotaryTable(frequencies, pairing: pairing, positionCount: 900)
            compute.rotate(x, headCount: heads, headWidth: headWidth, positions, table)
            var expected = before
            for row in 0..<rows {
                for head in 0..<heads {
                    for pair in 0..<rotated / 2 {
                        let first = row * x.width + head * headWidth
                        let a = first + (pairing == .halves ? pair : 2 * pair)
                        let b = first + (pairing == .halves ? pair + rotated / 2 : 2 * pair + 1)
                        let angle = Double(positions[row]) * pow(10000, -Double(2 * pair) / Double(rotated))
                        expected[a] = before[a] * cos(angle) - before[b] * sin(angle)
                        expected[b] = before[b] * cos(angle) + before[a] * sin(angle)
                    }
                }
            }
            #expect(largestError(x.elements.map(Double.init), expected) < 3e-7)
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a token alone turns to the bits it turns to among many`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        let table = RotaryTable(RotaryFrequencies(dimensionCount: 64, base: 1e6), pairing: .halves, positionCount: 9000)
        let x = matrix(rows: 301, width: 4 * 64, seed: 2)
        let one = FloatMatrix(rows: 1, width: 4 * 64)
        one.pointer.update(from: x.pointer + 300 * x.width, count: x.width)
        // The table grows between the two.
        compute.rotate(one, headCount: 4, headWidth: 64, [700], table)
        compute.rotate(x, headCount: 4, headWidth: 64, (0..<301).map { 400 + $0 }, table)
        #expect(Array(one.row(0)) == Array(x.row(300)))
        let late = matrix(rows: 1, width: 4 * 64, seed: 2)
        compute.rotate(late, headCount: 4, headWidth: 64, [8999], table)
        #expect(late.row(0).filter(\.isFinite).count == 4 * 64)
    }

    @Test func `a table that grows computes only what is new, and the same`() {
        let frequencies = RotaryFrequencies(dimensionCount: 16, base: 1e4)
        let grown = RotaryTable(frequencies, pairing: .halves, positionCount: 5000)
        for count in [1, 64, 65, 700, 1024, 1025, 3000, 4990] {
            let before = Array(UnsafeBufferPointer(start: grown.prepared(positions: count), count: 16 * count))
            let once = RotaryTable(frequencies, pairing: .halves, positionCount: 5000)
            #expect(before == Array(UnsafeBufferPointer(start: once.prepared(positions: count), count: 16 * count)))
            #expect(grown.positionCount - count < 64)
        }
    }

    @Test func `frequencies fall from 1 by powers of the base`() {
        let plain = RotaryFrequencies(dimensionCount: 8, base: 10000)
        #expect(largestError(plain.perPosition, [1, 0.1, 0.01, 0.001]) < 1e-15)
        #expect(plain.attentionFactor == 1)
        let linear = RotaryFrequencies(dimensionCount: 8, base: 10000, scaling: .linear(factor: 4))
        #expect(largestError(linear.perPosition, plain.perPosition.map { $0 / 4 }) < 1e-15)
        let divided = RotaryFrequencies(dimensionCount: 8, base: 10000, divisors: [1, 2, 4, 8])
        #expect(largestError(divided.perPosition, [1, 0.05, 0.0025, 0.000125]) < 1e-15)
    }

    @Test func `the Llama 3 scaling keeps short waves, stretches long ones and blends between`() {
        let scaling = RotaryFrequencyScaling.llama3(
            factor: 32,
            lowFrequencyFactor: 1,
            highFrequencyFactor: 4,
            originalContextLength: 8192
        )
        let plain = RotaryFrequencies(dimensionCount: 64, base: 500_000).perPosition
        let scaled = RotaryFrequencies(dimensionCount: 64, base: 500_000, scaling: scaling).perPosition
        for (before, after) in zip(plain, scaled) {
            let wavelength = 2 * Double.pi / before
            if wavelength < 8192 / 4 {
                #expect(after == before)
            } else if wavelength > 8192 {
                #expect(abs(after - before / 32) < 1e-18)
            } else {
                let smooth = (8192 / wavelength - 1) / 3
                #expect(abs(after - ((1 - smooth) * before / 32 + smooth * before)) < 1e-15)
                #expect(after < before && after > before / 32)
            }
        }
        #expect(plain[0] == scaled[0] && plain[31] / 31 > scaled[31])
    }

    @Test func `YaRN keeps fast dimensions, interpolates slow ones and sharpens attention`() {
        let yarn = YarnScaling(factor: 4, originalContextLength: 32768)
        let plain = RotaryFrequencies(dimensionCount: 128, base: 1_000_000).perPosition
        let scaled = RotaryFrequencies(dimensionCount: 128, base: 1_000_000, scaling: .yarn(yarn))
        // Dimensions with 32 and 1 turns over 32768 positions: 23.595 and 39.65, rounded outward.
        #expect(scaled.perPosition[23] == plain[23] && scaled.perPosition[24] < plain[24])
        #expect(abs(scaled.perPosition[40] - plain[40] / 4) < 1e-18 && scaled.perPosition[39] > plain[39] / 4)
        let ramp = (30.0 - 23) / (40 - 23)
        #expect(abs(scaled.perPosition[30] - (plain[30] * (1 - ramp) + plain[30] / 4 * ramp)) < 1e-15)
        #expect(abs(scaled.attentionFactor - 1.1386294361) < 1e-9)
        let stated = YarnScaling(factor: 4, originalContextLength: 32768, attentionFactor: 0.9)
        #expect(RotaryFrequencies(dimensionCount: 128, base: 1e6, scaling: .yarn(stated)).attentionFactor == 0.9)
    }
}
