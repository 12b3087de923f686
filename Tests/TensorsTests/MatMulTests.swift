import CKernels
import Testing

@testable import Tensors

@Suite struct MatMulTests {
    private let workers = WorkerPool(threadCount: 2)

    /// x as the kernels see it: what the weights' types multiply.
    private func seenActivations(_ x: FloatMatrix, for matrix: PackedMatrix, _ compute: Compute) -> [[Double]] {
        guard let form = matrix.soleForm, form != .float32 else {
            return (0..<x.rows).map { x.row($0).map(Double.init) }
        }
        let canPair = form == .int8 && matrix.pairingSections.all
        let quantized = QuantizedActivations(form, canPair ? .possible : .impossible)
        quantized.quantize(x, on: compute)
        let view = quantized.kernelView
        return (0..<x.rows).map { row in
            (0..<x.width).map { k in
                let scale = view.groups[row * Int(view.group_stride) + k / 32].scale
                return Double(scale) * Double(quantized.value(row: row, input: k))
            }
        }
    }

    /// Σ w · x in Double, with the bound that float32 sums over groups must keep. Plain indices: tests run unoptimised.
    private func reference(_ w: ArraySlice<Float>, _ x: [Double]) -> (value: Double, bound: Double) {
        w.withUnsafeBufferPointer { weights in
            x.withUnsafeBufferPointer { activations in
                var value = 0.0
                var magnitude = 0.0
                var index = 0
                while index < weights.count {
                    let product = Double(weights[index]) * activations[index]
                    value += product
                    magnitude += product.magnitude
                    index += 1
                }
                return (value, 1e-6 * magnitude + 1e-30)
            }
        }
    }

    @Test(arguments: InstructionSet.available, ElementType.packable)
    func `products are those of the formula on every size around a vector`(set: InstructionSet, type: ElementType)
        throws
    {
        let compute = Compute(instructionSet: set, workers: workers)
        for outputs in [1, 7, 15, 16, 17, 31, 33, 48, 257] {
            // Halves take another way where their rows are whole groups.
            let isRagged = type == .f32 || type.blockSize == 1 && outputs % 2 == 0
            let inputs = isRagged ? [1, 7, 33, 257][outputs % 4] : (1 + outputs % 3) * max(type.blockSize, 32)
            let stored = StoredWeights(type, outputs: outputs, inputs: inputs, seed: UInt64(outputs))
            let matrix = try stored.packed(on: workers)
            let weights = matrix.values()
            for rows in outputs < 40 ? [1, 3, 9] : [8] {
                let x = FloatMatrix(randomRows: rows, width: inputs, seed: 5)
                let y = FloatMatrix(rows: rows, width: outputs)
                y.elements.update(repeating: .nan)
                compute.matMul(matrix, x, into: y)
                let seen = seenActivations(x, for: matrix, compute)
                var wrong = 0
                for row in 0..<rows {
                    for output in 0..<outputs {
                        let (value, bound) = reference(
                            weights[(output * inputs)..<(output * inputs + inputs)],
                            seen[row]
                        )
                        if !(abs(Double(y.row(row)[output]) - value) <= bound) { wrong += 1 }
                    }
                }
                #expect(wrong == 0, "\(set) \(type) \(rows)x\(inputs)x\(outputs)")
            }
        }
    }

    @Test(arguments: InstructionSet.available, ElementType.blocked)
    func `no sum overflows at the largest codes and activations`(set: InstructionSet, type: ElementType) throws {
        let compute = Compute(instructionSet: set, workers: workers)
        let (outputs, inputs) = (32, 512)
        // 0x80 is -128, the largest magnitude of codes with a sign.
        for code in [UInt8(0x00), 0x0f, 0xf0, 0x7f, 0x80, 0xff] {
            var stored = StoredWeights(type, outputs: outputs, inputs: inputs, seed: 4)
            for index in stored.bytes.indices {
                let place = index % type.blockBytes
                let isHalf = type.halfOffsets.contains { $0 == place || $0 + 1 == place }
                if !isHalf && !(type == .mxfp4 && place == 0) { stored.bytes[index] = code }
            }
            let matrix = try stored.packed(on: workers)
            let weights = matrix.values()
            let x = FloatMatrix(rows: 5, width: inputs)
            for row in 0..<5 { for i in 0..<inputs { x.row(row)[i] = (i >> row) % 2 == 0 && row > 0 ? -3 : 3 } }
            let y = FloatMatrix(rows: 5, width: outputs)
            compute.matMul(matrix, x, into: y)
            let seen = seenActivations(x, for: matrix, compute)
            for (row, output) in [(0, 0), (1, 15), (2, 16), (3, 31), (4, 7)] {
                let (value, bound) = reference(weights[(output * inputs)..<((output + 1) * inputs)], seen[row])
                #expect(abs(Double(y.row(row)[output]) - value) <= bound, "code \(code), row \(row)")
            }
        }
    }

    @Test(arguments: InstructionSet.available, ElementType.packable)
    func `a row's bits do not depend on the rows beside it nor on the threads`(set: InstructionSet, type: ElementType)
        throws
    {
        let inputs = type == .f32 ? 300 : 512
        let stored = StoredWeights(type, outputs: 77, inputs: inputs, seed: 3)
        let matrix = try stored.packed(on: workers)
        let all = FloatMatrix(randomRows: 40, width: inputs, seed: 9)
        let alone = (0..<40).map { row in
            let x = FloatMatrix(rows: 1, width: inputs)
            _ = x.elements.update(fromContentsOf: all.row(row))
            let y = FloatMatrix(rows: 1, width: 77)
            Compute(instructionSet: set, workers: WorkerPool(threadCount: 1)).matMul(matrix, x, into: y)
            return y.bits(0)
        }
        for threadCount in [1, 2, 3, 5] {
            let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: threadCount))
            for rows in threadCount == 2 ? Array(1...40) : [1, 8, 40] {
                let x = FloatMatrix(rows: rows, width: inputs)
                _ = x.elements.update(
                    fromContentsOf: UnsafeMutableBufferPointer(rebasing: all.elements[..<(rows * inputs)])
                )
                let y = FloatMatrix(rows: rows, width: 77)
                compute.matMul(matrix, x, into: y)
                #expect((0..<rows).allSatisfy { y.bits($0) == alone[$0] }, "\(rows) rows on \(threadCount) threads")
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `many rows and long inputs cross the blocks of a product`(set: InstructionSet) throws {
        let compute = Compute(instructionSet: set, workers: workers)
        let stored = StoredWeights(.q8_0, outputs: 40, inputs: 4096, seed: 3)
        let matrix = try stored.packed(on: workers)
        let x = FloatMatrix(randomRows: 150, width: 4096, seed: 2)
        let y = FloatMatrix(rows: 150, width: 40)
        compute.matMul(matrix, x, into: y)
        let seen = seenActivations(x, for: matrix, compute)
        let weights = stored.values()
        for (row, output) in [(0, 0), (23, 39), (24, 1), (95, 16), (96, 17), (149, 39)] {
            let (value, bound) = reference(weights[(output * 4096)..<(output * 4096 + 4096)], seen[row])
            #expect(abs(Double(y.row(row)[output]) - value) <= bound)
        }
    }

    @Test(arguments: InstructionSet.available)
    func `bias and the old contents are added once`(set: InstructionSet) throws {
        let compute = Compute(instructionSet: set, workers: workers)
        for type in [ElementType.q4_1, .f16] {
            let matrix = try StoredWeights(type, outputs: 37, inputs: 64, seed: 3).packed(on: workers)
            let x = FloatMatrix(randomRows: 7, width: 64, seed: 2)
            let plain = FloatMatrix(rows: 7, width: 37)
            compute.matMul(matrix, x, into: plain)
            let bias = (0..<37).map { Float($0) }
            let y = FloatMatrix(randomRows: 7, width: 37, seed: 8)
            let old = Array(y.elements)
            compute.matMul(matrix, x, bias: bias, into: y, accumulate: true)
            for index in old.indices {
                #expect(y.elements[index] == plain.elements[index] + bias[index % 37] + old[index])
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a product over sections of several types is the products of its parts`(set: InstructionSet) throws {
        let compute = Compute(instructionSet: set, workers: workers)
        let parts = [
            StoredWeights(.q4_K, outputs: 20, inputs: 256, seed: 1),
            StoredWeights(.q6_K, outputs: 7, inputs: 256, seed: 2),
            StoredWeights(.bf16, outputs: 35, inputs: 256, seed: 3),
        ]
        let joined = parts.flatMap(\.bytes)
        let whole = try joined.withUnsafeBytes { bytes in
            var start = 0
            let sources = parts.map { part in
                defer { start += part.bytes.count }
                return PackedMatrix.Source(
                    bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + part.bytes.count)]),
                    elementType: part.type,
                    outputs: part.outputs
                )
            }
            return try PackedMatrix(packing: sources, inputs: 256, on: workers)
        }
        let x = FloatMatrix(randomRows: 13, width: 256, seed: 4)
        let y = FloatMatrix(rows: 13, width: 62)
        compute.matMul(whole, x, into: y)
        var first = 0
        for part in parts {
            let single = FloatMatrix(rows: 13, width: part.outputs)
            compute.matMul(try part.packed(on: workers), x, into: single)
            for row in 0..<13 {
                #expect(single.bits(row) == Array(y.bits(row)[first..<(first + part.outputs)]))
            }
            first += part.outputs
        }
    }

    @Test(arguments: InstructionSet.available, ElementType.packable)
    func `scales and activations that are not numbers spoil results, not the process`(
        set: InstructionSet,
        type: ElementType
    ) throws {
        let compute = Compute(instructionSet: set, workers: workers)
        var stored = StoredWeights(type, outputs: 19, inputs: max(type.blockSize, 32), seed: 3)
        for index in stored.bytes.indices where index % 3 != 0 { stored.bytes[index] = 0xff }
        let matrix = try stored.packed(on: workers)
        let x = FloatMatrix(randomRows: 5, width: matrix.inputs, seed: 2)
        x.row(1)[0] = .infinity
        x.row(2)[31] = .nan
        x.row(3)[3] = .greatestFiniteMagnitude
        let y = FloatMatrix(rows: 5, width: 19)
        compute.matMul(matrix, x, into: y)
        #expect(y.row(1).allSatisfy { !$0.isFinite })
        #expect(y.row(2).allSatisfy { !$0.isFinite })
    }
}
