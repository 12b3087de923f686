import CKernels
import Foundation
import Testing

@testable import Tensors

@Suite struct ReductionTests {
    @Test(arguments: InstructionSet.available)
    func `softmax is the formula at every size and alignment`(set: InstructionSet) {
        for count in sizesAroundVectors + [5000] {
            for offset in [0, 1, 3] {
                let x = MisalignedFloats.random(count, offset: offset, seed: UInt64(count), scale: 20)
                let old = x.values.map(Double.init)
                let maximum = old.max() ?? 0
                let sum = old.reduce(0.0) { $0 + exp($1 - maximum) }
                ck_softmax(set.rawValue, x.pointer, count)
                #expect(x.guardsStand)
                let ratios = zip(x.values, old).map { Double($0) / (exp($1 - maximum) / sum) }
                #expect(largestError(ratios.map(Float.init), ratios.map { _ in 1 }) < 5e-6)
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `the largest is found wherever it stands, the first of equals`(set: InstructionSet) {
        for count in sizesAroundVectors {
            for place in [0, count / 2, count - 1] {
                let x = MisalignedFloats.random(count, offset: place % 4, seed: UInt64(count))
                x.pointer[place] = 5
                x.pointer[count - 1] = 5
                let row = UnsafeBufferPointer(start: x.pointer, count: count)
                #expect(set.argmax(row) == place)
                #expect(set.maximum(row) == 5)
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `what is not a number never wins`(set: InstructionSet) {
        for count in [1, 16, 33] {
            let x = MisalignedFloats(Array(repeating: .nan, count: count), offset: 0)
            let row = UnsafeBufferPointer(start: x.pointer, count: count)
            #expect(set.argmax(row) == 0)
            #expect(set.maximum(row) == -.infinity)
            x.pointer[count - 1] = -3
            #expect(set.argmax(row) == count - 1)
        }
        #expect(set.argmax(UnsafeBufferPointer(start: nil, count: 0)) == 0)
    }

    @Test(arguments: InstructionSet.available)
    func `the log of summed exponentials is exact enough over a vocabulary`(set: InstructionSet) {
        for count in sizesAroundVectors + [128_256] {
            let x = MisalignedFloats.random(count, offset: 1, seed: UInt64(count), scale: 15)
            let expected = log(x.values.reduce(0.0) { $0 + exp(Double($1)) })
            let actual = set.logSumExp(UnsafeBufferPointer(start: x.pointer, count: count))
            #expect(abs(Double(actual) - expected) < 3e-6)
        }
        let nothing = MisalignedFloats([-.infinity, -.infinity], offset: 0)
        #expect(set.logSumExp(UnsafeBufferPointer(start: nothing.pointer, count: 2)) == -.infinity)
    }

    @Test(arguments: InstructionSet.available)
    func `weights at a temperature are exponentials, zero where a logit is masked`(set: InstructionSet) {
        for count in sizesAroundVectors {
            let x = MisalignedFloats.random(count, offset: 2, seed: UInt64(count), scale: 9)
            if count > 1 { x.pointer[count / 2] = -.infinity }
            let row = UnsafeBufferPointer(start: x.pointer, count: count)
            let maximum = set.maximum(row)
            let weights = FloatMatrix(rows: 1, width: count)
            let sum = set.expWeights(row, into: weights.row(0), maximum: maximum, temperature: 0.7)
            let expected = x.values.map { exp((Double($0) - Double(maximum)) / 0.7) }
            #expect(largestError(weights.row(0), expected) < 5e-7)
            if count > 1 { #expect(weights.row(0)[count / 2] == 0) }
            #expect(abs(Double(sum) - expected.reduce(0, +)) < 1e-5 * Double(count))
        }
    }

    @Test(arguments: InstructionSet.available)
    func `the largest of every block is found, and what is not a number anywhere`(set: InstructionSet) {
        for count in sizesAroundVectors + [63, 64, 65, 128, 5000] {
            let x = MisalignedFloats.random(count, offset: count % 4, seed: UInt64(count))
            let row = UnsafeBufferPointer(start: x.pointer, count: count)
            var maxima = [Float](repeating: 0, count: (count + 63) / 64)
            #expect(maxima.withUnsafeMutableBufferPointer { set.blockMaxima(row, into: $0) })
            #expect(maxima == stride(from: 0, to: count, by: 64).map { row[$0..<min($0 + 64, count)].max() })
            for place in [0, count / 2, count - 1] {
                let old = x.pointer[place]
                x.pointer[place] = .nan
                #expect(!maxima.withUnsafeMutableBufferPointer { set.blockMaxima(row, into: $0) })
                x.pointer[place] = old
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `what samplers weigh tokens by has the same bits on every instruction set`(set: InstructionSet) {
        for count in sizesAroundVectors + [5000] {
            let x = MisalignedFloats.random(count, offset: 1, seed: UInt64(count), scale: 60)
            let row = UnsafeBufferPointer(start: x.pointer, count: count)
            x.pointer[0] = -.infinity
            let maximum = max(InstructionSet.portable.maximum(row), 0)
            func weights(_ set: InstructionSet) -> [Float] {
                var weights = [Float](repeating: -1, count: count)
                weights.withUnsafeMutableBufferPointer {
                    set.samplingWeights(row, into: $0, maximum: maximum, factor: 1.25)
                }
                return weights
            }
            let found = weights(set)
            #expect(found.map(\.bitPattern) == weights(.portable).map(\.bitPattern))
            for (weight, logit) in zip(found, row) where (logit - maximum) * 1.25 > -87 {
                let exact = exp(Double((logit - maximum) * 1.25))
                #expect(abs(Double(weight) - exact) < 0x1p-22 * exact)
            }
            #expect(found[0] == 0)
        }
    }
}
