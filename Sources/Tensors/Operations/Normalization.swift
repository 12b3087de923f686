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
        gain.withUnsafeBufferPointer { gain in
            let norm = NormKernel(x, gain.baseAddress, epsilon, set: instructionSet.rawValue)
            overRows(x.rows, floatsPerRow: x.width, (norm: norm, output: output.pointer)) { job, run in
                let output = job.pointee.output + run.first * job.pointee.norm.width
                job.pointee.norm.run(run.first, count: run.count, into: output)
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
        gain.withUnsafeBufferPointer { gain in
            let norm = NormKernel(x, gain.baseAddress, epsilon, set: instructionSet.rawValue)
            let job = (norm: norm, sum: x.pointer, added: y.pointer, output: output.pointer)
            overRows(x.rows, floatsPerRow: x.width, job) { job, run in
                let (norm, offset) = (job.pointee.norm, run.first * job.pointee.norm.width)
                let (sum, added, output) = (job.pointee.sum, job.pointee.added, job.pointee.output)
                ck_add_rms_norm(
                    norm.set,
                    sum + offset,
                    added + offset,
                    output + offset,
                    norm.gain,
                    norm.epsilon,
                    run.count,
                    norm.width
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
        gain.withUnsafeBufferPointer { gain in
            let norm = HeadNormKernel(
                x,
                heads: heads,
                gain: gain.baseAddress,
                headWidth: headWidth,
                epsilon: epsilon,
                set: instructionSet.rawValue
            )
            overRows(x.rows, floatsPerRow: heads.count * headWidth, norm) { norm, run in norm.pointee.run(run.rows) }
        }
    }
}

/// The norm of some rows, ready to run on any thread.
struct NormKernel {
    /// `[tokens, width]`.
    let source: UnsafePointer<Float>
    let width: Int
    /// `[width]`.
    let gain: UnsafePointer<Float>?
    let epsilon: Float
    let set: Int32

    init(_ x: FloatMatrix, _ gain: UnsafePointer<Float>?, _ epsilon: Float, set: Int32) {
        source = UnsafePointer(x.pointer)
        width = x.width
        self.gain = gain
        self.epsilon = epsilon
        self.set = set
    }

    /// Writes rows `first ..< first + count` to `output`, `[count, width]`.
    func run(_ first: Int, count: Int, into output: UnsafeMutablePointer<Float>) {
        ck_rms_norm(set, source + first * width, width, output, width, gain, epsilon, count, width)
    }
}

/// The norm of some heads of every row in place, ready to run on any thread.
struct HeadNormKernel {
    private let start: UnsafeMutablePointer<Float>
    private let stride: Int
    private let headCount: Int
    private let headWidth: Int
    private let gain: UnsafePointer<Float>?
    private let epsilon: Float
    private let set: Int32

    init(
        _ x: FloatMatrix,
        heads: Range<Int>,
        gain: UnsafePointer<Float>?,
        headWidth: Int,
        epsilon: Float,
        set: Int32
    ) {
        start = x.start + heads.lowerBound * headWidth
        stride = x.stride
        headCount = heads.count
        self.headWidth = headWidth
        self.gain = gain
        self.epsilon = epsilon
        self.set = set
    }

    func run(_ rows: Range<Int>) {
        for row in rows {
            let head = start + row * stride
            ck_rms_norm(set, head, headWidth, head, headWidth, gain, epsilon, headCount, headWidth)
        }
    }
}
