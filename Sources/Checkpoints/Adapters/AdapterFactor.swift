package import Tensors

/// A file that factors are read from.
protocol AdapterFile: Sendable {
    func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer
}

extension GGUFFile: AdapterFile {}
extension SafetensorsFile: AdapterFile {}

/// A matrix of an adapter as it is stored, which is half of what it takes as floats.
package struct AdapterFactor: Sendable {
    /// Numbers in it.
    package let count: Int
    package let elementType: ElementType
    private let tensor: TensorEntry
    private let file: any AdapterFile

    /// nil for what is no matrix of numbers.
    init?(_ tensor: TensorEntry, in file: any AdapterFile) {
        let byteCount = tensor.elementType.bytes(forElementCount: tensor.elementCount)
        guard byteCount == file.bytes(of: tensor).count else { return nil }
        (count, elementType, self.tensor, self.file) = (tensor.elementCount, tensor.elementType, tensor, file)
        // Tells whether the type is read at all.
        var first = [Float](repeating: 0, count: min(elementType.blockSize, count))
        let isRead = first.withUnsafeMutableBufferPointer { readChunk(at: 0, into: $0) }
        if !isRead { return nil }
    }

    /// As stored; valid as long as this lives.
    package var bytes: UnsafeRawBufferPointer { file.bytes(of: tensor) }

    /// All of them in order.
    package var values: [Float] {
        var values: [Float] = []
        read(into: &values)
        return values
    }

    /// Replaces what is in `values` by all of them; allocates only when it was never that large before.
    package func read(into values: inout [Float]) {
        if values.count > count { values.removeLast(values.count - count) }
        if values.count < count { values.append(contentsOf: repeatElement(0, count: count - values.count)) }
        let isRead = values.withUnsafeMutableBufferPointer { dequantize(bytes, as: elementType, into: $0) }
        precondition(isRead, "AdapterFactor: a type that was read before")
    }

    /// Calls `body` with the numbers as they are stored, or in `buffer` where kernels do not read them so.
    package func withStored<Result>(_ buffer: inout [Float], _ body: (StoredFactor) -> Result) -> Result {
        if let stored = StoredFactor(bytes, as: elementType) { return withExtendedLifetime(self) { body(stored) } }
        read(into: &buffer)
        return StoredFactor.with(buffer, body)
    }

    /// Whether all numbers are. Floats are told by their exponents; other types by pieces that stay in a core's first cache.
    var isFinite: Bool {
        switch elementType {
        case .f16: return Self.isFinite(bytes, exponent: 0x7C00 as UInt16)
        case .bf16: return Self.isFinite(bytes, exponent: 0x7F80 as UInt16)
        case .f32: return Self.isFinite(bytes, exponent: 0x7F80_0000 as UInt32)
        default: break
        }
        var chunk = [Float](repeating: 0, count: max(2048 / elementType.blockSize, 1) * elementType.blockSize)
        return chunk.withUnsafeMutableBufferPointer { chunk in
            stride(from: 0, to: count, by: chunk.count).allSatisfy { start in
                let part = UnsafeMutableBufferPointer(rebasing: chunk[..<min(chunk.count, count - start)])
                return readChunk(at: start, into: part) && part.allSatisfy(\.isFinite)
            }
        }
    }

    /// Whether no float has all bits of its exponent set: adding the lowest of them would carry into the sign.
    @inline(__always)
    private static func isFinite<Word: FixedWidthInteger & UnsignedInteger>(
        _ bytes: UnsafeRawBufferPointer,
        exponent: Word
    ) -> Bool {
        guard let start = bytes.baseAddress else { return true }
        let lowest = exponent & (0 &- exponent)
        var carries: Word = 0
        for index in 0..<bytes.count / MemoryLayout<Word>.size {
            let bits = start.loadUnaligned(fromByteOffset: index &* MemoryLayout<Word>.size, as: Word.self)
            carries |= (bits & exponent) &+ lowest
        }
        return carries.leadingZeroBitCount > 0
    }

    /// Writes as many numbers as `values` has, from `start` on, which begins a block.
    private func readChunk(at start: Int, into values: UnsafeMutableBufferPointer<Float>) -> Bool {
        guard let first = elementType.bytes(forElementCount: start),
            let end = elementType.bytes(forElementCount: start + values.count)
        else { return false }
        return dequantize(UnsafeRawBufferPointer(rebasing: bytes[first..<end]), as: elementType, into: values)
    }
}
