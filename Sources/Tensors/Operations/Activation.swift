import CKernels

/// The gate's non-linearity in the feed-forward part.
package enum GateActivation: Sendable, Equatable {
    /// x · σ(x): SwiGLU, Shazeer, *GLU Variants Improve Transformer*, arXiv:2002.05202.
    case silu
    /// The tanh form of GELU, Hendrycks & Gimpel, arXiv:1606.08415.
    case geluTanh
    /// x · Φ(x), GELU as it is defined.
    case geluExact
}

extension Compute {
    /// out = activation(gate) · up.
    ///
    /// - Parameters:
    ///   - gateUp: `[tokens, 2 · width]`: the gate, then what it gates.
    ///   - activation: on the gate.
    ///   - output: becomes `[tokens, width]`; not `gateUp`.
    package func gate(_ gateUp: FloatMatrix, _ activation: GateActivation, into output: FloatMatrix) {
        precondition(gateUp.width % 2 == 0 && output !== gateUp, "gate: rows of \(gateUp.width)")
        let width = gateUp.width / 2
        output.reshape(rows: gateUp.rows, width: width)
        let gate = GateKernel(gateUp, activation, set: instructionSet.rawValue)
        overRows(gateUp.rows, floatsPerRow: 4 * width, (gate: gate, output: output.pointer)) { job, run in
            let width = job.pointee.gate.width
            job.pointee.gate.run(run.first, count: run.count, into: job.pointee.output + run.first * width)
        }
    }

    /// x = x · Φ(x), Φ the normal distribution: GELU as it is defined, Hendrycks & Gimpel, arXiv:1606.08415.
    package func geluExact(_ x: FloatMatrix) {
        let job = (set: instructionSet.rawValue, target: x.pointer, width: x.width)
        overRows(x.rows, floatsPerRow: 4 * x.width, job) { job, run in
            let width = job.pointee.width
            ck_gelu_exact(job.pointee.set, job.pointee.target + run.first * width, run.count * width)
        }
    }

    /// y += x, both `[tokens, width]`.
    package func add(_ x: FloatMatrix, to y: FloatMatrix) {
        precondition(x.rows == y.rows && x.width == y.width, "add: \(x.rows) x \(x.width) to \(y.rows) x \(y.width)")
        let job = (set: instructionSet.rawValue, source: x.pointer, target: y.pointer, width: x.width)
        overRows(x.rows, floatsPerRow: x.width, job) { job, run in
            let offset = run.first * job.pointee.width
            let count = run.count * job.pointee.width
            ck_add(job.pointee.set, job.pointee.source + offset, job.pointee.target + offset, count)
        }
    }

    /// Adds `bias`, `[width]`, to every row of `y`, `[tokens, width]`.
    package func addBias(_ bias: [Float], to y: FloatMatrix) {
        precondition(bias.count == y.width, "addBias: \(bias.count) to rows of \(y.width)")
        bias.withUnsafeBufferPointer { bias in
            let job = (set: instructionSet.rawValue, bias: bias.baseAddress, target: y.pointer, width: y.width)
            overRows(y.rows, floatsPerRow: y.width, job) { job, run in
                let width = job.pointee.width
                let target = job.pointee.target + run.first * width
                ck_add_bias(job.pointee.set, job.pointee.bias, target, run.count, width)
            }
        }
    }

    /// x *= factor.
    package func scale(_ x: FloatMatrix, by factor: Float) {
        let job = (set: instructionSet.rawValue, target: x.pointer, width: x.width, factor: factor)
        overRows(x.rows, floatsPerRow: x.width, job) { job, run in
            let width = job.pointee.width
            ck_scale(job.pointee.set, job.pointee.target + run.first * width, job.pointee.factor, run.count * width)
        }
    }

    /// x = cap · tanh(x / cap): keeps values within ±cap (Gemma 2, arXiv:2408.00118, section 2).
    package func softcap(_ x: FloatMatrix, _ cap: Float) {
        precondition(cap > 0, "softcap: \(cap)")
        let job = (set: instructionSet.rawValue, target: x.pointer, width: x.width, cap: cap)
        overRows(x.rows, floatsPerRow: x.width, job) { job, run in
            let width = job.pointee.width
            // Row by row: lanes past the end of one row belong to the next.
            for row in run.rows {
                ck_softcap(job.pointee.set, job.pointee.target + row * width, job.pointee.cap, width)
            }
        }
    }

    /// Every row of `x` becomes exp(x − max x) / Σ exp(x − max x).
    package func softmax(_ x: FloatMatrix) {
        guard x.width > 0 else { return }
        let job = (set: instructionSet.rawValue, target: x.pointer, width: x.width)
        overRows(x.rows, floatsPerRow: 4 * x.width, job) { job, run in
            let width = job.pointee.width
            for row in run.rows { ck_softmax(job.pointee.set, job.pointee.target + row * width, width) }
        }
    }
}

/// The gate of some rows, ready to run on any thread.
struct GateKernel {
    /// `[tokens, 2 · width]`.
    private let source: UnsafePointer<Float>
    private let stride: Int
    let width: Int
    private let activation: GateActivation
    private let set: Int32

    init(_ gateUp: FloatMatrix, _ activation: GateActivation, set: Int32) {
        source = UnsafePointer(gateUp.start)
        stride = gateUp.stride
        width = gateUp.width / 2
        self.activation = activation
        self.set = set
    }

    /// Writes rows `first ..< first + count` to `output`, `[count, width]`.
    func run(_ first: Int, count: Int, into output: UnsafeMutablePointer<Float>) {
        let gate = source + first * stride
        switch activation {
        case .silu: ck_silu_gate(set, gate, gate + width, stride, output, width, count, width)
        case .geluTanh: ck_gelu_gate(set, gate, gate + width, stride, output, width, count, width)
        case .geluExact: runGeluExact(gate, count: count, into: output)
        }
    }

    /// The kernel works in place on rows without gaps, so the gates are copied beside one another first.
    private func runGeluExact(_ gate: UnsafePointer<Float>, count: Int, into output: UnsafeMutablePointer<Float>) {
        for row in 0..<count {
            let (source, target) = (gate + row * stride, output + row * width)
            target.update(from: source, count: width)
            ck_gelu_exact(set, target, width)
            for index in 0..<width { target[index] *= source[width + index] }
        }
    }
}
