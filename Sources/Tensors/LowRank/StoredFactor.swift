import CKernels

/// A factor of a low-rank change as it is stored, in rows of floats.
package struct StoredFactor {
    /// Aligned to its numbers.
    let bytes: UnsafeRawBufferPointer
    /// How kernels read the numbers.
    let kernelType: Int32
    private let elementType: ElementType

    /// nil for blocks, integers, and what is not aligned.
    ///
    /// - Parameter bytes: valid for as long as this is used.
    package init?(_ bytes: UnsafeRawBufferPointer, as elementType: ElementType) {
        switch elementType {
        case .f32: kernelType = Int32(ck_low_rank_f32)
        case .f16: kernelType = Int32(ck_low_rank_f16)
        case .bf16: kernelType = Int32(ck_low_rank_bf16)
        default: return nil
        }
        if UInt(bitPattern: bytes.baseAddress) % UInt(elementType.blockBytes) != 0 { return nil }
        (self.bytes, self.elementType) = (bytes, elementType)
    }

    private init(_ values: UnsafeBufferPointer<Float>) {
        (bytes, kernelType, elementType) = (UnsafeRawBufferPointer(values), Int32(ck_low_rank_f32), .f32)
    }

    /// Calls `body` with float32 values as a factor, which is valid until it returns.
    package static func with<Result>(_ values: [Float], _ body: (StoredFactor) -> Result) -> Result {
        values.withUnsafeBufferPointer { body(StoredFactor($0)) }
    }

    /// How many numbers it has.
    var count: Int { bytes.count / elementType.blockBytes }

    /// Calls `body` with all of them in order.
    func withFloats<Result>(_ body: (UnsafeBufferPointer<Float>) -> Result) -> Result {
        if elementType == .f32 { return body(bytes.assumingMemoryBound(to: Float.self)) }
        var values = [Float](repeating: 0, count: count)
        let isRead = values.withUnsafeMutableBufferPointer { dequantize(bytes, as: elementType, into: $0) }
        precondition(isRead, "StoredFactor: \(elementType.name) in \(bytes.count) bytes")
        return values.withUnsafeBufferPointer(body)
    }
}
