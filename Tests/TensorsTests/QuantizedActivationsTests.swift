import CKernels
import Testing

@testable import Tensors

@Suite struct QuantizedActivationsTests {
    private let workers = WorkerPool(threadCount: 2)

    @Test(arguments: InstructionSet.available, [ActivationForm.int8, .int12])
    func `values, scales and sums are those of the formula`(set: InstructionSet, form: ActivationForm) {
        let compute = Compute(instructionSet: set, workers: workers)
        for (rows, width) in [(1, 32), (2, 64), (7, 96), (33, 288)] {
            let x = FloatMatrix(randomRows: rows, width: width, seed: UInt64(width + rows))
            let quantized = QuantizedActivations(form)
            quantized.quantize(x, on: compute)
            let view = quantized.kernelView
            for row in 0..<rows {
                for group in 0..<(width / 32) {
                    let values = (0..<32).map { quantized.value(row: row, input: group * 32 + $0) }
                    let record = view.groups[row * Int(view.group_stride) + group]
                    expectGroup(values, record, form, of: Array(x.row(row)[(group * 32)..<(group * 32 + 32)]))
                }
            }
        }
    }

    private func expectGroup(
        _ values: [Int32],
        _ record: ck_activation_group,
        _ form: ActivationForm,
        of x: [Float]
    ) {
        let largest = x.map(abs).max() ?? 0
        let limit: Float = form == .int12 ? 2047 : 127
        #expect(record.scale == largest / limit)
        let factor = limit / largest
        #expect(values == x.map { Int32(($0 * factor).rounded(.toNearestOrEven)) })
        if form == .int12 { return }
        #expect(record.negative_sum == -values.reduce(0, +))
        #expect(record.negative_low_sum == -values[..<16].reduce(0, +))
        #expect(record.scaled_sum == record.scale * Float(values.reduce(0, +)))
    }

    @Test(arguments: InstructionSet.available, [ActivationForm.int8, .int12])
    func `zeros and the smallest numbers become zeros, and what is not finite spoils its scale`(
        set: InstructionSet,
        form: ActivationForm
    ) {
        let compute = Compute(instructionSet: set, workers: workers)
        let special: [Float] = [
            0, .leastNonzeroMagnitude, .leastNormalMagnitude, .infinity, -.infinity, .nan, .signalingNaN,
        ]
        let x = FloatMatrix(rows: special.count, width: 32)
        for (row, value) in special.enumerated() { x.row(row)[row * 3] = value }
        for row in 3..<special.count { x.row(row)[31] = 1 }
        let quantized = QuantizedActivations(form)
        quantized.quantize(x, on: compute)
        let view = quantized.kernelView
        for row in special.indices {
            let record = view.groups[row * Int(view.group_stride)]
            #expect((0..<32).allSatisfy { quantized.value(row: row, input: $0) == 0 })
            #expect(special[row].isFinite ? record.scale == 0 : !record.scale.isFinite)
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a group that is not finite or all but zero leaves its neighbours alone`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: workers)
        for special in [Float.infinity, .nan, 0, 1e-38] {
            for (group, groupCount) in [(0, 4), (3, 4), (1, 5), (4, 5), (2, 18)] {
                let x = FloatMatrix(randomRows: 1, width: 32 * groupCount, seed: UInt64(group + groupCount))
                for input in 0..<32 { x.row(0)[32 * group + input] = special }
                let quantized = QuantizedActivations(.int8)
                quantized.quantize(x, on: compute)
                for other in 0..<groupCount {
                    let values = (0..<32).map { quantized.value(row: 0, input: 32 * other + $0) }
                    let record = quantized.kernelView.groups[other]
                    if other == group {
                        #expect(values.allSatisfy { $0 == 0 })
                        #expect(special.isFinite ? record.scale == 0 : !record.scale.isFinite)
                    } else {
                        expectGroup(values, record, .int8, of: Array(x.row(0)[(32 * other)..<(32 * other + 32)]))
                    }
                }
            }
        }
    }
}
