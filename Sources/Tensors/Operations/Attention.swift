/// What one layer's attention computes in a step. Formula and determinism: `ck_attention.h`.
package struct Attention {
    /// The sequences of the step; all layers share them.
    package var rows: AttentionRows
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
        rows: AttentionRows,
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
    /// Norms and rotates the heads of the step's tokens in place and writes their keys and values into the cache, token
    /// by token while they are at hand.
    ///
    /// - Parameters:
    ///   - attention: whose tokens, and in which layer.
    ///   - fused: `[tokens, (heads + 2 · kvHeads) · headWidth]`: queries, keys and values as they were projected.
    ///   - preparation: what happens to queries and keys first; nil when it has happened.
    ///   - cache: keys and values of earlier tokens; those of the new ones are added.
    package func store(
        _ attention: Attention,
        _ fused: FloatMatrix,
        preparing preparation: HeadPreparation? = nil,
        in cache: KVStore
    ) {
        let queryWidth = attention.headCount * cache.shape.headWidth
        let keyWidth = cache.shape.kvHeadCount * cache.shape.headWidth
        precondition(
            fused.width == queryWidth + 2 * keyWidth,
            "store: rows of \(fused.width) are not \(queryWidth) + 2 x \(keyWidth)"
        )
        attention.rows.check(cache)
        if let preparation {
            prepare(attention, fused, preparation, cache)
        } else {
            cache.write(layer: attention.layer, rows: attention.rows, .init(attention, fused, cache), compute: self)
        }
    }

    /// Attends with queries whose keys and values are in the cache already.
    ///
    /// - Parameters:
    ///   - attention: what to compute.
    ///   - cache: keys and values of all positions up to each query's.
    ///   - queries: `[tokens, width]`, of which the first heads · headWidth floats of a row are the queries.
    ///   - output: becomes `[tokens, heads · headWidth]`.
    package func attend(_ attention: Attention, cache: KVStore, queries: FloatMatrix, into output: FloatMatrix) {
        output.reshape(rows: queries.rows, width: attention.headCount * cache.shape.headWidth)
        check(attention, cache: cache, queries: queries)
        let plan = attention.rows.plan(for: attention, cache: cache, threadCount: workers.threadCount)
        cache.scratch.reserve(plan, threadCount: workers.threadCount)
        plan.withPieces { pieces, merges in
            let region = AttentionRegion(
                attention,
                cache: cache,
                queries: queries,
                output: output,
                set: instructionSet.rawValue
            )
            // As many tasks as threads, each with a scratch of its own. They have the tiles in turns, so that all begin with
            // costly ones, and help each other with the cheap ones at the end.
            let shares = cache.scratch.shares
            let threadCount = shares.threadCount
            for thread in 0..<threadCount {
                shares.fill(thread, with: 0..<(pieces.count - thread + threadCount - 1) / threadCount)
            }
            let job = (region: region, pieces: pieces, shares: shares)
            workers.run(taskCount: min(threadCount, pieces.count), job) { job, thread in
                let (pieces, threadCount) = (job.pointee.pieces, job.pointee.shares.threadCount)
                while let (turn, owner) = job.pointee.shares.takeNext(as: thread) {
                    let index = turn * threadCount + owner
                    let next = index + threadCount < pieces.count ? pieces[index + threadCount] : nil
                    job.pointee.region.compute(pieces[index], before: next, thread: thread)
                }
            }
            workers.run(taskCount: merges.count, (region: region, merges: merges)) { job, task in
                job.pointee.region.merge(job.pointee.merges[task])
            }
        }
    }

    private func check(_ attention: Attention, cache: KVStore, queries: FloatMatrix) {
        precondition(
            attention.headCount > 0 && attention.headCount % cache.shape.kvHeadCount == 0,
            "attend: \(attention.headCount) heads over \(cache.shape.kvHeadCount) KV heads"
        )
        precondition(
            queries.width >= attention.headCount * cache.shape.headWidth,
            "attend: rows of \(queries.width) for \(attention.headCount) heads of \(cache.shape.headWidth)"
        )
        precondition(
            attention.rows.tokenEnd <= queries.rows,
            "attend: token \(attention.rows.tokenEnd) of \(queries.rows)"
        )
        attention.rows.check(cache)
    }
}
