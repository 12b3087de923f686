/// A reusable buffer of rows of float32, `[rows, width]`, row-major, 64-byte aligned.
///
/// It belongs to the one thread that runs steps; the pool's threads touch its memory only inside a region. Contents are
/// undefined after `reshape`.
package final class FloatMatrix {
    /// Rows in use.
    package private(set) var rows: Int
    /// Floats in a row; rows follow each other without a gap.
    package private(set) var width: Int
    /// The first float; changes when `reshape` has to grow the buffer.
    package private(set) var pointer: UnsafeMutablePointer<Float>
    private var capacity: Int

    /// Makes a matrix of zeros.
    package init(rows: Int = 0, width: Int = 0) {
        precondition(rows >= 0 && width >= 0, "FloatMatrix: \(rows) rows of \(width)")
        self.rows = rows
        self.width = width
        capacity = rows * width
        pointer = Self.allocate(capacity)
        pointer.initialize(repeating: 0, count: capacity)
    }

    deinit { pointer.deallocate() }

    /// Makes it `[rows, width]`. Allocates only when it was never that large before.
    package func reshape(rows: Int, width: Int) {
        precondition(rows >= 0 && width >= 0, "FloatMatrix: \(rows) rows of \(width)")
        self.rows = rows
        self.width = width
        guard rows * width > capacity else { return }
        pointer.deallocate()
        capacity = rows * width
        pointer = Self.allocate(capacity)
        pointer.initialize(repeating: 0, count: capacity)
    }

    /// Keeps these rows and drops the others.
    ///
    /// - Parameter kept: indices of rows, ascending.
    package func keep(rows kept: [Int]) {
        precondition(kept.last ?? -1 < rows, "FloatMatrix: row \(kept.last ?? 0) of \(rows)")
        for (place, row) in kept.enumerated() where place != row {
            precondition(place < row, "FloatMatrix: rows to keep are not in order")
            (pointer + place * width).update(from: pointer + row * width, count: width)
        }
        rows = kept.count
    }

    /// One row, `[width]`.
    package func row(_ index: Int) -> UnsafeMutableBufferPointer<Float> {
        precondition(index >= 0 && index < rows, "FloatMatrix: row \(index) of \(rows)")
        return UnsafeMutableBufferPointer(start: pointer + index * width, count: width)
    }

    /// All rows in use, `[rows · width]`.
    package var elements: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: pointer, count: rows * width)
    }

    /// Bytes the buffer holds.
    package var capacityBytes: Int { capacity * MemoryLayout<Float>.stride }

    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
        let bytes = max(count, 16) * MemoryLayout<Float>.stride
        return UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64).bindMemory(
            to: Float.self,
            capacity: max(count, 16)
        )
    }
}
