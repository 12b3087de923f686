import CKernels
import Testing

@testable import Tensors

@Suite struct NormalizationTests {
    private func reference(_ x: [Float], gain: [Float], epsilon: Float) -> [Double] {
        let mean = x.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(x.count)
        return zip(x, gain).map { Double($0) / (mean + Double(epsilon)).squareRoot() * Double($1) }
    }

    @Test(arguments: InstructionSet.available)
    func `a row is divided by its root mean square, at every size and alignment`(set: InstructionSet) {
        for width in sizesAroundVectors {
            for offset in [0, 1, 3] {
                let x = MisalignedFloats.random(3 * width, offset: offset, seed: UInt64(width))
                let gain = MisalignedFloats.random(width, offset: offset + 1, seed: 7)
                let out = MisalignedFloats(Array(repeating: 0, count: 3 * width), offset: offset)
                ck_rms_norm(set.rawValue, x.pointer, width, out.pointer, width, gain.pointer, 1e-5, 3, width)
                #expect(out.guardsStand && x.guardsStand)
                for row in 0..<3 {
                    let values = Array(x.values[row * width..<(row + 1) * width])
                    let expected = reference(values, gain: gain.values, epsilon: 1e-5)
                    // A single element is all of its mean: its norm is ±1, and others are not far above.
                    #expect(largestError(out.values[row * width..<(row + 1) * width], expected) < 2e-6)
                }
                // In place, and the same whatever the alignment.
                ck_rms_norm(set.rawValue, x.pointer, width, x.pointer, width, gain.pointer, 1e-5, 3, width)
                #expect(x.values == out.values)
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `adding a branch and norming gives the bits of the two steps`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        for width in sizesAroundVectors {
            let x = matrix(rows: 40, width: width, seed: 1)
            let y = matrix(rows: 40, width: width, seed: 2)
            let gain = randomFloats(width, seed: 3)
            let sum = matrix(rows: 40, width: width, seed: 1)
            compute.add(y, to: sum)
            let expected = FloatMatrix()
            compute.rmsNorm(sum, gain: gain, epsilon: 1e-6, into: expected)
            compute.addAndRMSNorm(y, to: x, gain: gain, epsilon: 1e-6, into: y)
            #expect(Array(x.elements) == Array(sum.elements))
            #expect(Array(y.elements) == Array(expected.elements))
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a row alone gets the bits it gets among many on two threads`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        let x = matrix(rows: 301, width: 576, seed: 5)
        let gain = randomFloats(576, seed: 6)
        let all = FloatMatrix()
        compute.rmsNorm(x, gain: gain, epsilon: 1e-6, into: all)
        for row in [0, 150, 151, 300] {
            let one = FloatMatrix(rows: 1, width: 576)
            one.pointer.update(from: x.pointer + row * 576, count: 576)
            compute.rmsNorm(one, gain: gain, epsilon: 1e-6, into: one)
            #expect(Array(one.row(0)) == Array(all.row(row)))
        }
    }

    @Test(arguments: InstructionSet.available)
    func `heads are normed one by one and the others stay`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        let x = matrix(rows: 33, width: 5 * 24 + 3, seed: 8)
        let before = x.elements.map { $0 }
        let gain = randomFloats(24, seed: 9)
        compute.rmsNormHeads(x, heads: 1..<4, gain: gain, epsilon: 1e-6)
        for row in 0..<33 {
            for head in 0..<5 {
                let first = row * x.width + head * 24
                let old = Array(before[first..<first + 24])
                let expected = (1..<4).contains(head) ? reference(old, gain: gain, epsilon: 1e-6) : old.map(Double.init)
                #expect(largestError(UnsafeBufferPointer(start: x.pointer + first, count: 24), expected) < 2e-6)
            }
        }
    }
}

/// Random floats between -1 and 1.
func randomFloats(_ count: Int, seed: UInt64) -> [Float] {
    var random = SeededGenerator(state: seed)
    return (0..<count).map { _ in random.float() }
}

/// The same as rows.
func matrix(rows: Int, width: Int, seed: UInt64) -> FloatMatrix {
    let matrix = FloatMatrix(rows: rows, width: width)
    var random = SeededGenerator(state: seed)
    for index in 0..<rows * width { matrix.pointer[index] = random.float() }
    return matrix
}
