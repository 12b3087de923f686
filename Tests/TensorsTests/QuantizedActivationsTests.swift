import CKernels
import Testing

@testable import Tensors

@Suite struct QuantizedActivationsTests {
    private let workers = WorkerPool(threadCount: 2)

    @Test(arguments: InstructionSet.available, [32, 64, 96, 288])
    func `values, scales and sums are those of the formula`(set: InstructionSet, width: Int) {
        let compute = Compute(instructionSet: set, workers: workers)
        for rows in [1, 2, 7, 33] {
            let x = FloatMatrix(randomRows: rows, width: width, seed: UInt64(width + rows))
            let quantized = QuantizedActivations()
            quantized.quantize(x, on: compute)
            let view = quantized.kernelView
            for row in 0..<rows {
                for group in 0..<(width / 32) {
                    let values = (0..<32).map { Int32(view.values[row * Int(view.value_stride) + group * 32 + $0]) }
                    let record = view.groups[row * Int(view.group_stride) + group]
                    expectGroup(values, record, of: Array(x.row(row)[(group * 32)..<(group * 32 + 32)]))
                }
            }
        }
    }

    private func expectGroup(_ values: [Int32], _ record: ck_activation_group, of x: [Float]) {
        let largest = x.map(abs).max() ?? 0
        #expect(record.scale == largest / 127)
        let factor = 127 / largest
        #expect(values == x.map { Int32(($0 * factor).rounded(.toNearestOrEven)) })
        #expect(record.negative_sum == -values.reduce(0, +))
        #expect(record.negative_low_sum == -values[..<16].reduce(0, +))
        #expect(record.scaled_sum == record.scale * Float(values.reduce(0, +)))
    }

    @Test(arguments: InstructionSet.available)
    func `zeros and the smallest numbers become zeros, and what is not finite spoils its scale`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: workers)
        let special: [Float] = [
            0, .leastNonzeroMagnitude, .leastNormalMagnitude, .infinity, -.infinity, .nan, .signalingNaN,
        ]
        let x = FloatMatrix(rows: special.count, width: 32)
        for (row, value) in special.enumerated() { x.row(row)[row * 3] = value }
        for row in 3..<special.count { x.row(row)[31] = 1 }
        let quantized = QuantizedActivations()
        quantized.quantize(x, on: compute)
        let view = quantized.kernelView
        for row in special.indices {
            let record = view.groups[row * Int(view.group_stride)]
            #expect((0..<32).allSatisfy { view.values[row * Int(view.value_stride) + $0] == 0 })
            #expect(special[row].isFinite ? record.scale == 0 : !record.scale.isFinite)
        }
    }
}
