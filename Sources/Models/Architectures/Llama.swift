package import Checkpoints
import Tensors

/// Llama 2 and 3, Mistral, SmolLM2, TinyLlama: pre-norm, grouped queries, SwiGLU, no biases.
///
/// Sources: Touvron et al., *Llama 2*, arXiv:2307.09288; *The Llama 3 Herd of Models*, arXiv:2407.21783;
/// Jiang et al., *Mistral 7B*, arXiv:2310.06825 (its sliding window).
package enum Llama: Architecture {
    package static let names = ["llama", "mistral"]

    /// Names and departures, as the sources above have them.
    package static func layout(
        _ configuration: ModelConfiguration,
        format: CheckpointFormat
    ) throws(ModelError) -> DecoderLayout {
        try requireActivation(.silu, configuration)
        var layout = DecoderLayout(layerCount: configuration.layerCount)
        layout.windows = Array(repeating: configuration.slidingWindow, count: configuration.layerCount)
        return layout
    }
}
