/// How positions turn queries and keys (RoPE, Su et al., arXiv:2104.09864).
package struct RotaryConfiguration: Sendable, Equatable {
    /// Which elements of a head are turned together.
    package enum Pairing: Sendable, Equatable {
        /// Elements 2i and 2i+1: llama checkpoints in GGUF, whose query and key rows were reordered for it.
        case adjacent
        /// Elements i and i + dimensionCount/2: everything else.
        case halves
    }

    /// θ of the global layers: pair i turns by position · base^(−2i/dimensionCount).
    package var base: Float = 10_000
    /// Leading elements of a head that are turned; even and at most the head's width.
    package var dimensionCount = 0
    package var pairing = Pairing.halves
    package var scaling = RotaryScaling.none
    /// θ of the sliding-window layers where they have their own (Gemma 3); nil where all layers are alike.
    package var localBase: Float?
    /// Scaling of the sliding-window layers; counts only where `localBase` is there.
    package var localScaling = RotaryScaling.none

    package init() {}
}

/// How a model's frequencies were stretched for contexts longer than it was first trained on.
package enum RotaryScaling: Sendable, Equatable {
    case none
    /// Positions divided by `factor` (Chen et al., arXiv:2306.15595).
    case linear(factor: Float)
    /// Long wavelengths divided by `factor`, short ones kept, those between blended, as published with Llama 3.1.
    /// A GGUF checkpoint has the resulting divisors as the tensor `rope_freqs.weight` instead, and `.none` here.
    case llama3(factor: Float, lowFrequencyFactor: Float, highFrequencyFactor: Float, originalContextLength: Int)
    /// YaRN (Peng et al., arXiv:2309.00071).
    case yarn(YarnScaling)
    /// A kind that is not known; the name as the checkpoint has it.
    case unsupported(String)
}

/// The settings of YaRN.
package struct YarnScaling: Sendable, Equatable {
    package var factor: Float
    package var originalContextLength: Int
    /// Rotations over the original context above which a frequency is kept (β in the paper, section 3.2).
    package var betaFast: Float = 32
    /// Rotations below which a frequency is divided by `factor` (α in the paper).
    package var betaSlow: Float = 1
    /// What sine and cosine are multiplied by; 0.1 · ln(factor) + 1 where the checkpoint does not say.
    package var attentionFactor: Float

    package init(factor: Float, originalContextLength: Int) {
        self.factor = factor
        self.originalContextLength = originalContextLength
        attentionFactor = Self.magnitude(factor)
    }

    /// 0.1 · `weight` · ln(factor) + 1 for factors above 1 (equation 22 with the weight that DeepSeek added).
    static func magnitude(_ factor: Float, weight: Float = 1) -> Float {
        factor <= 1 ? 1 : 0.1 * weight * logarithm(factor) + 1
    }
}
