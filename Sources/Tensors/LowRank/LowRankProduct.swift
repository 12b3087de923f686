import CKernels

/// What an update needs of a `LowRankProduct`: addresses and numbers, valid as long as the product lives.
package struct LowRankParts {
    /// A segment for each change, whose rows are still to be said.
    let segments: UnsafeBufferPointer<ck_low_rank_segment>
    /// Sum of the columns.
    let columnCount: Int
    /// What A x takes.
    let work: ShrinkWork
}

/// The changes of the matrices that are one product: query, key and value, or gate and up.
///
/// Unchecked: the segments are written in `init` only.
package final class LowRankProduct: @unchecked Sendable {
    /// In the order of the product's sections; several of one section add up.
    private let changes: [LowRankChange]
    /// First output of the section that each change is of.
    private let firstOutputs: [Int]
    /// What updates are made of.
    package let parts: LowRankParts

    /// Numbers in its factors that are kept so.
    package func factorCount(_ precision: FactorPrecision) -> Int {
        changes.reduce(0) { $0 + ($1.precision == precision ? $1.rank * ($1.inputs + $1.outputs) : 0) }
    }

    /// - Parameters:
    ///   - changes: one for every matrix, nil where it stays as it is; of the same inputs.
    ///   - outputs: of every matrix.
    ///   - following: the changes of the product that comes next, made one after the other in the same memory.
    package convenience init(_ changes: [LowRankChange?], outputs: [Int], following: [LowRankChange] = []) {
        precondition(changes.count == outputs.count, "LowRankProduct: \(changes.count) changes of \(outputs.count)")
        for (change, outputs) in zip(changes, outputs) {
            precondition(change == nil || change?.outputs == outputs, "LowRankProduct: outputs of another matrix")
        }
        var first = 0
        let firstOutputs: [Int] = zip(changes, outputs).compactMap { change, count in
            defer { first += count }
            return change == nil ? nil : first
        }
        self.init(changes.compactMap { $0 }, at: firstOutputs, following: following)
    }

    /// The sum of several changes of one product, each multiplied by a scale; nil for none. The factors stay where they are.
    package convenience init?(mixing parts: [(product: LowRankProduct, scale: Float)]) {
        if parts.isEmpty { return nil }
        let changes = parts.flatMap { part in
            part.product.changes.map { LowRankChange(sharing: $0, scaledBy: part.scale) }
        }
        self.init(changes, at: parts.flatMap(\.product.firstOutputs), following: [])
    }

    private init(_ changes: [LowRankChange], at firstOutputs: [Int], following: [LowRankChange]) {
        precondition(Set(changes.map(\.inputs)).count <= 1, "LowRankProduct: changes of different inputs")
        (self.changes, self.firstOutputs) = (changes, firstOutputs)
        var (segments, work, column): ([ck_low_rank_segment], ShrinkWork, Int) = ([], ShrinkWork(), 0)
        for (change, firstOutput) in zip(changes, firstOutputs) {
            segments.append(
                ck_low_rank_segment(
                    first_row: 0,
                    row_end: 0,
                    first_output: Int32(firstOutput),
                    first_column: Int32(column),
                    next: 0,
                    is_next: false,
                    following_step: 0,
                    following: nil,
                    change: change.view
                )
            )
            column += change.columnCount
            work.add(change)
        }
        Self.chain(&segments, of: changes)
        Self.announce(following, in: &segments)
        let memory = UnsafeMutableBufferPointer<ck_low_rank_segment>.allocate(capacity: segments.count)
        _ = memory.initialize(fromContentsOf: segments)
        parts = LowRankParts(segments: UnsafeBufferPointer(memory), columnCount: column, work: work)
    }

    deinit { parts.segments.deallocate() }

    /// Leads from every change in codes to the next of the same outputs.
    private static func chain(_ segments: inout [ck_low_rank_segment], of changes: [LowRankChange]) {
        let areCodes = changes.map { $0.precision.codeForm != nil }
        for index in segments.indices where areCodes[index] {
            let earlier = segments[..<index].indices.last {
                segments[$0].first_output == segments[index].first_output && areCodes[$0]
            }
            guard let earlier else { continue }
            segments[earlier].next = Int32(index - earlier)
            segments[index].is_next = true
        }
    }

    /// Lets A of each segment be asked for while that of the one before is multiplied, and those of the next product while the first
    /// B is, a share for each of its panels.
    private static func announce(_ following: [LowRankChange], in segments: inout [ck_low_rank_segment]) {
        if segments.isEmpty { return }
        for index in segments.indices.dropFirst() { segments[index - 1].announce(segments[index]) }
        // The last one asks for the rest of its own panel and for what lies behind it, A of the next product.
        segments[segments.count - 1].change.ahead = 8192
        guard let first = following.first, first.precision.codeForm != nil else { return }
        let byteCount = following.reduce(0) { sum, change in
            guard let form = change.precision.codeForm else { return sum }
            return sum + Int(ck_low_rank_a_bytes(form, Int32(change.rank), Int32(change.inputs)))
        }
        let panelCount = (Int(segments[0].change.outputs) + 15) / 16
        segments[0].following = first.view.a
        segments[0].following_step = Int32((byteCount + panelCount - 1) / panelCount)
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

extension ck_low_rank_segment {
    /// Has A of `next` asked for while this one's is multiplied.
    mutating func announce(_ next: ck_low_rank_segment) {
        guard let from = change.a, let to = next.change.a else { return }
        change.ahead = Int64(to - from)
    }
}

/// What computing A x of changed rows takes.
struct ShrinkWork {
    /// Whether some factors are codes.
    private(set) var hasCodes = false
    /// Whether some lose no bit.
    private(set) var isExact = false
    private var floatsPerRow = 0
    private var floats = 0
    private var rowCount = 0
    private var runCount = 0

    /// Adds what a change takes of every row.
    mutating func add(_ change: LowRankChange) {
        switch change.precision {
        case .exact:
            isExact = true
            floatsPerRow += 16 * change.inputs
        case .int5, .int6:
            hasCodes = true
            // Four operations for 64 products, and reading the factors at some 16 bytes in the time of a float.
            floatsPerRow += change.inputs * change.columnCount / 64
            floats += change.inputs * change.columnCount / 16
        }
    }

    /// Adds the work of a product on so many rows beside each other.
    mutating func add(_ product: ShrinkWork, rows: Int) {
        rowCount += rows
        runCount += 1
        hasCodes = hasCodes || product.hasCodes
        isExact = isExact || product.isExact
        floats += product.floats + rows * product.floatsPerRow
    }

    /// Rows that are best shrunk together: as many as share one reading of the factors, up to four.
    var leastRows: Int { hasCodes ? max(1, min(4, rowCount / max(runCount, 1))) : 1 }

    /// Work of a row in floats that are read, changed and written, if it is spread over `rows`.
    func perRow(_ rows: Int) -> Int { floats / max(rows, 1) }
}
