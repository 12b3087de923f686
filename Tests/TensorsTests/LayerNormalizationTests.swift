import CKernels
import Testing

@testable import Tensors

@Suite struct LayerNormalizationTests {
    private func reference(_ x: [Float], _ norm: LayerNorm) -> [Double] {
        let mean = x.reduce(0.0) { $0 + Double($1) } / Double(x.count)
        let variance = x.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(x.count)
        let inverse = 1 / (variance + Double(norm.epsilon)).squareRoot()
        return x.indices.map { (Double(x[$0]) - mean) * inverse * Double(norm.gain[$0]) + Double(norm.bias[$0]) }
    }

    @Test(arguments: InstructionSet.available)
    func `a row gets mean and variance of its own, at every size and alignment`(set: InstructionSet) {
        for width in sizesAroundVectors where width > 1 {
            for offset in [0, 1, 3] {
                // Far from zero, where a variance from sums of squares would be nothing but rounding.
                let values = randomFloats(3 * width, seed: UInt64(width)).map { $0 + 30 }
                let x = MisalignedFloats(values, offset: offset)
                let gain = MisalignedFloats.random(width, offset: offset + 1, seed: 7)
                let bias = MisalignedFloats.random(width, offset: offset + 2, seed: 8)
                let out = MisalignedFloats(Array(repeating: 0, count: 3 * width), offset: offset)
                var parameters = ck_layer_norm_parameters(
                    gain: gain.pointer,
                    bias: bias.pointer,
                    width: width,
                    epsilon: 1e-12
                )
                ck_layer_norm(set.rawValue, x.pointer, out.pointer, &parameters, 3)
                #expect(out.guardsStand && x.values == values)
                let norm = LayerNorm(gain: gain.values, bias: bias.values, epsilon: 1e-12)
                for row in 0..<3 {
                    let range = row * width..<(row + 1) * width
                    #expect(largestError(out.values[range], reference(Array(values[range]), norm)) < 2e-5)
                }
                // In place.
                ck_layer_norm(set.rawValue, x.pointer, x.pointer, &parameters, 3)
                #expect(x.values == out.values && x.guardsStand)
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a constant row becomes the bias`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 1))
        let x = FloatMatrix(rows: 2, width: 48)
        for index in 0..<96 { x.pointer[index] = 4 }
        let bias = randomFloats(48, seed: 3)
        compute.layerNorm(LayerNorm(gain: randomFloats(48, seed: 2), bias: bias, epsilon: 1e-12), x)
        #expect(Array(x.row(0)) == bias && Array(x.row(1)) == bias)
    }

    @Test(arguments: InstructionSet.available)
    func `a row alone gets the bits it gets among many on two threads`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        let norm = LayerNorm(gain: randomFloats(384, seed: 6), bias: randomFloats(384, seed: 7), epsilon: 1e-12)
        let all = matrix(rows: 301, width: 384, seed: 5)
        let before = Array(all.elements)
        let apart = FloatMatrix()
        compute.layerNorm(norm, all, into: apart)
        #expect(Array(all.elements) == before)
        compute.layerNorm(norm, all)
        #expect(Array(apart.elements) == Array(all.elements))
        for row in [0, 150, 151, 300] {
            let one = FloatMatrix(rows: 1, width: 384)
            one.pointer.update(from: Array(before[row * 384..<(row + 1) * 384]), count: 384)
            compute.layerNorm(norm, one)
            #expect(Array(one.row(0)) == Array(all.row(row)))
        }
    }
}
