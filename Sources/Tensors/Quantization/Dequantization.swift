import CKernels

/// Writes all elements of a stored tensor as float32, bit for bit as the reference decoder does.
///
/// Returns false, and leaves `values` undefined, when the type is not a floating-point or block type, or when `bytes` are
/// not exactly the bytes of `values.count` elements.
package func dequantize(
    _ bytes: UnsafeRawBufferPointer,
    as type: ElementType,
    into values: UnsafeMutableBufferPointer<Float>
) -> Bool {
    guard type.bytes(forElementCount: values.count) == bytes.count else { return false }
    return ck_dequantize(Int32(type.rawValue), bytes.baseAddress, Int64(values.count), values.baseAddress)
}
