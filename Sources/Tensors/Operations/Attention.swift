import CKernels
import Synchronization

/// One sequence's share of a step, as attention sees it.
package struct AttentionRow: Sendable, Equatable {
    /// Index of its first new token among the step's tokens.
    package var firstToken: Int
    /// Number of new tokens.
    package var tokenCount: Int
    /// Position of the first new token in its sequence.
    package var firstPosition: Int
    /// Cache blocks of positions `0 ..< firstPosition + tokenCount`, in order.
    package var blockTable: [Int32]

    package init(firstToken: Int, tokenCount: Int, firstPosition: Int, blockTable: [Int32]) {
        self.firstToken = firstToken
        self.tokenCount = tokenCount
        self.firstPosition = firstPosition
        self.blockTable = blockTable
    }
}

/// What one layer's attention computes in a step. Formula and determinism: `ck_attention.h`.
package struct Attention {
    /// The sequences of the step.
    package var rows: [AttentionRow]
    /// Which layer of the cache.
    package var layer: Int
    /// Query heads; a multiple of the cache's KV heads.
    package var headCount: Int
    /// What scores are multiplied by.
    package var scale: Float
    /// A query sees itself and the `window - 1` tokens before it; nil sees all.
    package var window: Int?
    /// Cap c of the scores, c · tanh(score / c); nil for none.
    package var softcap: Float?

    package init(
        rows: [AttentionRow],
        layer: Int,
        headCount: Int,
        scale: Float,
        window: Int? = nil,
        softcap: Float? = nil
    ) {
        precondition(window.map { $0 > 0 } ?? true, "Attention: a window of \(window ?? 0)")
        self.rows = rows
        self.layer = layer
        self.headCount = headCount
        self.scale = scale
        self.window = window
        self.softcap = softcap
    }
}

extension Compute {
    /// Writes the keys and values of the step's tokens into the cache, then attends with their queries.
    ///
    /// - Parameters:
    ///   - attention: what to compute.
    ///   - fused: `[tokens, (heads + 2 · kvHeads) · headWidth]`: queries, keys and values, rotated already.
    ///   - cache: keys and values of earlier tokens; those of the new ones are added.
    ///   - output: becomes `[tokens, heads · headWidth]`.
    package func attend(_ attention: Attention, _ fused: FloatMatrix, cache: KVStore, into output: FloatMatrix) {
        let queryWidth = attention.headCount * cache.shape.headWidth
        let keyWidth = cache.shape.kvHeadCount * cache.shape.headWidth
        precondition(
            fused.width == queryWidth + 2 * keyWidth,
            "attend: rows of \(fused.width) are not \(queryWidth) + 2 x \(keyWidth)"
        )
        output.reshape(rows: fused.rows, width: queryWidth)
        let keys = UnsafePointer(fused.pointer + queryWidth)
        let columns = KeyValueColumns(keys: keys, values: keys + keyWidth, stride: fused.width)
        cache.write(layer: attention.layer, rows: attention.rows, columns, compute: self)
        attend(attention, cache: cache, queries: fused, into: output)
    }

    /// Attends with queries whose keys and values are in the cache already.
    ///
    /// - Parameters:
    ///   - attention: what to compute.
    ///   - cache: keys and values of all positions up to each query's.
    ///   - queries: `[tokens, width]`, of which the first heads · headWidth floats of a row are the queries.
    ///   - output: `[tokens, heads · headWidth]`, the caller's shape.
    package func attend(_ attention: Attention, cache: KVStore, queries: FloatMatrix, into output: FloatMatrix) {
        check(attention, cache: cache, queries: queries, output: output)
        let plan = AttentionPlan(attention, cache: cache, threadCount: workers.threadCount)
        cache.scratch.reserve(plan, threadCount: workers.threadCount)
        let region = AttentionRegion(
            attention: attention,
            plan: plan,
            cache: cache.descriptor(layer: attention.layer),
            queries: queries,
            output: output,
            scratch: cache.scratch
        )
        let set = instructionSet.rawValue
        let next = Atomic<Int>(0)
        // As many tasks as threads, each with a scratch of its own; they claim the tiles, the costly ones first.
        workers.run(taskCount: min(workers.threadCount, plan.pieces.count)) { thread in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < plan.pieces.count else { return }
                region.compute(plan.pieces[index], thread: thread, set: set)
            }
        }
        workers.run(taskCount: plan.merges.count) { task in region.merge(plan.merges[task], set: set) }
    }

    private func check(_ attention: Attention, cache: KVStore, queries: FloatMatrix, output: FloatMatrix) {
        let width = attention.headCount * cache.shape.headWidth
        precondition(
            attention.headCount > 0 && attention.headCount % cache.shape.kvHeadCount == 0,
            "attend: \(attention.headCount) heads over \(cache.shape.kvHeadCount) KV heads"
        )
        precondition(
            queries.width >= width && output.width == width,
            "attend: rows of \(queries.width), \(output.width)"
        )
        for row in attention.rows {
            let blocks = (row.firstPosition + row.tokenCount + cache.blockSize - 1) / cache.blockSize
            precondition(row.blockTable.count >= blocks, "attend: \(row.blockTable.count) blocks for \(blocks)")
            precondition(
                row.firstToken + row.tokenCount <= min(queries.rows, output.rows),
                "attend: token \(row.firstToken + row.tokenCount) of \(queries.rows)"
            )
            precondition(
                row.blockTable.allSatisfy { $0 >= 0 && Int($0) < cache.blockCount },
                "attend: a block table names a block outside the cache"
            )
        }
    }
}
