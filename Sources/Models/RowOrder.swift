import Tokenization

/// In which order the rows of a batch are computed: in its own, unless rows of one adapter stand apart. Then they come together, where
/// the first of them stands. Reused from step to step.
///
/// Source: Chen et al., *Punica*, arXiv:2310.18547, section 4, which groups a batch's rows by their adapters.
final class RowOrder {
    /// Indices of the batch's rows.
    private(set) var rows: [Int] = []
    /// `[logit rows]` of the batch: which row each is in that order; nil where that is the batch's.
    var logitPlaces: UnsafePointer<Int>? { isChanged ? UnsafePointer(places.baseAddress) : nil }

    private var isChanged = false
    private var places = UnsafeMutableBufferPointer<Int>.allocate(capacity: 0)
    /// `[rows]`: whose adapter each has, where its tokens begin in the batch, and where its logits come.
    private var owners: [UInt] = []
    private var firstTokens: [Int] = []
    private var firstLogits: [Int] = []

    deinit { places.deallocate() }

    /// Becomes the order of `batch`.
    func update(_ batch: ForwardBatch) {
        rows.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
        firstTokens.removeAll(keepingCapacity: true)
        var first = 0
        for row in batch.rows {
            owners.append(row.adapter.map { UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) } ?? 0)
            firstTokens.append(first)
            first += row.tokenCount
        }
        precondition(first == batch.tokens.count, "\(batch.tokens.count) tokens, \(first) in rows")
        isChanged = isScattered
        if isChanged { group() } else { rows.append(contentsOf: owners.indices) }
        if isChanged { placeLogits(batch) }
    }

    /// Where the tokens of a row are in the batch.
    func tokens(of index: Int, in batch: ForwardBatch) -> Range<Int> {
        firstTokens[index]..<firstTokens[index] + batch.rows[index].tokenCount
    }

    /// Whether some adapter comes back after another row.
    private var isScattered: Bool {
        for index in owners.indices.dropFirst(2) where owners[index] != owners[index - 1] && owners[index] != 0 {
            if owners[..<(index - 1)].contains(owners[index]) { return true }
        }
        return false
    }

    private func group() {
        for first in owners.indices where !owners[..<first].contains(owners[first]) {
            for index in first..<owners.count where owners[index] == owners[first] { rows.append(index) }
        }
    }

    private func placeLogits(_ batch: ForwardBatch) {
        firstLogits.removeAll(keepingCapacity: true)
        firstLogits.append(contentsOf: repeatElement(0, count: rows.count))
        var count = 0
        for index in rows {
            firstLogits[index] = count
            count += batch.rows[index].logitCount
        }
        if count > places.count {
            places.deallocate()
            places = .allocate(capacity: 2 * count)
        }
        var next = 0
        for index in batch.rows.indices {
            for offset in 0..<batch.rows[index].logitCount {
                places[next] = firstLogits[index] + offset
                next += 1
            }
        }
    }
}
