package import Checkpoints
import Tensors

/// Gemma 3 (text): five sliding-window layers to one global one, norms before and after both halves of a layer,
/// norms on query and key heads, GeGLU, and embeddings scaled by √width.
///
/// Source: Gemma Team, *Gemma 3 Technical Report*, arXiv:2503.19786, section 2.
package enum Gemma3: Architecture {
    package static let names = ["gemma3"]

    /// Names and departures, as the sources above have them.
    package static func layout(
        _ configuration: ModelConfiguration,
        format: CheckpointFormat
    ) throws(ModelError) -> DecoderLayout {
        try requireActivation(.geluTanh, configuration)
        var layout = DecoderLayout(layerCount: configuration.layerCount)
        layout.activation = .geluTanh
        // A converted GGUF file already holds 1 + w; the folder holds w.
        layout.normGainOffset = format == .safetensors ? 1 : 0
        layout.names.queryNorm = TensorName(gguf: "attn_q_norm", huggingFace: "self_attn.q_norm")
        layout.names.keyNorm = TensorName(gguf: "attn_k_norm", huggingFace: "self_attn.k_norm")
        layout.names.postAttentionNorm = TensorName(
            gguf: "post_attention_norm",
            huggingFace: "post_attention_layernorm"
        )
        layout.names.feedForwardNorm = TensorName(gguf: "ffn_norm", huggingFace: "pre_feedforward_layernorm")
        layout.names.postFeedForwardNorm = TensorName(gguf: "post_ffw_norm", huggingFace: "post_feedforward_layernorm")
        let period = configuration.slidingWindowPattern ?? 6
        for layer in 0..<configuration.layerCount where configuration.slidingWindow != nil && period > 0 {
            let isLocal = (layer + 1) % period != 0
            layout.windows[layer] = isLocal ? configuration.slidingWindow : nil
            layout.usesLocalRotation[layer] = isLocal
        }
        return layout
    }
}
