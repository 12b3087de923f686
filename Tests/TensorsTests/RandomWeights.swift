import CKernels

@testable import Tensors

/// A small, fast, seeded generator (SplitMix64; Steele, Lea & Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Between -1 and 1.
    mutating func float() -> Float { Float(Int32(truncatingIfNeeded: next())) * 0x1p-31 }
}

extension ElementType {
    /// The types with a kernel.
    static let packable: [ElementType] = plain + blocked
    static let plain: [ElementType] = [.f32, .f16, .bf16]
    static let blocked: [ElementType] = [
        .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .mxfp4,
    ]

    /// Where a block keeps halves.
    var halfOffsets: [Int] {
        switch self {
        case .q4_0, .q5_0, .q8_0, .iq4_NL: [0]
        case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
        case .q2_K: [80, 82]
        case .q3_K: [108]
        case .q6_K: [208]
        default: []
        }
    }
}

/// Random stored weights of any type, `[outputs, inputs]`, of sane magnitude.
struct StoredWeights {
    let type: ElementType
    let outputs: Int
    let inputs: Int
    var bytes: [UInt8]

    init(_ type: ElementType, outputs: Int, inputs: Int, seed: UInt64) {
        self.type = type
        self.outputs = outputs
        self.inputs = inputs
        var random = SeededGenerator(state: seed)
        let count = outputs * inputs
        switch type {
        case .f32: bytes = (0..<count).flatMap { _ in withUnsafeBytes(of: random.float()) { Array($0) } }
        case .f16: bytes = (0..<count).flatMap { _ in withUnsafeBytes(of: Float16(random.float())) { Array($0) } }
        case .bf16:
            bytes = (0..<count).flatMap { _ in
                withUnsafeBytes(of: UInt16(random.float().bitPattern >> 16)) { Array($0) }
            }
        default:
            bytes = (0..<(count / type.blockSize * type.blockBytes)).map { _ in UInt8(truncatingIfNeeded: random.next())
            }
            setScales(using: &random)
        }
    }

    private mutating func setScales(using random: inout SeededGenerator) {
        for block in stride(from: 0, to: bytes.count, by: type.blockBytes) {
            for offset in type.halfOffsets {
                let half = Float16(random.float() * 0.05).bitPattern
                bytes[block + offset] = UInt8(half & 255)
                bytes[block + offset + 1] = UInt8(half >> 8)
            }
            if type == .mxfp4 { bytes[block] = UInt8(118 + random.next() % 8) }
        }
    }

    /// The weights as float32.
    func values() -> [Float] {
        var values = [Float](repeating: 0, count: outputs * inputs)
        let isDone = bytes.withUnsafeBytes { source in
            values.withUnsafeMutableBufferPointer { dequantize(source, as: type, into: $0) }
        }
        precondition(isDone)
        return values
    }

    func packed(on workers: WorkerPool) throws -> PackedMatrix {
        try bytes.withUnsafeBytes {
            let source = PackedMatrix.Source(bytes: $0, elementType: type, outputs: outputs)
            return try PackedMatrix(packing: [source], inputs: inputs, on: workers)
        }
    }
}

extension PackedMatrix {
    /// The weights as the panels hold them, `[outputs, inputs]`.
    func values() -> [Float] {
        [Float](unsafeUninitializedCapacity: outputs * inputs) { buffer, count in
            for output in 0..<outputs {
                if let start = buffer.baseAddress { unpack(output: output, into: start + output * inputs) }
            }
            count = outputs * inputs
        }
    }
}

extension QuantizedActivations {
    /// q of one activation.
    func value(row: Int, input: Int) -> Int32 {
        let start = UnsafeRawPointer(kernelView.values) + row * Int(kernelView.value_stride)
        return switch form {
        case .int12: Int32(start.load(fromByteOffset: 2 * input, as: Int16.self))
        case .int8, .float32: Int32(start.load(fromByteOffset: input, as: Int8.self))
        }
    }
}

extension FloatMatrix {
    /// Random values between -1 and 1 with a few large ones, as activations have.
    convenience init(randomRows rows: Int, width: Int, seed: UInt64) {
        self.init(rows: rows, width: width)
        var random = SeededGenerator(state: seed)
        for index in 0..<(rows * width) {
            pointer[index] = random.float() * (random.next() % 50 == 0 ? 20 : 1)
        }
    }

    /// The bits of a row.
    func bits(_ index: Int) -> [UInt32] { row(index).map(\.bitPattern) }
}
