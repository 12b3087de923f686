import Testing

@testable import Tensors

@Suite struct PackedMatrixTests {
    private let workers = WorkerPool(threadCount: 2)

    @Test func `a matrix that the system has no memory for is an error`() {
        let byteCount = 1 << 60
        // Nobody reads so far: the memory is refused before.
        let source = [UInt8](repeating: 0, count: 64).withUnsafeBytes {
            let bytes = UnsafeRawBufferPointer(start: $0.baseAddress, count: byteCount)
            return PackedMatrix.Source(bytes: bytes, elementType: .f32, outputs: 1 << 30)
        }
        #expect(throws: PackingError.memoryRefused(bytes: byteCount)) {
            try PackedMatrix(packing: [source], inputs: 1 << 28, on: workers)
        }
    }

    @Test(arguments: ElementType.packable, [1, 15, 16, 17, 33])
    func `unpacking gives back every bit that was packed`(type: ElementType, outputs: Int) throws {
        for inputs in [type.blockSize, 3 * type.blockSize, type.blockSize == 1 ? 37 : 4 * type.blockSize] {
            let stored = StoredWeights(type, outputs: outputs, inputs: inputs, seed: 7)
            let matrix = try stored.packed(on: workers)
            let compute = Compute(workers: workers)
            let gathered = FloatMatrix()
            matrix.gather((0..<Int32(outputs)).map { $0 }, into: gathered, compute: compute)
            #expect(gathered.elements.map(\.bitPattern) == stored.values().map(\.bitPattern))
        }
    }

    @Test(arguments: [ElementType.f16, .bf16])
    func `halves in whole groups keep what is not far below the largest of their group`(type: ElementType) throws {
        let stored = StoredWeights(type, outputs: 19, inputs: 96, seed: 7)
        let found = try stored.packed(on: workers).values()
        let expected = stored.values()
        // A half has 11 significant bits, a bfloat16 8; the codes have 15 below the largest.
        let exactRange: Float = type == .f16 ? 16 : 128
        for start in stride(from: 0, to: expected.count, by: 32) {
            let largest = expected[start..<(start + 32)].reduce(0) { max($0, abs($1)) }
            for index in start..<(start + 32) {
                #expect(abs(found[index] - expected[index]) <= largest / 32768)
                if abs(expected[index]) >= largest / exactRange { #expect(found[index] == expected[index]) }
            }
        }
    }

    @Test(arguments: [ElementType.f16, .bf16], [0, 15, 31])
    func `a half that is not a number stays none, whatever stands around it`(type: ElementType, place: Int) throws {
        let patterns: [UInt16] = type == .f16 ? [0x7e00, 0x7c00, 0xfe00] : [0x7fc0, 0x7f80, 0xffc0]
        for pattern in patterns {
            var stored = StoredWeights(type, outputs: 3, inputs: 96, seed: 7)
            // In the middle group of the middle output, beside numbers large and small.
            let byte = 2 * (96 + 32 + place)
            stored.bytes[byte..<byte + 2] = [UInt8(pattern & 0xff), UInt8(pattern >> 8)]
            let found = try stored.packed(on: workers).values()
            #expect(!found[96 + 32 + place].isFinite)
            #expect(found[..<128].allSatisfy(\.isFinite) && found[160...].allSatisfy(\.isFinite))
        }
    }

    @Test func `matrices of several types stand under one another`() throws {
        let parts = [
            StoredWeights(.q4_K, outputs: 20, inputs: 256, seed: 1),
            StoredWeights(.q6_K, outputs: 7, inputs: 256, seed: 2),
            StoredWeights(.f16, outputs: 16, inputs: 256, seed: 3),
        ]
        var sources: [PackedMatrix.Source] = []
        for part in parts {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: part.bytes.count, alignment: 1)
            copy.copyBytes(from: part.bytes)
            sources.append(.init(bytes: UnsafeRawBufferPointer(copy), elementType: part.type, outputs: part.outputs))
        }
        defer { for source in sources { source.bytes.deallocate() } }
        let matrix = try PackedMatrix(packing: sources, inputs: 256, on: workers)
        #expect(matrix.outputs == 43)
        #expect(matrix.wants(.int8) && matrix.wants(.int12) && !matrix.wants(.float32) && matrix.soleForm == nil)
        let gathered = FloatMatrix()
        matrix.gather([42, 0, 26, 20, 19], into: gathered, compute: Compute(workers: workers))
        let all = try parts.flatMap { try $0.packed(on: workers).values() }
        for (index, output) in [42, 0, 26, 20, 19].enumerated() {
            #expect(Array(gathered.row(index)) == Array(all[(output * 256)..<(output * 256 + 256)]))
        }
    }

    @Test func `what cannot be packed is refused with a reason`() {
        let bytes = [UInt8](repeating: 0, count: 1024)
        func pack(_ type: ElementType, inputs: Int, outputs: Int) throws(PackingError) {
            // The buffer outlives the call: it is a constant of the test.
            let source = bytes.withUnsafeBytes { PackedMatrix.Source(bytes: $0, elementType: type, outputs: outputs) }
            _ = try PackedMatrix(packing: [source], inputs: inputs, on: workers)
        }
        #expect(throws: PackingError.unsupportedType(.i32)) { try pack(.i32, inputs: 32, outputs: 8) }
        #expect(throws: PackingError.unsupportedInputs(33, .q4_0)) { try pack(.q4_0, inputs: 33, outputs: 1) }
        #expect(throws: PackingError.unsupportedInputs(0, .f32)) { try pack(.f32, inputs: 0, outputs: 1) }
        #expect(throws: PackingError.wrongByteCount(found: 1024, expected: 1152)) {
            try pack(.q4_0, inputs: 32, outputs: 64)
        }
        #expect(throws: PackingError.wrongByteCount(found: 1024, expected: 1 << 62)) {
            try pack(.f32, inputs: 1 << 30, outputs: 1 << 30)
        }
    }
}
