import CKernels
import Testing

@testable import Tensors

/// Products that compute two steps in one dot product.
@Suite struct PairedStepsTests {
    private let workers = WorkerPool(threadCount: 2)

    private static let canPair = InstructionSet.available.contains(where: \.canPairSteps)

    private func compute(pairsSteps: Bool) -> Compute {
        Compute(instructionSet: .avx512vnni, workers: workers, pairsSteps: pairsSteps)
    }

    /// Bits of x Wᵀ + bias + y.
    private func product(_ weights: PackedMatrix, _ x: FloatMatrix, pairsSteps: Bool) -> [[UInt32]] {
        let y = FloatMatrix()
        y.reshape(rows: x.rows, width: weights.outputs, isSpread: true)
        for row in 0..<x.rows { y.row(row).update(repeating: Float(row)) }
        let bias = (0..<weights.outputs).map { Float($0) }
        compute(pairsSteps: pairsSteps).matMul(weights, x, bias: bias, into: y, accumulate: true)
        return (0..<x.rows).map { y.bits($0) }
    }

    @Test(
        .enabled(if: PairedStepsTests.canPair, "needs AVX-512 VNNI and GFNI"),
        arguments: [ElementType.q4_0, .q4_1, .q4_K, .q6_K]
    )
    func `they have the bits of those that do not`(type: ElementType) throws {
        for (outputs, inputs) in [(32, 256), (77, 768), (96, 2048), (512, 256)] {
            let stored = StoredWeights(type, outputs: outputs, inputs: inputs, seed: UInt64(outputs))
            let weights = try stored.packed(on: workers)
            for rows in [9, 10, 23, 95, 96, 97, 131] {
                let x = FloatMatrix(randomRows: rows, width: inputs, seed: UInt64(rows))
                #expect(
                    product(weights, x, pairsSteps: true) == product(weights, x, pairsSteps: false),
                    "\(rows) rows of \(inputs) for \(outputs)"
                )
            }
        }
    }

    @Test(.enabled(if: PairedStepsTests.canPair, "needs AVX-512 VNNI and GFNI"), arguments: [ElementType.q4_0, .q4_1])
    func `the largest codes and activations fit`(type: ElementType) throws {
        for code in [UInt8(0x00), 0x0f, 0xf0, 0xff] {
            var stored = StoredWeights(type, outputs: 32, inputs: 64, seed: 5)
            let header = type.halfOffsets.count * 2
            for index in stored.bytes.indices where index % type.blockBytes >= header { stored.bytes[index] = code }
            let weights = try stored.packed(on: workers)
            let x = FloatMatrix(rows: 36, width: 64)
            // The signs of the two steps of a pair in every combination.
            for row in 0..<36 { for i in 0..<64 { x.row(row)[i] = (row >> (i / 4 % 2)) & 1 == 0 ? 2 : -2 } }
            #expect(product(weights, x, pairsSteps: true) == product(weights, x, pairsSteps: false), "code \(code)")
        }
    }

    @Test(arguments: InstructionSet.available)
    func `what a pair multiplies besides is that of the formula`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: workers)
        for groups in [1, 7, 8, 9, 18, 24] {
            let x = FloatMatrix(randomRows: 11, width: 32 * groups, seed: UInt64(groups))
            let quantized = QuantizedActivations(.int8, .made)
            quantized.quantize(x, on: compute)
            let view = quantized.kernelView
            for index in 0..<(11 * groups) {
                let (row, group) = (index / groups, index % groups)
                let values = (0..<32).map { quantized.value(row: row, input: group * 32 + $0) }
                // Steps of four: 0 and 1, 2 and 3, 4 and 5 are pairs; 6 and 7 are none.
                var besides: Int32 = 0
                for pair in 0..<3 {
                    for i in 0..<4 { besides += values[8 * pair + i] * (values[8 * pair + 4 + i] + 128) }
                }
                besides += 8 * values[24...].reduce(0, +)
                let place = row * Int(view.group_stride) + group
                let (plain, paired) = (view.groups[place], view.pair_groups[place])
                #expect(values.allSatisfy { abs($0) <= 120 } && values.contains { abs($0) == 120 })
                #expect(paired.centered_start == -besides)
                #expect(paired.raw_start == 8 * values.reduce(0, +) - besides)
                #expect(paired.scale == plain.scale && paired.scaled_sum == plain.scaled_sum)
            }
        }
    }

    @Test func `few rows pair nothing`() {
        let compute = Compute(workers: workers)
        let few = QuantizedActivations(.int8, .made)
        few.quantize(FloatMatrix(randomRows: 8, width: 64, seed: 1), on: compute)
        #expect(few.kernelView.pair_groups == nil)
    }
}
