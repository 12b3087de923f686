extension ElementType {
    /// Whether `encode` writes it. The others are read only.
    package var isEncodable: Bool {
        switch self {
        case .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: true
        case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .mxfp4: false
        case .i8, .i16, .i32, .i64, .f64: false
        }
    }

    /// The type in which new values of a weight are kept: its own, or Q8_0 for block types that are read only. nil for what
    /// is no weight's.
    package var encodableCounterpart: ElementType? {
        switch self {
        case .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: self
        case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .mxfp4: .q8_0
        case .i8, .i16, .i32, .i64, .f64: nil
        }
    }

    /// The same without losing what an adapter adds: Q8_0 for blocks of fewer bits, too.
    package var preciseCounterpart: ElementType? {
        switch self {
        case .f32, .f16, .bf16, .q8_0: self
        case .q4_0, .q4_1, .q5_0, .q5_1, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .mxfp4: .q8_0
        case .i8, .i16, .i32, .i64, .f64: nil
        }
    }
}

extension ElementType {
    /// The block types that `encode` writes, in which float weights can be kept: the most precise first.
    package static let reducedTypes: [ElementType] = [.q8_0, .q5_1, .q5_0, .q4_1, .q4_0]
}

/// Writes float32 values as elements of a stored tensor: the counterpart of `dequantize`.
///
/// Halves are rounded to the nearest, ties to even. Blocks get the scale that the reference writer gives them
/// (`quantize_row_*_ref` in ggml), which makes the largest magnitude, or both ends of the range, exact up to the scale's own
/// rounding.
///
/// - Parameters:
///   - values: whole blocks. Numbers that are not finite become others that mean nothing.
///   - type: an encodable one.
///   - bytes: exactly the bytes of so many elements; at any address.
package func encode(
    _ values: UnsafeBufferPointer<Float>,
    as type: ElementType,
    into bytes: UnsafeMutableRawBufferPointer
) {
    precondition(type.isEncodable, "encode: \(type.name) is read only")
    precondition(
        type.bytes(forElementCount: values.count) == bytes.count,
        "encode: \(bytes.count) bytes for \(values.count) elements of \(type.name)"
    )
    guard let source = values.baseAddress, let target = bytes.baseAddress else { return }
    switch type {
    case .f32: target.copyMemory(from: source, byteCount: bytes.count)
    case .f16:
        for index in 0..<values.count {
            target.storeBytes(of: Float16(source[index]).bitPattern, toByteOffset: 2 * index, as: UInt16.self)
        }
    case .bf16:
        for index in 0..<values.count {
            target.storeBytes(of: BlockEncoder.bfloat16(source[index]), toByteOffset: 2 * index, as: UInt16.self)
        }
    default:
        for block in 0..<values.count / 32 {
            BlockEncoder(values: source + 32 * block, target: target + block * type.blockBytes).write(type)
        }
    }
}

/// Writes one block of 32 values.
private struct BlockEncoder {
    let values: UnsafePointer<Float>
    let target: UnsafeMutableRawPointer

    func write(_ type: ElementType) {
        switch type {
        case .q8_0: writeBytes()
        case .q4_0: writeSymmetric(bits: 4)
        case .q5_0: writeSymmetric(bits: 5)
        case .q4_1: writeAffine(bits: 4)
        case .q5_1: writeAffine(bits: 5)
        default: preconditionFailure("encode: \(type.name) has no blocks of 32 that are written")
        }
    }

    /// Nearest, ties to even, by adding just below half of what is cut off.
    static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }

    private func store(_ value: Float, at offset: Int) {
        target.storeBytes(of: Float16(value).bitPattern, toByteOffset: offset, as: UInt16.self)
    }

    /// 0 for scales of 0, and for those that are so small that no float is their inverse: halves keep them as 0.
    private static func inverse(of scale: Float) -> Float {
        let inverse = 1 / scale
        return inverse.isFinite ? inverse : 0
    }

    /// x ≈ d q, q from -127 to 127.
    private func writeBytes() {
        var largest: Float = 0
        for index in 0..<32 { largest = max(largest, abs(values[index])) }
        let scale = largest / 127
        let inverse = Self.inverse(of: scale)
        store(scale, at: 0)
        for index in 0..<32 {
            let rounded = (values[index] * inverse).rounded(.toNearestOrAwayFromZero)
            target.storeBytes(of: Int8(max(-127, min(127, rounded))), toByteOffset: 2 + index, as: Int8.self)
        }
    }

    /// x ≈ d (q - 2^(bits-1)); the value of the largest magnitude becomes the lowest q.
    private func writeSymmetric(bits: Int) {
        let half = Float(1 << (bits - 1))
        var extreme: Float = 0
        for index in 0..<32 where abs(values[index]) > abs(extreme) { extreme = values[index] }
        let scale = extreme / -half
        let inverse = Self.inverse(of: scale)
        store(scale, at: 0)
        writeBits(bits, at: 2) { UInt32(min(2 * half - 1, max(0, values[$0] * inverse + (half + 0.5)))) }
    }

    /// x ≈ d q + m.
    private func writeAffine(bits: Int) {
        let levels = Float(1 << bits) - 1
        var (lowest, highest) = (values[0], values[0])
        for index in 1..<32 {
            lowest = min(lowest, values[index])
            highest = max(highest, values[index])
        }
        let scale = (highest - lowest) / levels
        let inverse = Self.inverse(of: scale)
        store(scale, at: 0)
        store(lowest, at: 2)
        writeBits(bits, at: 4) { UInt32(min(levels, max(0, (values[$0] - lowest) * inverse + 0.5))) }
    }

    /// The low four bits of values i and i + 16 share a byte; fifth bits come before them, value i's at bit i.
    private func writeBits(_ bits: Int, at offset: Int, _ quantized: (Int) -> UInt32) {
        let nibbles = bits == 5 ? offset + 4 : offset
        var fifths: UInt32 = 0
        for index in 0..<16 {
            let (low, high) = (quantized(index), quantized(index + 16))
            target.storeBytes(
                of: UInt8(truncatingIfNeeded: low & 15 | (high & 15) << 4),
                toByteOffset: nibbles + index,
                as: UInt8.self
            )
            fifths |= (low >> 4) << UInt32(index) | (high >> 4) << UInt32(index + 16)
        }
        if bits == 5 { target.storeBytes(of: fifths, toByteOffset: offset, as: UInt32.self) }
    }
}
