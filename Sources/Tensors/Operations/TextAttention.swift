import CKernels

/// Attention of whole texts, in which every token sees every other of its text, or those that are near: what encoders
/// compute.
///
/// It keeps the memory of its threads from layer to layer.
package final class TextAttention {
    /// Query heads, and as many of keys and values.
    private let headCount: Int
    private let headWidth: Int
    /// Tokens to either side that one sees; nil for all.
    private let reach: Int?
    /// Some queries and what they all see; all heads of a piece are computed alike.
    private struct Piece {
        /// Row of the first token that is seen.
        var firstToken: Int
        /// Tokens that are seen.
        var tokenCount: Int
        /// Among those.
        var queries: Range<Int>
    }

    private var pieces: [Piece] = []
    private var longest = 0
    private let scratch = FloatMatrix()

    /// Queries of a piece at most: each piece copies its text's keys and values of a head, which these make worth while.
    private static let queriesPerPiece = 128

    /// - Parameter reach: tokens to either side that one sees; nil for all.
    package init(headCount: Int, headWidth: Int, reach: Int? = nil) {
        precondition(headCount > 0 && headWidth > 0, "TextAttention: \(headCount) heads of \(headWidth)")
        self.headCount = headCount
        self.headWidth = headWidth
        self.reach = reach
    }

    /// Says which rows belong together, for all `attend` until the next call.
    ///
    /// - Parameter texts: each text's rows, none empty.
    package func plan(texts: [Range<Int>]) {
        pieces.removeAll(keepingCapacity: true)
        longest = 0
        for text in texts {
            precondition(!text.isEmpty, "TextAttention: a text without tokens")
            if let reach, text.count > reach + 1 {
                planWindows(of: text, reach: reach)
                continue
            }
            longest = max(longest, text.count)
            for first in stride(from: 0, to: text.count, by: Self.queriesPerPiece) {
                let end = min(first + Self.queriesPerPiece, text.count)
                pieces.append(Piece(firstToken: text.lowerBound, tokenCount: text.count, queries: first..<end))
            }
        }
    }

    /// A piece for every token, since each sees others: copying what it sees costs about what multiplying it does.
    private func planWindows(of text: Range<Int>, reach: Int) {
        for token in text {
            let seen = max(text.lowerBound, token - reach)..<min(text.upperBound, token + reach + 1)
            let query = token - seen.lowerBound
            pieces.append(Piece(firstToken: seen.lowerBound, tokenCount: seen.count, queries: query..<query + 1))
            longest = max(longest, seen.count)
        }
    }

    /// Computes it; formula and determinism: `ck_encoder.h`.
    ///
    /// - Parameters:
    ///   - fused: `[tokens, 3 · heads · headWidth]`: queries, keys and values.
    ///   - output: becomes `[tokens, heads · headWidth]`; not `fused`.
    package func attend(_ fused: FloatMatrix, into output: FloatMatrix, on compute: Compute) {
        let width = headCount * headWidth
        precondition(
            fused.width == 3 * width && output !== fused,
            "TextAttention: rows of \(fused.width), not 3 x \(width)"
        )
        output.reshape(rows: fused.rows, width: width)
        let unitCount = pieces.count * headCount
        let work = headWidth * longest
        let floats = ck_text_scratch_count(Int32(longest), Int32(headWidth))
        scratch.reshape(rows: compute.runCount(unitCount, floatsPerRow: work), width: (floats + 15) / 16 * 16)
        let origin = ck_text_tile(
            queries: fused.pointer,
            keys: fused.pointer + width,
            values: fused.pointer + 2 * width,
            output: output.pointer,
            stride: fused.width,
            output_stride: width,
            token_count: 0,
            first_query: 0,
            query_end: 0,
            head_width: Int32(headWidth),
            scale: 1 / Float(headWidth).squareRoot()
        )
        pieces.withUnsafeBufferPointer { pieces in
            let region = Region(
                pieces: pieces,
                headCount: headCount,
                origin: origin,
                scratch: scratch.pointer,
                scratchStride: scratch.width,
                set: compute.instructionSet.rawValue
            )
            compute.overRows(unitCount, floatsPerRow: work, region) { region, run in region.pointee.perform(run) }
        }
    }

    /// What the threads share.
    private struct Region {
        let pieces: UnsafeBufferPointer<Piece>
        let headCount: Int
        let origin: ck_text_tile
        let scratch: UnsafeMutablePointer<Float>
        let scratchStride: Int
        let set: Int32

        func perform(_ run: RowRun) {
            let floats = scratch + run.index * scratchStride
            for unit in run.rows {
                let piece = pieces[unit / headCount]
                let column = unit % headCount * Int(origin.head_width)
                let row = piece.firstToken * origin.stride + column
                var tile = origin
                tile.queries += row
                tile.keys += row
                tile.values += row
                tile.output += piece.firstToken * origin.output_stride + column
                tile.token_count = Int32(piece.tokenCount)
                tile.first_query = Int32(piece.queries.lowerBound)
                tile.query_end = Int32(piece.queries.upperBound)
                withUnsafePointer(to: tile) { ck_attend_text(set, $0, floats) }
            }
        }
    }
}
