package import Checkpoints
package import Tensors

/// How a tensor is called in the two checkpoint formats.
package struct TensorName: Sendable, Equatable {
    package var gguf: String
    package var huggingFace: String

    package init(gguf: String, huggingFace: String) {
        self.gguf = gguf
        self.huggingFace = huggingFace
    }
}

/// The tensors of one decoder layer, without their `.weight` or `.bias` ending and without the layer's prefix.
package struct LayerNames: Sendable {
    package var attentionNorm = TensorName(gguf: "attn_norm", huggingFace: "input_layernorm")
    package var query = TensorName(gguf: "attn_q", huggingFace: "self_attn.q_proj")
    package var key = TensorName(gguf: "attn_k", huggingFace: "self_attn.k_proj")
    package var value = TensorName(gguf: "attn_v", huggingFace: "self_attn.v_proj")
    package var attentionOutput = TensorName(gguf: "attn_output", huggingFace: "self_attn.o_proj")
    /// Per-head gains on queries and keys; nil where the architecture has none.
    package var queryNorm: TensorName?
    package var keyNorm: TensorName?
    /// Norm on the attention's result, before it is added to the residual; nil where there is none.
    package var postAttentionNorm: TensorName?
    package var feedForwardNorm = TensorName(gguf: "ffn_norm", huggingFace: "post_attention_layernorm")
    package var gate = TensorName(gguf: "ffn_gate", huggingFace: "mlp.gate_proj")
    package var up = TensorName(gguf: "ffn_up", huggingFace: "mlp.up_proj")
    package var down = TensorName(gguf: "ffn_down", huggingFace: "mlp.down_proj")
    /// Norm on the feed-forward's result; nil where there is none.
    package var postFeedForwardNorm: TensorName?

    package init() {}
}

/// What the shared decoder must know of an architecture: names, and where it departs from Llama.
package struct DecoderLayout: Sendable {
    package var names = LayerNames()
    package var activation = GateActivation.silu
    /// Added to every stored norm gain: Gemma's folders keep w where the gain is 1 + w.
    package var normGainOffset: Float = 0
    /// Whether q, k and v must have biases. Where they need not, they are used when present.
    package var requiresBias = false
    /// Window in tokens of every layer: a query sees itself and the `window - 1` tokens before it. Nil sees all.
    package var windows: [Int?]
    /// Whether a layer rotates with the local base instead of the global one.
    package var usesLocalRotation: [Bool]

    package init(layerCount: Int) {
        windows = Array(repeating: nil, count: layerCount)
        usesLocalRotation = Array(repeating: false, count: layerCount)
    }
}

/// One family of decoders that share tensor names and arithmetic. See `docs/adding-a-model.md`.
package protocol Architecture: Sendable {
    /// The names checkpoints give it in `general.architecture` or `model_type`.
    static var names: [String] { get }

    /// Describes the decoder of a checkpoint, or says what in its configuration is not supported.
    static func layout(_ configuration: ModelConfiguration, format: CheckpointFormat) throws(ModelError)
        -> DecoderLayout
}
