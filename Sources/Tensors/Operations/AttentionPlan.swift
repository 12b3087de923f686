import CKernels

/// How a step's attention is cut into pieces for the threads. Never changes a result, only who computes it.
struct AttentionPlan {
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
    /// Splits of a piece of a long decode.
    static let splitsPerPiece = 2

    private(set) var pieces: [Piece] = []
    /// Tiles whose pieces have to be merged: all splits, `partialOffset` that of the first.
    private(set) var merges: [Piece] = []
    private(set) var partialCount = 0
    /// Floats of scratch that the largest piece needs.
    private(set) var scratchCount = 0

    init(_ attention: Attention, cache: KVStore, threadCount: Int) {
        var descriptor = cache.descriptor(layer: attention.layer)
        let group = attention.headCount / cache.shape.kvHeadCount
        let tileTokens = max(1, Self.mostRows(headWidth: cache.shape.headWidth) / group)
        let stride = ck_attention_partial_stride(&descriptor)
        var mostRows = 0
        for (index, row) in attention.rows.enumerated() {
            for first in Swift.stride(from: 0, to: row.tokenCount, by: tileTokens) {
                let tokens = first..<min(first + tileTokens, row.tokenCount)
                let splits = attention.splits(of: row, tokens: tokens)
                let rows = tokens.count * group
                mostRows = max(mostRows, rows)
                let isShared = threadCount > 1 && splits.count > Self.splitsPerPiece && row.tokenCount <= tileTokens
                for kvHead in 0..<cache.shape.kvHeadCount {
                    var tile = Piece(row: index, kvHead: kvHead, tokens: tokens, splits: splits)
                    if isShared {
                        tile.partialOffset = partialCount
                        merges.append(tile)
                        append(pieces: tile, floatsPerSplit: rows * stride)
                    } else {
                        pieces.append(tile)
                    }
                }
            }
        }
        // The costly first, so that the threads end together.
        let cost = { (piece: Piece) in piece.splits.count * piece.tokens.count }
        pieces.sort { cost($0) > cost($1) }
        scratchCount = ck_attention_scratch_count(&descriptor, Int32(mostRows))
    }

    private mutating func append(pieces tile: Piece, floatsPerSplit: Int) {
        for first in Swift.stride(from: tile.splits.lowerBound, to: tile.splits.upperBound, by: Self.splitsPerPiece) {
            var piece = tile
            piece.splits = first..<min(first + Self.splitsPerPiece, tile.splits.upperBound)
            piece.partialOffset = partialCount
            partialCount += piece.splits.count * floatsPerSplit
            pieces.append(piece)
        }
    }
}

extension Attention {
    /// The splits of 256 keys that any of the row's new tokens in `tokens` sees.
    func splits(of row: AttentionRow, tokens: Range<Int>) -> Range<Int> {
        let size = Int(ck_attention_split_size)
        let first = row.firstPosition + tokens.lowerBound
        let lowest = window.map { max(0, first - $0 + 1) } ?? 0
        return lowest / size..<(row.firstPosition + tokens.upperBound - 1) / size + 1
    }
}

/// Memory that attention needs besides the cache: tiles of each thread and partial results. Grows to the largest seen.
final class AttentionScratch {
    private let threads = FloatMatrix()
    private let partials = FloatMatrix()

    func reserve(_ plan: AttentionPlan, threadCount: Int) {
        threads.reshape(rows: threadCount, width: (plan.scratchCount + 15) / 16 * 16)
        partials.reshape(rows: 1, width: plan.partialCount)
    }

    func scratch(thread: Int) -> UnsafeMutablePointer<Float> { threads.pointer + thread * threads.width }

    func partial(at offset: Int) -> UnsafeMutablePointer<Float> { partials.pointer + offset }
}

/// What the pieces of one region share; read only, except for the memory that it points to.
struct AttentionRegion {
    let attention: Attention
    let plan: AttentionPlan
    let cache: ck_attention_cache
    let queries: FloatMatrix
    let output: FloatMatrix
    let scratch: AttentionScratch

    /// Computes a piece into the output or into its partial results.
    func compute(_ piece: AttentionPlan.Piece, thread: Int, set: Int32) {
        let scratch = scratch.scratch(thread: thread)
        withTile(piece) { cache, tile in
            guard let offset = piece.partialOffset else {
                ck_attention(set, cache, tile, scratch)
                return
            }
            let (from, to) = (Int32(piece.splits.lowerBound), Int32(piece.splits.upperBound))
            ck_attention_partial(set, cache, tile, from, to, self.scratch.partial(at: offset), scratch)
        }
    }

    /// Merges the partial results of a tile into the output.
    func merge(_ tile: AttentionPlan.Piece, set: Int32) {
        guard let offset = tile.partialOffset else { return }
        withTile(tile) { cache, pointer in
            ck_attention_merge(set, cache, pointer, Int32(tile.splits.count), scratch.partial(at: offset))
        }
    }

    private func withTile(
        _ piece: AttentionPlan.Piece,
        _ body: (UnsafePointer<ck_attention_cache>, UnsafePointer<ck_attention_tile>) -> Void
    ) {
        let row = attention.rows[piece.row]
        let group = attention.headCount / Int(cache.kv_head_count)
        let column = piece.kvHead * group * Int(cache.head_width)
        let token = row.firstToken + piece.tokens.lowerBound
        row.blockTable.withUnsafeBufferPointer { table in
            let tile = ck_attention_tile(
                queries: queries.pointer + token * queries.width + column,
                output: output.pointer + token * output.width + column,
                query_stride: queries.width,
                output_stride: output.width,
                block_table: table.baseAddress,
                kv_head: Int32(piece.kvHead),
                group: Int32(group),
                token_count: Int32(piece.tokens.count),
                first_position: Int32(row.firstPosition + piece.tokens.lowerBound),
                window: Int32(attention.window ?? 0),
                scale: attention.scale,
                softcap: attention.softcap ?? 0
            )
            withUnsafePointer(to: cache) { cache in withUnsafePointer(to: tile) { tile in body(cache, tile) } }
        }
    }
}
