/// Says which neighbours may be joined, and which first.
protocol MergeRule: Sendable {
    /// The piece that two neighbouring symbols of `word` make, and its priority, lowest first; nil when they make none.
    func merge(_ left: MergeSymbol, _ right: MergeSymbol, in word: UnsafeBufferPointer<UInt8>) -> Merge?
}

struct Merge {
    var priority: UInt32
    var id: Int32
}

/// The merges of byte-pair encoding: pairs of pieces in the order in which they were learnt.
///
/// Source: Sennrich et al., *Neural Machine Translation of Rare Words with Subword Units*, arXiv:1508.07909.
struct RankedMerges: MergeRule {
    private var table: IntegerTable

    init(capacity: Int) { table = IntegerTable(capacity: capacity) }

    /// Adds a merge; the first of two of the same pair stays.
    mutating func add(_ left: Int32, _ right: Int32, rank: UInt32, result: Int32) {
        table.insert(Self.key(left, right), UInt64(rank) << 32 | UInt64(UInt32(bitPattern: result)))
    }

    @inline(__always)
    func merge(_ left: MergeSymbol, _ right: MergeSymbol, in word: UnsafeBufferPointer<UInt8>) -> Merge? {
        guard left.id >= 0, right.id >= 0, let found = table[Self.key(left.id, right.id)] else { return nil }
        return Merge(priority: UInt32(found >> 32), id: Int32(truncatingIfNeeded: found))
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}

/// SentencePiece's BPE: any neighbours that make a piece may be joined, the piece with the highest score first.
///
/// Source: Kudo & Richardson, *SentencePiece*, arXiv:1808.06226.
struct ScoredMerges: MergeRule {
    let pieces: PieceTable
    /// Priority of each piece, lowest first.
    private let priorities: [UInt32]

    init(pieces: PieceTable, scores: [Float]) {
        self.pieces = pieces
        priorities = scores.map(Self.priority)
    }

    @inline(__always)
    func merge(_ left: MergeSymbol, _ right: MergeSymbol, in word: UnsafeBufferPointer<UInt8>) -> Merge? {
        let start = Int(left.start)
        let bytes = UnsafeBufferPointer(rebasing: word[start..<(start + Int(left.length) + Int(right.length))])
        guard let id = pieces.find(bytes) else { return nil }
        return Merge(priority: priorities[Int(id)], id: id)
    }

    /// Orders scores from the highest down as unsigned integers. A score that is not a number comes last.
    private static func priority(_ score: Float) -> UInt32 {
        guard !score.isNaN else { return .max }
        let bits = (score == 0 ? 0 : score).bitPattern
        let ascending = bits >> 31 == 1 ? ~bits : bits | 1 << 31
        return ~ascending
    }
}
