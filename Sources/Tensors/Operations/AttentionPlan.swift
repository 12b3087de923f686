import CKernels

/// How a step's attention is cut into pieces for the threads. Never changes a result, only who computes it.
///
/// It depends on the rows and on the kind of layer, not on the layer, so a step makes one for each kind; the storage is
/// kept for the next step.
final class AttentionPlan {
    /// Neighbouring tokens of one row and the heads of one KV head, over some or all of the splits they see.
    struct Piece {
        var row: Int
        var kvHead: Int
        /// Tokens of the row, from its first new one.
        var tokens: Range<Int>
        /// Splits of 256 keys.
        var splits: Range<Int>
        /// Where its partial results go, in floats; nil when it covers all splits and writes the output itself.
        var partialOffset: Int?
    }

    /// The most rows (tokens x heads) of a tile: enough to make widening the keys cheap, few enough for the scratch to
    /// stay in a core's own cache.
    static func mostRows(headWidth: Int) -> Int { min(192, max(64, 16_384 / headWidth)) }
    /// The fewest rows of a tile for whose sake a row is cut further than it must be: widening the keys costs more then.
    static let leastRows = 64
    /// Splits of a piece of a long decode.
    static let splitsPerPiece = 2

    private(set) var pieces: [Piece] = []
    /// Tiles whose pieces have to be merged: all splits, `partialOffset` that of the first.
    private(set) var merges: [Piece] = []
    private(set) var partialCount = 0
    /// Floats of scratch that the largest piece needs.
    private(set) var scratchCount = 0

    /// What a plan depends on besides the rows.
    struct Kind: Equatable {
        var headCount: Int
        var window: Int?
        var shape: CacheShape
        var threadCount: Int
    }

    let kind: Kind
    /// `[pieces]`: cost in the upper half of a word, place in `unordered` below.
    private var order: [UInt64] = []
    private var unordered: [Piece] = []

    /// A plan that has still to be made.
    init(_ kind: Kind) { self.kind = kind }

    /// A plan for `attention`.
    convenience init(_ attention: Attention, cache: KVStore, threadCount: Int) {
        self.init(Kind(attention, cache, threadCount: threadCount))
        make(attention.rows.all, cache.descriptor(layer: 0))
    }

    /// Makes the plan for `rows`.
    func make(_ rows: [AttentionRow], _ cache: ck_attention_cache) {
        unordered.removeAll(keepingCapacity: true)
        merges.removeAll(keepingCapacity: true)
        partialCount = 0
        var cache = cache
        let group = kind.headCount / kind.shape.kvHeadCount
        let stride = ck_attention_partial_stride(&cache)
        var mostRows = 0
        let leastShared = leastSharedCost(rows)
        for (index, row) in rows.enumerated() {
            let cut = kind.cut(row)
            for first in Swift.stride(from: 0, to: row.tokenCount, by: cut.tileTokens) {
                let tokens = first..<min(first + cut.tileTokens, row.tokenCount)
                let splits = kind.splits(of: row, tokens: tokens)
                mostRows = max(mostRows, tokens.count * group)
                let isShared =
                    cut.isShared && splits.count > Self.splitsPerPiece && splits.count * tokens.count > leastShared
                for kvHead in 0..<kind.shape.kvHeadCount {
                    var tile = Piece(row: index, kvHead: kvHead, tokens: tokens, splits: splits)
                    if isShared {
                        tile.partialOffset = partialCount
                        merges.append(tile)
                        append(pieces: tile, floatsPerSplit: tokens.count * group * stride)
                    } else {
                        unordered.append(tile)
                    }
                }
            }
        }
        scratchCount = ck_attention_scratch_count(&cache, Int32(mostRows))
        sortPieces()
    }

    /// What a tile costs, in splits of a token, that is worth sharing: where every thread has eight tiles as large or more,
    /// the threads end together without.
    private func leastSharedCost(_ rows: [AttentionRow]) -> Int {
        var total = 0
        for row in rows {
            let tileTokens = kind.cut(row).tileTokens
            for first in Swift.stride(from: 0, to: row.tokenCount, by: tileTokens) {
                let tokens = first..<min(first + tileTokens, row.tokenCount)
                total += kind.splits(of: row, tokens: tokens).count * tokens.count
            }
        }
        return total * kind.shape.kvHeadCount / (8 * kind.threadCount)
    }

    /// The costly first, so that the threads end together.
    private func sortPieces() {
        order.removeAll(keepingCapacity: true)
        for (index, piece) in unordered.enumerated() {
            let cost = UInt64(piece.splits.count * piece.tokens.count)
            // Of two that cost the same, the one that was made first.
            order.append(cost << 32 | UInt64(UInt32.max - UInt32(index)))
        }
        HeapOrder.sortDescending(&order)
        pieces.removeAll(keepingCapacity: true)
        for key in order { pieces.append(unordered[Int(UInt32.max - UInt32(truncatingIfNeeded: key))]) }
    }

    /// The pieces and merges where threads can read them.
    func withPieces(
        _ body: (_ pieces: UnsafeBufferPointer<Piece>, _ merges: UnsafeBufferPointer<Piece>) -> Void
    ) {
        pieces.withUnsafeBufferPointer { pieces in merges.withUnsafeBufferPointer { body(pieces, $0) } }
    }

    private func append(pieces tile: Piece, floatsPerSplit: Int) {
        for first in Swift.stride(from: tile.splits.lowerBound, to: tile.splits.upperBound, by: Self.splitsPerPiece) {
            var piece = tile
            piece.splits = first..<min(first + Self.splitsPerPiece, tile.splits.upperBound)
            piece.partialOffset = partialCount
            partialCount += piece.splits.count * floatsPerSplit
            unordered.append(piece)
        }
    }
}

extension AttentionPlan.Kind {
    init(_ attention: Attention, _ cache: KVStore, threadCount: Int) {
        self.init(
            headCount: attention.headCount,
            window: attention.window,
            shape: cache.shape,
            threadCount: threadCount
        )
    }

    /// How a row is cut.
    struct Cut: Equatable {
        /// Tokens of a tile; the last one may have fewer.
        var tileTokens: Int
        /// Whether the splits of a tile are shared out, which costs a way through memory for the partial results.
        var isShared: Bool
    }

    /// The fewest tiles of equal size that give every thread as much to do; where only small ones would, one tile whose
    /// splits are shared out, if the row fits one.
    func cut(_ row: AttentionRow) -> Cut {
        let group = headCount / shape.kvHeadCount
        let mostTokens = max(1, AttentionPlan.mostRows(headWidth: shape.headWidth) / group)
        let fewest = (row.tokenCount + mostTokens - 1) / mostTokens
        if threadCount == 1 { return Cut(tileTokens: mostTokens, isShared: false) }
        for tileCount in fewest..<fewest + threadCount {
            let tokens = (row.tokenCount + tileCount - 1) / tileCount
            if tokens * group < AttentionPlan.leastRows { break }
            let pieceCount = tileCount * shape.kvHeadCount
            let mostPieces = (pieceCount + threadCount - 1) / threadCount
            // At most a sixteenth of the time is waited for the thread that has most to do.
            if mostPieces * threadCount * 15 > pieceCount * 16 { continue }
            // Register tiles have 8 rows.
            let whole = (tokens * group + 7) / 8 * 8 / group
            return Cut(tileTokens: min(max(tokens, whole), mostTokens), isShared: false)
        }
        return Cut(tileTokens: mostTokens, isShared: fewest == 1)
    }

    /// The splits of 256 keys that any of the row's new tokens in `tokens` sees.
    func splits(of row: AttentionRow, tokens: Range<Int>) -> Range<Int> {
        let size = Int(ck_attention_split_size)
        let first = row.firstPosition + tokens.lowerBound
        let lowest = window.map { max(0, first - $0 + 1) } ?? 0
        return lowest / size..<(row.firstPosition + tokens.upperBound - 1) / size + 1
    }
}

/// Heapsort: in place, where the library's sort asks for memory.
enum HeapOrder {
    /// Sorts `values`, the largest first.
    static func sortDescending(_ values: inout [UInt64]) {
        for root in stride(from: values.count / 2 - 1, through: 0, by: -1) { sift(&values, root, values.count) }
        for end in stride(from: values.count - 1, through: 1, by: -1) {
            values.swapAt(0, end)
            sift(&values, 0, end)
        }
    }

    /// Moves the value at `root` down a heap with the smallest on top, which ends before `end`.
    private static func sift(_ values: inout [UInt64], _ root: Int, _ end: Int) {
        var root = root
        while 2 * root + 1 < end {
            var child = 2 * root + 1
            if child + 1 < end, values[child + 1] < values[child] { child += 1 }
            if values[root] <= values[child] { return }
            values.swapAt(root, child)
            root = child
        }
    }
}

/// Memory that attention needs besides the cache: tiles of each thread and partial results. Grows to the largest seen.
final class AttentionScratch {
    fileprivate let threads = FloatMatrix()
    fileprivate let partials = FloatMatrix()
    /// Pieces of the region that runs, as each thread counts its own.
    private(set) var shares = TaskShares.allocate(threadCount: 1)

    deinit { shares.deallocate() }

    func reserve(_ plan: AttentionPlan, threadCount: Int) {
        if shares.threadCount != threadCount {
            shares.deallocate()
            shares = .allocate(threadCount: threadCount)
        }
        threads.reshape(rows: threadCount, width: (plan.scratchCount + 15) / 16 * 16)
        partials.reshape(rows: 1, width: plan.partialCount)
    }
}

/// What the pieces of one region share: numbers and addresses, so that threads count no references.
struct AttentionRegion {
    private let rows: UnsafeBufferPointer<PlacedRow>
    private let cache: ck_attention_cache
    /// `[threads, threadStride]`
    private let scratch: UnsafeMutablePointer<Float>
    private let threadStride: Int
    private let partials: UnsafeMutablePointer<Float>
    /// The tile of token 0 and head 0; `with` moves it.
    private let origin: ck_attention_tile
    private let set: Int32

    /// The rows of `attention`, `cache` and its scratch must outlive the region.
    init(_ attention: Attention, cache: KVStore, queries: FloatMatrix, output: FloatMatrix, set: Int32) {
        rows = attention.rows.placed
        self.cache = cache.descriptor(layer: attention.layer)
        scratch = cache.scratch.threads.pointer
        threadStride = cache.scratch.threads.width
        partials = cache.scratch.partials.pointer
        self.set = set
        origin = ck_attention_tile(
            queries: queries.start,
            output: output.pointer,
            query_stride: queries.stride,
            output_stride: output.width,
            block_table: nil,
            kv_head: 0,
            group: Int32(attention.headCount / cache.shape.kvHeadCount),
            token_count: 0,
            first_position: 0,
            window: Int32(attention.window ?? 0),
            scale: attention.scale,
            softcap: attention.softcap ?? 0,
            next: ck_attention_next(block_table: nil, kv_head: 0, from: 0, to: 0)
        )
    }

    /// Computes a piece into the output or into its partial results.
    ///
    /// - Parameter next: what the thread is likely to compute then: its first keys are fetched in time.
    func compute(_ piece: AttentionPlan.Piece, before next: AttentionPlan.Piece?, thread: Int) {
        let floats = scratch + thread * threadStride
        withTile(piece, before: next) { cache, tile in
            guard let offset = piece.partialOffset else {
                ck_attention(set, cache, tile, floats)
                return
            }
            let (from, to) = (Int32(piece.splits.lowerBound), Int32(piece.splits.upperBound))
            ck_attention_partial(set, cache, tile, from, to, partials + offset, floats)
        }
    }

    /// Merges the partial results of a tile into the output.
    func merge(_ tile: AttentionPlan.Piece) {
        guard let offset = tile.partialOffset else { return }
        withTile(tile, before: nil) { cache, pointer in
            ck_attention_merge(set, cache, pointer, Int32(tile.splits.count), partials + offset)
        }
    }

    private func withTile(
        _ piece: AttentionPlan.Piece,
        before next: AttentionPlan.Piece?,
        _ body: (UnsafePointer<ck_attention_cache>, UnsafePointer<ck_attention_tile>) -> Void
    ) {
        let row = rows[piece.row]
        let column = piece.kvHead * Int(origin.group) * Int(cache.head_width)
        let token = row.firstToken + piece.tokens.lowerBound
        var tile = origin
        tile.queries = origin.queries + token * origin.query_stride + column
        tile.output = origin.output + token * origin.output_stride + column
        tile.block_table = row.blockTable
        tile.kv_head = Int32(piece.kvHead)
        tile.token_count = Int32(piece.tokens.count)
        tile.first_position = Int32(row.firstPosition + piece.tokens.lowerBound)
        if let next { tile.next = start(of: next) }
        withUnsafePointer(to: cache) { cache in withUnsafePointer(to: tile) { tile in body(cache, tile) } }
    }

    /// The first split of a piece.
    private func start(of piece: AttentionPlan.Piece) -> ck_attention_next {
        let row = rows[piece.row]
        let from = piece.splits.lowerBound * Int(ck_attention_split_size)
        let seen = row.firstPosition + piece.tokens.upperBound
        return ck_attention_next(
            block_table: row.blockTable,
            kv_head: Int32(piece.kvHead),
            from: Int32(from),
            to: Int32(min(seen, from + Int(ck_attention_split_size)))
        )
    }
}
