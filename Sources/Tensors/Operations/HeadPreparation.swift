/// What happens to the heads of new tokens before they attend; the operations of these names say how.
package struct HeadPreparation {
    /// `[headWidth]` gain of the norm on every query head, or nil.
    package var queryNorm: [Float]?
    /// The same for the key heads.
    package var keyNorm: [Float]?
    /// Added to the mean squares.
    package var epsilon: Float
    /// Cosines and sines.
    package var rotation: RotaryTable
    /// `[tokens]`.
    package var positions: [Int32]

    package init(
        queryNorm: [Float]?,
        keyNorm: [Float]?,
        epsilon: Float,
        rotation: RotaryTable,
        positions: [Int32]
    ) {
        self.queryNorm = queryNorm
        self.keyNorm = keyNorm
        self.epsilon = epsilon
        self.rotation = rotation
        self.positions = positions
    }
}

extension Compute {
    /// Norms and rotates the heads of the step's tokens in place and writes their keys and values into the cache.
    func prepare(
        _ attention: Attention,
        _ fused: FloatMatrix,
        _ preparation: HeadPreparation,
        _ cache: KVStore
    ) {
        let (heads, kvHeads) = (attention.headCount, cache.shape.kvHeadCount)
        precondition(
            preparation.positions.count == fused.rows,
            "attend: \(preparation.positions.count) positions for \(fused.rows) tokens"
        )
        let set = instructionSet.rawValue
        func norm(_ heads: Range<Int>, _ gain: UnsafeBufferPointer<Float>) -> HeadNormKernel? {
            guard let start = gain.baseAddress, gain.count > 0 else { return nil }
            return HeadNormKernel(
                fused,
                heads: heads,
                gain: start,
                headWidth: gain.count,
                epsilon: preparation.epsilon,
                set: set
            )
        }
        (preparation.queryNorm ?? []).withUnsafeBufferPointer { queryGain in
            (preparation.keyNorm ?? []).withUnsafeBufferPointer { keyGain in
                preparation.positions.withUnsafeBufferPointer { positions in
                    let kernel = HeadKernel(
                        queryNorm: norm(0..<heads, queryGain),
                        keyNorm: norm(heads..<heads + kvHeads, keyGain),
                        rotation: RotationKernel(
                            fused,
                            headCount: heads + kvHeads,
                            headWidth: cache.shape.headWidth,
                            positions,
                            preparation.rotation,
                            set: set
                        ),
                        writer: CacheWriter(
                            cache,
                            layer: attention.layer,
                            attention.rows.placed,
                            KeyValueColumns(attention, fused, cache),
                            set: set
                        )
                    )
                    overRows(fused.rows, floatsPerRow: 4 * fused.width, kernel) { $0.pointee.run($1.rows) }
                }
            }
        }
    }
}

extension KeyValueColumns {
    /// Keys and values as they lie behind the queries in `[tokens, (heads + 2 · kvHeads) · headWidth]`.
    init(_ attention: Attention, _ fused: FloatMatrix, _ cache: KVStore) {
        let keys = UnsafePointer(fused.start + attention.headCount * cache.shape.headWidth)
        let keyWidth = cache.shape.kvHeadCount * cache.shape.headWidth
        self.init(keys: keys, values: keys + keyWidth, stride: fused.stride)
    }
}

/// What happens to new tokens before they attend, ready to run on any thread.
private struct HeadKernel {
    let queryNorm: HeadNormKernel?
    let keyNorm: HeadNormKernel?
    let rotation: RotationKernel
    let writer: CacheWriter

    func run(_ tokens: Range<Int>) {
        // Few enough to stay in a core's own cache between the four.
        let most = 32
        for first in stride(from: tokens.lowerBound, to: tokens.upperBound, by: most) {
            let part = first..<min(first + most, tokens.upperBound)
            queryNorm?.run(part)
            keyNorm?.run(part)
            rotation.run(part)
            writer.run(part)
        }
    }
}
