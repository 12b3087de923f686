import Tensors

/// The rows of a stored matrix.
struct StoredRows {
    let bytes: UnsafeRawBufferPointer
    let type: ElementType
    let width: Int

    func read(_ index: Int, into row: UnsafeMutableBufferPointer<Float>) {
        guard let rowBytes = type.bytes(forElementCount: width) else { return }
        let part = UnsafeRawBufferPointer(rebasing: bytes[index * rowBytes..<(index + 1) * rowBytes])
        let isRead = dequantize(part, as: type, into: row)
        precondition(isRead, "StoredRows: \(type.name) is no weight's type")
    }

    static func write(
        _ row: UnsafeMutableBufferPointer<Float>,
        as type: ElementType,
        at index: Int,
        of bytes: UnsafeMutableRawBufferPointer
    ) {
        guard let rowBytes = type.bytes(forElementCount: row.count) else { return }
        let part = UnsafeMutableRawBufferPointer(rebasing: bytes[index * rowBytes..<(index + 1) * rowBytes])
        encode(UnsafeBufferPointer(row), as: type, into: part)
    }
}
