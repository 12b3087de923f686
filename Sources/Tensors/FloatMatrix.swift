/// A reusable buffer of rows of float32, `[rows, width]`, row-major, 64-byte aligned.
///
/// It belongs to the one thread that runs steps; the pool's threads touch its memory only inside a region. Contents are
/// undefined after `reshape`.
package final class FloatMatrix {
    /// Rows in use.
    package private(set) var rows: Int
    /// Floats in a row.
    package private(set) var width: Int
    /// Floats from row to row: `width`, unless `reshape` was to spread rows.
    package private(set) var stride: Int
    /// The first float; changes when `reshape` has to grow the buffer.
    private(set) var start: UnsafeMutablePointer<Float>
    private var capacity: Int

    /// The first float of rows that follow each other without a gap: who can take gaps takes `start` and `stride`.
    package var pointer: UnsafeMutablePointer<Float> {
        precondition(stride == width, "FloatMatrix: rows of \(width), \(stride) apart, where no gap may be")
        return start
    }

    /// Makes a matrix of zeros.
    package init(rows: Int = 0, width: Int = 0) {
        precondition(rows >= 0 && width >= 0, "FloatMatrix: \(rows) rows of \(width)")
        self.rows = rows
        self.width = width
        stride = width
        capacity = rows * width
        start = Self.allocate(capacity)
        start.initialize(repeating: 0, count: capacity)
    }

    deinit { start.deallocate() }

    /// Makes it `[rows, width]`. Allocates only when it was never that large before.
    ///
    /// - Parameter isSpread: whether rows may have gaps, so that a product which writes a few columns of many rows finds room for
    ///   them in a cache: rows a multiple of 2 kB apart would share two of its 64 sets or fewer.
    package func reshape(rows: Int, width: Int, isSpread: Bool = false) {
        precondition(rows >= 0 && width >= 0, "FloatMatrix: \(rows) rows of \(width)")
        self.rows = rows
        self.width = width
        stride = isSpread && width % 512 == 0 ? width + 16 : width
        guard rows * stride > capacity else { return }
        start.deallocate()
        capacity = rows * stride
        start = Self.allocate(capacity)
        start.initialize(repeating: 0, count: capacity)
    }

    /// Keeps these rows and drops the others.
    ///
    /// - Parameter kept: indices of rows, ascending.
    package func keep(rows kept: [Int]) {
        precondition(kept.last ?? -1 < rows, "FloatMatrix: row \(kept.last ?? 0) of \(rows)")
        for (place, row) in kept.enumerated() where place != row {
            precondition(place < row, "FloatMatrix: rows to keep are not in order")
            (start + place * stride).update(from: start + row * stride, count: width)
        }
        rows = kept.count
    }

    /// One row, `[width]`.
    package func row(_ index: Int) -> UnsafeMutableBufferPointer<Float> {
        precondition(index >= 0 && index < rows, "FloatMatrix: row \(index) of \(rows)")
        return UnsafeMutableBufferPointer(start: start + index * stride, count: width)
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
