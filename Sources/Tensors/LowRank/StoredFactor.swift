import CKernels

/// A factor of a low-rank change as it is stored, in rows of floats.
package struct StoredFactor {
    /// Aligned to its numbers.
    let bytes: UnsafeRawBufferPointer
    /// What kernels read.
    let kernelView: ck_factor
    private let elementType: ElementType

    /// nil for blocks, integers, and what is not aligned.
    ///
    /// - Parameter bytes: valid for as long as this is used.
    package init?(_ bytes: UnsafeRawBufferPointer, as elementType: ElementType) {
        let type: Int
        switch elementType {
        case .f32: type = ck_low_rank_f32
        case .f16: type = ck_low_rank_f16
        case .bf16: type = ck_low_rank_bf16
        default: return nil
        }
        kernelView = ck_factor(values: bytes.baseAddress, element: Int32(type))
        if UInt(bitPattern: bytes.baseAddress) % UInt(elementType.blockBytes) != 0 { return nil }
        (self.bytes, self.elementType) = (bytes, elementType)
    }

    private init(_ values: UnsafeBufferPointer<Float>) {
        (bytes, elementType) = (UnsafeRawBufferPointer(values), .f32)
        kernelView = ck_factor(values: bytes.baseAddress, element: Int32(ck_low_rank_f32))
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
