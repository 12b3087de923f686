import CKernels

/// A norm of rows by their root mean square; see `Compute.rmsNorm`.
package struct RowNorm {
    /// `[width]`.
    package var gain: [Float]
    /// Added to the mean square.
    package var epsilon: Float

    package init(gain: [Float], epsilon: Float) {
        self.gain = gain
        self.epsilon = epsilon
    }
}

/// Products whose activations are made and quantised row by row, so that the floats between never leave a core's cache.
/// The bits are those of the operations one after the other.
extension Compute {
    /// y = norm(x) Wᵀ (+ bias).
    ///
    /// - Parameters:
    ///   - weights: W, `[outputs, inputs]`.
    ///   - x: `[rows, inputs]`.
    ///   - norm: of every row of x.
    ///   - bias: `[outputs]`, or nil.
    ///   - y: `[rows, outputs]`, not x.
    ///   - scratch: holds normed rows; its shape and contents are undefined afterwards.
    ///   - update: what is added to some rows; nil adds nothing.
    ///   - following: the weights of the product that comes next, whose first bytes are asked for while this one ends.
    package func matMul(
        _ weights: PackedMatrix,
        norm: RowNorm,
        of x: FloatMatrix,
        bias: [Float]? = nil,
        into y: FloatMatrix,
        scratch: FloatMatrix,
        update: LowRankUpdate? = nil,
        following: PackedMatrix? = nil
    ) {
        guard let activations = activations(for: weights) else {
            rmsNorm(x, gain: norm.gain, epsilon: norm.epsilon, into: scratch)
            matMul(weights, scratch, bias: bias, into: y, update: update, following: following)
            return
        }
        precondition(norm.gain.count == x.width, "matMul: a gain of \(norm.gain.count) for rows of \(x.width)")
        activations.reshape(rows: x.rows, inputs: x.width)
        let lowRank = kernel(of: update, beside: weights, rows: x.rows)
        let most = Self.rowsAtATime(width: x.width, lowRank)
        let work = x.width + lowRank.work.perRow(x.rows)
        let leastRows = lowRank.work.leastRows
        scratch.reshape(rows: most * runCount(x.rows, floatsPerRow: work, leastRows: leastRows), width: x.width)
        norm.gain.withUnsafeBufferPointer { gain in
            let kernel = NormKernel(x, gain.baseAddress, norm.epsilon, set: instructionSet.rawValue)
            let quantize = QuantizeKernel(activations, set: instructionSet.rawValue)
            let job = (norm: kernel, quantize: quantize, lowRank: lowRank, scratch: scratch.pointer, most: most)
            overRows(x.rows, floatsPerRow: work, leastRows: leastRows, job) { job, run in
                let (most, width) = (job.pointee.most, job.pointee.norm.width)
                let buffer = job.pointee.scratch + run.index * most * width
                for first in stride(from: run.first, to: run.rows.upperBound, by: most) {
                    let rows = first..<min(first + most, run.rows.upperBound)
                    job.pointee.norm.run(first, count: rows.count, into: buffer)
                    job.pointee.quantize.run(buffer, to: rows)
                    job.pointee.lowRank.shrink(buffer, rows: rows)
                }
                job.pointee.lowRank.shrink(job.pointee.quantize.target, rows: run.rows)
            }
        }
        matMul(weights, quantized: activations, bias: bias, lowRank: lowRank, into: y, following: following)
    }

    /// y = (activation(gate) · up) Wᵀ (+ y).
    ///
    /// - Parameters:
    ///   - weights: W, `[outputs, inputs]`.
    ///   - gateUp: `[rows, 2 · inputs]`: the gate, then what it gates.
    ///   - activation: on the gate.
    ///   - y: `[rows, outputs]`, not gateUp.
    ///   - accumulate: whether the old y is added.
    ///   - scratch: holds gated rows; its shape and contents are undefined afterwards.
    ///   - update: what is added to some rows; nil adds nothing.
    ///   - following: the weights of the product that comes next, whose first bytes are asked for while this one ends.
    package func matMul(
        _ weights: PackedMatrix,
        gated gateUp: FloatMatrix,
        _ activation: GateActivation,
        into y: FloatMatrix,
        accumulate: Bool,
        scratch: FloatMatrix,
        update: LowRankUpdate? = nil,
        following: PackedMatrix? = nil
    ) {
        guard let activations = activations(for: weights) else {
            gate(gateUp, activation, into: scratch)
            matMul(weights, scratch, into: y, accumulate: accumulate, update: update, following: following)
            return
        }
        precondition(gateUp.width % 2 == 0, "matMul: rows of \(gateUp.width) are no gate and what it gates")
        let width = gateUp.width / 2
        activations.reshape(rows: gateUp.rows, inputs: width)
        let lowRank = kernel(of: update, beside: weights, rows: gateUp.rows)
        let most = Self.rowsAtATime(width: width, lowRank)
        let work = 4 * width + lowRank.work.perRow(gateUp.rows)
        let leastRows = lowRank.work.leastRows
        scratch.reshape(rows: most * runCount(gateUp.rows, floatsPerRow: work, leastRows: leastRows), width: width)
        let job = (
            gate: GateKernel(gateUp, activation, set: instructionSet.rawValue),
            quantize: QuantizeKernel(activations, set: instructionSet.rawValue),
            lowRank: lowRank,
            scratch: scratch.pointer,
            most: most
        )
        overRows(gateUp.rows, floatsPerRow: work, leastRows: leastRows, job) { job, run in
            let (most, width) = (job.pointee.most, job.pointee.gate.width)
            let buffer = job.pointee.scratch + run.index * most * width
            for first in stride(from: run.first, to: run.rows.upperBound, by: most) {
                let rows = first..<min(first + most, run.rows.upperBound)
                job.pointee.gate.run(first, count: rows.count, into: buffer)
                job.pointee.quantize.run(buffer, to: rows)
                job.pointee.lowRank.shrink(buffer, rows: rows)
            }
            job.pointee.lowRank.shrink(job.pointee.quantize.target, rows: run.rows)
        }
        matMul(weights, quantized: activations, lowRank: lowRank, into: y, accumulate: accumulate, following: following)
    }

    /// The buffer for products with `weights` where one form does for all of them; nil where floats are wanted too.
    private func activations(for weights: PackedMatrix) -> QuantizedActivations? {
        switch weights.soleForm {
        case .int8:
            switch weights.pairingSections {
            case (_, true): return short8Activations
            case (false, _): return int8Activations
            default: return nil
            }
        case .int12: return int12Activations
        case .float32, nil: return nil
        }
    }

    /// Rows between whose two passes nothing leaves a core's first cache: some 16 kB of them; with exact factors at least the
    /// four that share one reading of them.
    private static func rowsAtATime(width: Int, _ lowRank: LowRankKernel) -> Int {
        max(lowRank.work.isExact ? 4 : 1, 4096 / max(width, 1))
    }
}
