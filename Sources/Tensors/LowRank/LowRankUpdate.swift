import CKernels

/// What a product adds to some of its rows, run by run: rows of one adapter beside each other.
///
/// It holds addresses, not references: whoever appends a product keeps it until the update's product is computed.
package final class LowRankUpdate {
    private var segments: UnsafeMutablePointer<ck_low_rank_segment>
    private var capacity = 1
    private var count = 0
    private var columnCount = 0
    private var work = ShrinkWork()
    /// Of every product that was appended; nil without any.
    private var inputs: Int32?
    private var rowEnd = 0
    private let buffers: LowRankBuffers

    /// - Parameter buffers: what is needed while the product is computed: those of updates that take turns can be the same.
    package init(_ buffers: LowRankBuffers = LowRankBuffers()) {
        segments = .allocate(capacity: capacity)
        self.buffers = buffers
    }

    deinit { segments.deallocate() }

    package var isEmpty: Bool { count == 0 }

    /// Forgets all rows.
    package func removeAll() { (count, columnCount, work, inputs, rowEnd) = (0, 0, ShrinkWork(), nil, 0) }

    /// Changes `rows`, which come after those that were given before.
    package func append(_ product: LowRankProduct, rows: Range<Int>) { append(product.parts, rows: rows) }

    /// The same, where no reference is to be counted.
    package func append(_ product: LowRankParts, rows: Range<Int>) {
        guard !rows.isEmpty, let first = product.segments.first else { return }
        precondition(
            inputs ?? first.change.inputs == first.change.inputs && rows.lowerBound >= rowEnd,
            "LowRankUpdate: a change of another product, or of rows before others"
        )
        (inputs, rowEnd) = (first.change.inputs, rows.upperBound)
        columnCount = max(columnCount, product.columnCount)
        work.add(product.work, rows: rows.count)
        while count + product.segments.count > capacity { grow() }
        if count > 0 { segments[count - 1].announce(first) }
        for var segment in product.segments {
            (segment.first_row, segment.row_end) = (Int32(rows.lowerBound), Int32(rows.upperBound))
            (segments + count).initialize(to: segment)
            count += 1
        }
    }

    /// Asks memory for what will be appended next.
    package static func expect(_ product: LowRankParts) {
        ck_low_rank_expect(product.segments.baseAddress, Int64(product.segments.count))
    }

    /// Asks memory for the update itself, whose product comes next.
    package func expect() { ck_low_rank_expect(segments, Int64(count)) }

    private func grow() {
        let larger = UnsafeMutablePointer<ck_low_rank_segment>.allocate(capacity: 2 * capacity)
        larger.moveInitialize(from: segments, count: count)
        segments.deallocate()
        (segments, capacity) = (larger, 2 * capacity)
    }

    /// The update of a product of `[rows, inputs]`, ready to run on any thread.
    func kernel(rows: Int, inputs: Int, set: Int32) -> LowRankKernel {
        precondition(
            self.inputs.map(Int.init) ?? inputs == inputs && rowEnd <= rows,
            "LowRankUpdate: [\(rows), \(inputs)] activations for another product"
        )
        let (intermediate, quantized) = (buffers.intermediate, buffers.quantized)
        intermediate.reshape(rows: rows, width: columnCount)
        if work.hasCodes { quantized.reshape(rows: rows, columns: columnCount) }
        let view = ck_low_rank_update(
            segments: segments,
            segment_count: Int32(count),
            has_codes: work.hasCodes,
            has_exact: work.isExact,
            t: intermediate.pointer,
            columns: Int32(columnCount),
            quantized: quantized.kernelView
        )
        return LowRankKernel(update: view, work: work, set: set)
    }
}

/// What updates need while their product is computed.
package final class LowRankBuffers {
    /// `[rows, columns]`: A x of every changed row.
    fileprivate let intermediate = FloatMatrix()
    /// The same for factors in codes.
    fileprivate let quantized = QuantizedColumns()

    package init() {}
}

/// A x in 8 bits, `[rows, columns]` with a scale for 16 columns; a reusable buffer.
private final class QuantizedColumns {
    private var values = UnsafeMutableRawBufferPointer.allocateLines(0)
    private var groups = UnsafeMutableRawBufferPointer.allocateLines(0)
    private var columns = 0

    deinit {
        values.deallocate()
        groups.deallocate()
    }

    /// Makes room; contents are undefined. Allocates only when it was never that large before.
    func reshape(rows: Int, columns: Int) {
        self.columns = columns
        values.growLines(to: rows * columns)
        groups.growLines(to: rows * columns / 16 * MemoryLayout<ck_activation_group>.stride)
    }

    var kernelView: ck_activations {
        ck_activations(
            values: values.assumingMemoryBound(to: Int8.self).baseAddress,
            value_stride: Int64(columns),
            groups: groups.assumingMemoryBound(to: ck_activation_group.self).baseAddress,
            group_stride: Int64(columns / 16),
            pair_groups: nil
        )
    }
}

/// Both halves of an update. Where nothing is changed they return at once.
struct LowRankKernel {
    fileprivate let update: ck_low_rank_update
    /// What the shrinking half takes.
    let work: ShrinkWork
    fileprivate let set: Int32

    /// Changes nothing.
    static var none: LowRankKernel { LowRankKernel(update: ck_low_rank_update(), work: ShrinkWork(), set: 0) }

    /// Whether some rows are changed.
    var isActive: Bool { update.segment_count > 0 }

    /// Computes scale · A x of the rows that are changed by factors that lose no bit.
    ///
    /// - Parameter x: `[rows, inputs]`, the row at `rows.lowerBound` first.
    func shrink(_ x: UnsafePointer<Float>, rows: Range<Int>) {
        if !work.isExact { return }
        withUnsafePointer(to: update) {
            ck_low_rank_update_shrink(set, $0, x, Int32(rows.lowerBound), Int32(rows.upperBound))
        }
    }

    /// Computes scale · A x of the rows that are changed by factors in codes.
    ///
    /// - Parameter x: all rows, of which those in `rows` are ready.
    func shrink(_ x: ck_activations, rows: Range<Int>) {
        if !work.hasCodes { return }
        withUnsafePointer(to: update) { update in
            withUnsafePointer(to: x) { x in
                ck_low_rank_update_shrink_codes(set, update, x, Int32(rows.lowerBound), Int32(rows.upperBound))
            }
        }
    }

    /// Calls `body` with a destination to which the product adds B t of factors in codes, and asks for the first of them.
    ///
    /// - Parameter firstOutput: of the section that `range` is of.
    func withCodes(
        _ destination: ck_destination,
        firstOutput: Int,
        _ range: ck_product_range,
        _ body: (ck_destination) -> Void
    ) {
        if !work.hasCodes { return body(destination) }
        var destination = destination
        withUnsafePointer(to: update) { update in
            ck_low_rank_update_prefetch(update, Int32(firstOutput), range)
            destination.update = update
            destination.first_output = Int32(firstOutput)
            body(destination)
        }
    }

    /// Adds B t of factors that lose no bit to what a product left of a section's panels.
    ///
    /// - Parameters:
    ///   - firstOutput: of the section.
    ///   - y: the section's first output of row 0, with `stride` floats from row to row.
    func expand(_ range: ck_product_range, firstOutput: Int, into y: UnsafeMutablePointer<Float>, stride: Int64) {
        if !work.isExact { return }
        withUnsafePointer(to: update) {
            ck_low_rank_update_expand(set, $0, Int32(firstOutput), y, stride, range)
        }
    }
}
