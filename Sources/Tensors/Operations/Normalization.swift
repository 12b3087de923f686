import CKernels

extension Compute {
    /// out = x / √(mean(x²) + ε) · gain, row by row.
    ///
    /// - Parameters:
    ///   - x: `[tokens, width]`.
    ///   - gain: `[width]`.
    ///   - epsilon: added to the mean square.
    ///   - output: becomes `[tokens, width]`; may be `x`.
    ///
    /// Source: Zhang & Sennrich, *Root Mean Square Layer Normalization*, arXiv:1910.07467, eq. 4.
    package func rmsNorm(_ x: FloatMatrix, gain: [Float], epsilon: Float, into output: FloatMatrix) {
        precondition(gain.count == x.width, "rmsNorm: a gain of \(gain.count) for rows of \(x.width)")
        if output !== x { output.reshape(rows: x.rows, width: x.width) }
        let set = instructionSet.rawValue
        let (source, target, width) = (x.pointer, output.pointer, x.width)
        gain.withUnsafeBufferPointer { gain in
            overRows(x.rows, floatsPerRow: width) { first, count in
                let offset = first * width
                ck_rms_norm(
                    set,
                    source + offset,
                    width,
                    target + offset,
                    width,
                    gain.baseAddress,
                    epsilon,
                    count,
                    width
                )
            }
        }
    }

    /// x += y, then out = the norm of x: one pass where a branch joins the residual before the next norm.
    ///
    /// - Parameters:
    ///   - y: `[tokens, width]`, added to `x`.
    ///   - x: `[tokens, width]`, overwritten with the sum.
    ///   - gain: `[width]`.
    ///   - epsilon: added to the mean square.
    ///   - output: becomes `[tokens, width]`; may be `y`, not `x`.
    package func addAndRMSNorm(
        _ y: FloatMatrix,
        to x: FloatMatrix,
        gain: [Float],
        epsilon: Float,
        into output: FloatMatrix
    ) {
        precondition(gain.count == x.width, "addAndRMSNorm: a gain of \(gain.count) for rows of \(x.width)")
        precondition(y.rows == x.rows && y.width == x.width && output !== x, "addAndRMSNorm: shapes or places")
        if output !== y { output.reshape(rows: x.rows, width: x.width) }
        let set = instructionSet.rawValue
        let (sum, added, target, width) = (x.pointer, y.pointer, output.pointer, x.width)
        gain.withUnsafeBufferPointer { gain in
            overRows(x.rows, floatsPerRow: width) { first, count in
                let offset = first * width
                ck_add_rms_norm(
                    set,
                    sum + offset,
                    added + offset,
                    target + offset,
                    gain.baseAddress,
                    epsilon,
                    count,
                    width
                )
            }
        }
    }

    /// Norms heads in place, each by itself.
    ///
    /// - Parameters:
    ///   - x: `[tokens, heads · headWidth + …]`.
    ///   - heads: which heads of a row.
    ///   - gain: `[headWidth]`, the same for all of them.
    ///   - epsilon: added to the mean square.
    package func rmsNormHeads(_ x: FloatMatrix, heads: Range<Int>, gain: [Float], epsilon: Float) {
        let headWidth = gain.count
        precondition(
            heads.lowerBound >= 0 && heads.upperBound * headWidth <= x.width,
            "rmsNormHeads: heads \(heads) of \(headWidth) in rows of \(x.width)"
        )
        let set = instructionSet.rawValue
        let (start, width) = (x.pointer + heads.lowerBound * headWidth, x.width)
        gain.withUnsafeBufferPointer { gain in
            overRows(x.rows, floatsPerRow: heads.count * headWidth) { first, count in
                for row in first..<first + count {
                    let head = start + row * width
                    ck_rms_norm(
                        set,
                        head,
                        headWidth,
                        head,
                        headWidth,
                        gain.baseAddress,
                        epsilon,
                        heads.count,
                        headWidth
                    )
                }
            }
        }
    }

    /// Calls `body(first, count)` for runs of rows that cover all of them, on the threads when there is enough to do.
    func overRows(_ rows: Int, floatsPerRow: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
        // A region costs about what a core needs for some thousand floats.
        let most = rows * floatsPerRow / 4096
        let runs = min(rows, max(1, min(most, workers.threadCount)))
        guard runs > 1 else {
            if rows > 0 { body(0, rows) }
            return
        }
        workers.run(taskCount: runs) { run in
            let first = rows * run / runs
            body(first, rows * (run + 1) / runs - first)
        }
    }
}
