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

    /// Writes `count` rows as `type`, each rounded once, after `change` has changed it.
    func rewrite(
        _ count: Int,
        as type: ElementType,
        to bytes: UnsafeMutableRawBufferPointer,
        on workers: WorkerPool,
        _ change: (_ index: Int, _ row: UnsafeMutableBufferPointer<Float>) -> Void = { _, _ in }
    ) {
        workers.run(taskCount: (count + Self.rowsPerTask - 1) / Self.rowsPerTask) { task in
            let row = UnsafeMutableBufferPointer<Float>.allocate(capacity: width)
            defer { row.deallocate() }
            for index in task * Self.rowsPerTask..<min((task + 1) * Self.rowsPerTask, count) {
                read(index, into: row)
                change(index, row)
                Self.write(row, as: type, at: index, of: bytes)
            }
        }
    }

    private static let rowsPerTask = 16

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
