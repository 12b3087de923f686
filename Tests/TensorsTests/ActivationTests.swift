import CKernels
import Foundation
import Testing

@testable import Tensors

@Suite struct ActivationTests {
    private static func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
    private static func gelu(_ x: Double) -> Double {
        0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }

    @Test(arguments: InstructionSet.available, [GateActivation.silu, .geluTanh])
    func `a gate opens by its formula at every size and alignment`(set: InstructionSet, activation: GateActivation) {
        let formula = activation == .silu ? Self.silu : Self.gelu
        // The exponent carries the rounding of its argument, which for GELU's cubic is up to 140.
        let tolerance = activation == .silu ? 2e-6 : 3e-5
        let kernel = activation == .silu ? ck_silu_gate : ck_gelu_gate
        for width in sizesAroundVectors {
            for offset in [0, 1, 3] {
                let gate = MisalignedFloats.random(2 * width, offset: offset, seed: UInt64(width), scale: 12)
                let up = MisalignedFloats.random(2 * width, offset: offset + 2, seed: 5)
                let out = MisalignedFloats(Array(repeating: 0, count: 2 * width), offset: offset)
                kernel(set.rawValue, gate.pointer, up.pointer, width, out.pointer, width, 2, width)
                #expect(out.guardsStand)
                let errors = (0..<2 * width).map { i in
                    let expected = formula(Double(gate.values[i])) * Double(up.values[i])
                    return abs(Double(out.values[i]) - expected) - tolerance * abs(expected)
                }
                #expect((errors.max() ?? 1) <= 1e-12)
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `extreme gates neither overflow nor leave what is not a number`(set: InstructionSet) {
        let extremes: [Float] = [-1e30, -1000, -100, -88, 0, 88, 100, 1000, 1e12]
        for kernel in [ck_silu_gate, ck_gelu_gate] {
            let gate = MisalignedFloats(extremes, offset: 0)
            let up = MisalignedFloats(extremes.map { _ in 1 }, offset: 0)
            kernel(set.rawValue, gate.pointer, up.pointer, 9, gate.pointer, 9, 1, 9)
            #expect(gate.guardsStand && up.guardsStand)
            for (x, y) in zip(extremes, gate.values) {
                #expect(x > 0 ? y == x : abs(y) < 1e-35, "\(x) became \(y)")
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `the exact activation is that of the normal distribution, at every size and alignment`(set: InstructionSet) {
        for width in sizesAroundVectors {
            for offset in [0, 1, 3] {
                let x = MisalignedFloats.random(width, offset: offset, seed: UInt64(width), scale: 12)
                let before = x.values
                ck_gelu_exact(set.rawValue, x.pointer, width)
                #expect(x.guardsStand)
                for (old, new) in zip(before, x.values) {
                    let expected = Double(old) * 0.5 * erfc(-Double(old) / 2.0.squareRoot())
                    #expect(abs(Double(new) - expected) <= 3e-7 * abs(Double(old)), "\(old) became \(new)")
                }
            }
        }
        let extremes: [Float] = [-.infinity, -1e30, -14, 0, 14, 1e30, .infinity, .nan]
        let x = MisalignedFloats(extremes, offset: 0)
        ck_gelu_exact(set.rawValue, x.pointer, 8)
        #expect(x.values[4...6].elementsEqual(extremes[4...6]) && x.values[7].isNaN)
        #expect(x.values[0..<4].allSatisfy { abs($0) < 1e-35 })
    }

    @Test(arguments: InstructionSet.available, [GateActivation.silu, .geluTanh, .geluExact])
    func `the fused gate reads both halves of a row`(set: InstructionSet, activation: GateActivation) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        let gateUp = matrix(rows: 70, width: 2 * 129, seed: 3)
        let output = FloatMatrix()
        compute.gate(gateUp, activation, into: output)
        #expect(output.rows == 70 && output.width == 129)
        let formula: (Double) -> Double =
            switch activation {
            case .silu: Self.silu
            case .geluTanh: Self.gelu
            case .geluExact: { $0 * 0.5 * erfc(-$0 / 2.0.squareRoot()) }
            }
        for row in 0..<70 {
            let expected = (0..<129).map {
                formula(Double(gateUp.row(row)[$0])) * Double(gateUp.row(row)[129 + $0])
            }
            #expect(largestError(output.row(row), expected) < 1e-6)
        }
    }

    @Test(arguments: InstructionSet.available)
    func `sums, biases, scales and caps are those of float32`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        for width in sizesAroundVectors {
            let x = matrix(rows: 90, width: width, seed: 1)
            let y = matrix(rows: 90, width: width, seed: 2)
            let bias = randomFloats(width, seed: 4)
            let before = y.elements.map { $0 }
            compute.add(x, to: y)
            compute.addBias(bias, to: y)
            compute.scale(y, by: 3)
            let sums = (0..<90 * width).map { (before[$0] + x.pointer[$0] + bias[$0 % width]) * 3 }
            #expect(Array(y.elements) == sums)
            compute.softcap(y, 2)
            #expect(largestError(y.elements, sums.map { 2 * tanh(Double($0) / 2) }) < 1e-6)
        }
    }
}
