import CKernels

/// What a layer norm has learnt.
package struct LayerNorm: Sendable {
    /// `[width]`.
    package var gain: [Float]
    /// `[width]`.
    package var bias: [Float]
    /// Added to the variance.
    package var epsilon: Float

    package init(gain: [Float], bias: [Float], epsilon: Float) {
        precondition(gain.count == bias.count, "LayerNorm: a gain of \(gain.count) and a bias of \(bias.count)")
        self.gain = gain
        self.bias = bias
        self.epsilon = epsilon
    }
}

extension Compute {
    /// x = (x − mean x) / √(variance x + ε) · gain + bias, row by row, in place.
    ///
    /// - Parameters:
    ///   - norm: of `[width]`.
    ///   - x: `[tokens, width]`.
    ///
    /// Source: Ba, Kiros & Hinton, *Layer Normalization*, arXiv:1607.06450, eq. 4.
    package func layerNorm(_ norm: LayerNorm, _ x: FloatMatrix) { normalize(norm, x, into: x) }

    /// The same, of which `output` becomes `[tokens, width]` and `x` stays.
    package func layerNorm(_ norm: LayerNorm, _ x: FloatMatrix, into output: FloatMatrix) {
        output.reshape(rows: x.rows, width: x.width)
        normalize(norm, x, into: output)
    }

    private func normalize(_ norm: LayerNorm, _ x: FloatMatrix, into output: FloatMatrix) {
        precondition(norm.gain.count == x.width, "layerNorm: a gain of \(norm.gain.count) for rows of \(x.width)")
        norm.gain.withUnsafeBufferPointer { gain in
            norm.bias.withUnsafeBufferPointer { bias in
                let parameters = ck_layer_norm_parameters(
                    gain: gain.baseAddress,
                    bias: bias.baseAddress,
                    width: x.width,
                    epsilon: norm.epsilon
                )
                let (source, target) = (x.pointer, output.pointer)
                let job = (set: instructionSet.rawValue, source: source, target: target, parameters: parameters)
                overRows(x.rows, floatsPerRow: 2 * x.width, job) { job, run in
                    withUnsafePointer(to: job.pointee.parameters) { parameters in
                        let offset = run.first * parameters.pointee.width
                        let (source, target) = (job.pointee.source + offset, job.pointee.target + offset)
                        ck_layer_norm(job.pointee.set, source, target, parameters, run.count)
                    }
                }
            }
        }
    }
}
