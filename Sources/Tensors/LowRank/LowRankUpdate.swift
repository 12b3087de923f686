import CKernels

/// The changes of the matrices that are one product: query, key and value, or gate and up.
package final class LowRankProduct: Sendable {
    /// In the order of the product's sections; several of one section add up.
    let changes: [LowRankChange]
    /// Sum of the ranks.
    let columnCount: Int
    /// First output of the section that each change is of.
    let firstOutputs: [Int]

    /// - Parameters:
    ///   - changes: one for every matrix, nil where it stays as it is; of the same inputs.
    ///   - outputs: of every matrix.
    package init(_ changes: [LowRankChange?], outputs: [Int]) {
        precondition(changes.count == outputs.count, "LowRankProduct: \(changes.count) changes of \(outputs.count)")
        for (change, outputs) in zip(changes, outputs) {
            precondition(change == nil || change?.outputs == outputs, "LowRankProduct: outputs of another matrix")
        }
        self.changes = changes.compactMap { $0 }
        columnCount = self.changes.reduce(0) { $0 + $1.rank }
        var first = 0
        firstOutputs = zip(changes, outputs).compactMap { change, count in
            defer { first += count }
            return change == nil ? nil : first
        }
    }

    /// The sum of several changes of one product, each multiplied by a scale; nil for none. The factors stay where they are.
    package init?(mixing parts: [(product: LowRankProduct, scale: Float)]) {
        if parts.isEmpty { return nil }
        changes = parts.flatMap { part in part.product.changes.map { LowRankChange(sharing: $0, scaledBy: part.scale) }
        }
        firstOutputs = parts.flatMap(\.product.firstOutputs)
        columnCount = changes.reduce(0) { $0 + $1.rank }
    }

    /// Highest rank of a matrix's change in the sum of those.
    package static func rank(mixing products: [LowRankProduct]) -> Int {
        var ranks: [Int: Int] = [:]
        for product in products {
            for (change, first) in zip(product.changes, product.firstOutputs) {
                ranks[first, default: 0] += change.rank
            }
        }
        return ranks.values.max() ?? 0
    }
}

/// What a product adds to some of its rows, run by run: rows of one adapter beside each other. Reused from product to product.
package final class LowRankUpdate {
    /// A change of neighbouring rows.
    struct Segment {
        var firstRow: Int
        var rowEnd: Int
        /// First output of the section that is changed.
        var firstOutput: Int
        /// Where A x of these rows begins in a row of the intermediate.
        var firstColumn: Int
        var change: ck_low_rank
    }

    private var segments: UnsafeMutablePointer<Segment>
    private var capacity = 64
    private var count = 0
    private var columnCount = 0
    /// `[rows, columns]`: A x of every changed row.
    private let intermediate = FloatMatrix()
    /// Keeps the factors where they are.
    private var owners: [LowRankProduct] = []

    package init() { segments = .allocate(capacity: capacity) }

    deinit { segments.deallocate() }

    package var isEmpty: Bool { count == 0 }

    /// Forgets all rows.
    package func removeAll() {
        (count, columnCount) = (0, 0)
        owners.removeAll(keepingCapacity: true)
    }

    /// Changes `rows`, which come after those that were given before.
    package func append(_ product: LowRankProduct, rows: Range<Int>) {
        if rows.isEmpty || product.columnCount == 0 { return }
        owners.append(product)
        columnCount = max(columnCount, product.columnCount)
        var column = 0
        for (change, firstOutput) in zip(product.changes, product.firstOutputs) {
            if count == capacity { grow() }
            let segment = Segment(
                firstRow: rows.lowerBound,
                rowEnd: rows.upperBound,
                firstOutput: firstOutput,
                firstColumn: column,
                change: change.view
            )
            (segments + count).initialize(to: segment)
            count += 1
            column += change.rank
        }
    }

    private func grow() {
        let larger = UnsafeMutablePointer<Segment>.allocate(capacity: 2 * capacity)
        larger.moveInitialize(from: segments, count: count)
        segments.deallocate()
        (segments, capacity) = (larger, 2 * capacity)
    }

    /// The update of a product of `rows` rows, ready to run on any thread.
    func kernel(rows: Int, set: Int32) -> LowRankKernel {
        intermediate.reshape(rows: rows, width: columnCount)
        return LowRankKernel(
            segments: UnsafeBufferPointer(start: segments, count: count),
            intermediate: intermediate.pointer,
            columns: columnCount,
            set: set
        )
    }
}

/// Both halves of an update. Where nothing is changed they return at once.
struct LowRankKernel {
    fileprivate let segments: UnsafeBufferPointer<LowRankUpdate.Segment>
    fileprivate let intermediate: UnsafeMutablePointer<Float>?
    fileprivate let columns: Int
    fileprivate let set: Int32

    /// Changes nothing.
    static var none: LowRankKernel {
        LowRankKernel(segments: UnsafeBufferPointer(start: nil, count: 0), intermediate: nil, columns: 0, set: 0)
    }

    /// Whether some rows are changed.
    var isActive: Bool { intermediate != nil }

    /// Computes scale · A x of the rows that are changed.
    ///
    /// - Parameter x: `[rows, width]`, the row at `rows.lowerBound` first.
    func shrink(_ x: UnsafePointer<Float>, width: Int, rows: Range<Int>) {
        guard let intermediate else { return }
        for segment in segments {
            let (first, end) = (max(rows.lowerBound, segment.firstRow), min(rows.upperBound, segment.rowEnd))
            if first >= end { continue }
            precondition(Int(segment.change.inputs) == width, "LowRankUpdate: \(width) activations for another matrix")
            withUnsafePointer(to: segment.change) { change in
                ck_low_rank_shrink(
                    set,
                    change,
                    x + (first - rows.lowerBound) * width,
                    width,
                    intermediate + first * columns + segment.firstColumn,
                    columns,
                    end - first
                )
            }
        }
    }

    /// Adds B t to what a product left of a section's panels.
    ///
    /// - Parameters:
    ///   - firstOutput: of the section.
    ///   - y: the section's first output of row 0, with `stride` floats from row to row.
    func expand(_ range: ck_product_range, firstOutput: Int, into y: UnsafeMutablePointer<Float>, stride: Int) {
        guard let intermediate else { return }
        for segment in segments where segment.firstOutput == firstOutput {
            let (first, end) = (max(Int(range.first_row), segment.firstRow), min(Int(range.row_end), segment.rowEnd))
            if first >= end { continue }
            withUnsafePointer(to: segment.change) { change in
                ck_low_rank_expand(
                    set,
                    change,
                    intermediate + first * columns + segment.firstColumn,
                    columns,
                    y + first * stride,
                    stride,
                    end - first,
                    range.first_panel,
                    range.panel_end
                )
            }
        }
    }
}
