package import Checkpoints
import Tensors

/// Qwen 3 (dense): a norm on every query and key head in place of Qwen 2's biases.
///
/// Source: Yang et al., *Qwen3 Technical Report*, arXiv:2505.09388.
package enum Qwen3: Architecture {
    package static let names = ["qwen3"]

    /// Names and departures, as the sources above have them.
    package static func layout(
        _ configuration: ModelConfiguration,
        format: CheckpointFormat
    ) throws(ModelError) -> DecoderLayout {
        try requireActivation(.silu, configuration)
        try refuseSlidingWindow(configuration)
        var layout = DecoderLayout(layerCount: configuration.layerCount)
        layout.names.queryNorm = TensorName(gguf: "attn_q_norm", huggingFace: "self_attn.q_norm")
        layout.names.keyNorm = TensorName(gguf: "attn_k_norm", huggingFace: "self_attn.k_norm")
        return layout
    }
}
