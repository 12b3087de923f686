import CKernels

/// The gate's non-linearity in the feed-forward part.
package enum GateActivation: Sendable, Equatable {
    /// x · σ(x): SwiGLU, Shazeer, *GLU Variants Improve Transformer*, arXiv:2002.05202.
    case silu
    /// The tanh form of GELU, Hendrycks & Gimpel, arXiv:1606.08415.
    case geluTanh
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
        let set = instructionSet.rawValue
        let (source, target) = (gateUp.pointer, output.pointer)
        overRows(gateUp.rows, floatsPerRow: 4 * width) { first, count in
            let gate = source + first * 2 * width
            let out = target + first * width
            switch activation {
            case .silu: ck_silu_gate(set, gate, gate + width, 2 * width, out, width, count, width)
            case .geluTanh: ck_gelu_gate(set, gate, gate + width, 2 * width, out, width, count, width)
            }
        }
    }

    /// y += x, both `[tokens, width]`.
    package func add(_ x: FloatMatrix, to y: FloatMatrix) {
        precondition(x.rows == y.rows && x.width == y.width, "add: \(x.rows) x \(x.width) to \(y.rows) x \(y.width)")
        let set = instructionSet.rawValue
        let (source, target, width) = (x.pointer, y.pointer, x.width)
        overRows(x.rows, floatsPerRow: width) { first, count in
            ck_add(set, source + first * width, target + first * width, count * width)
        }
    }

    /// Adds `bias`, `[width]`, to every row of `y`, `[tokens, width]`.
    package func addBias(_ bias: [Float], to y: FloatMatrix) {
        precondition(bias.count == y.width, "addBias: \(bias.count) to rows of \(y.width)")
        let set = instructionSet.rawValue
        let (target, width) = (y.pointer, y.width)
        bias.withUnsafeBufferPointer { bias in
            overRows(y.rows, floatsPerRow: width) { first, count in
                ck_add_bias(set, bias.baseAddress, target + first * width, count, width)
            }
        }
    }

    /// x *= factor.
    package func scale(_ x: FloatMatrix, by factor: Float) {
        let set = instructionSet.rawValue
        let (target, width) = (x.pointer, x.width)
        overRows(x.rows, floatsPerRow: width) { first, count in
            ck_scale(set, target + first * width, factor, count * width)
        }
    }

    /// x = cap · tanh(x / cap): keeps values within ±cap (Gemma 2, arXiv:2408.00118, section 2).
    package func softcap(_ x: FloatMatrix, _ cap: Float) {
        precondition(cap > 0, "softcap: \(cap)")
        let set = instructionSet.rawValue
        let (target, width) = (x.pointer, x.width)
        overRows(x.rows, floatsPerRow: width) { first, count in
            // Row by row: lanes past the end of one row belong to the next.
            for row in first..<first + count { ck_softcap(set, target + row * width, cap, width) }
        }
    }

    /// Every row of `x` becomes exp(x − max x) / Σ exp(x − max x).
    package func softmax(_ x: FloatMatrix) {
        guard x.width > 0 else { return }
        let set = instructionSet.rawValue
        let (target, width) = (x.pointer, x.width)
        overRows(x.rows, floatsPerRow: 4 * width) { first, count in
            for row in first..<first + count { ck_softmax(set, target + row * width, width) }
        }
    }
}
