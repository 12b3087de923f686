import Checkpoints

/// How a family's checkpoints spell the tensors that all encoders have; layers' names without what stands before them.
struct EncoderNames {
    var words = "token_embd"
    var types = "token_types"
    var embeddingNorm = "token_embd_norm"
    /// Before the number of a layer.
    var layers = "blk."
    /// q, k and v: three tensors, or one that has them under one another.
    var queryKeyValue = ["attn_qkv"]
    var attentionOutput = "attn_output"
    /// The norm of attention, after it or before it.
    var attentionNorm = "attn_output_norm"
    /// The feed-forward's first projection; where it gates, the gate first.
    var up = ["ffn_gate", "ffn_up"]
    var down = "ffn_down"
    /// The norm of the feed-forward.
    var outputNorm = "layer_output_norm"
    /// Whether a folder's names may stand under a prefix, as those of models that also predict words do.
    var prefix = ""

    /// Source: `gguf-py/gguf/tensor_mapping.py` of llama.cpp, which has the names of both formats.
    init(architecture: String, format: CheckpointFormat) {
        switch (architecture, format) {
        case ("nomic-bert", .gguf): break
        case ("modern-bert", .gguf):
            (attentionNorm, outputNorm, up) = ("attn_norm", "ffn_norm", ["ffn_up"])
        case (_, .gguf):
            (queryKeyValue, up) = (["attn_q", "attn_k", "attn_v"], ["ffn_up"])
        case ("nomic-bert", .safetensors): spellNomicBert()
        case ("modern-bert", .safetensors): spellModernBert()
        case (_, .safetensors): spellBert()
        }
    }

    private mutating func spellBert() {
        prefix = "bert."
        words = "embeddings.word_embeddings"
        types = "embeddings.token_type_embeddings"
        embeddingNorm = "embeddings.LayerNorm"
        layers = "encoder.layer."
        queryKeyValue = ["attention.self.query", "attention.self.key", "attention.self.value"]
        attentionOutput = "attention.output.dense"
        attentionNorm = "attention.output.LayerNorm"
        up = ["intermediate.dense"]
        down = "output.dense"
        outputNorm = "output.LayerNorm"
    }

    private mutating func spellNomicBert() {
        prefix = "bert."
        words = "embeddings.word_embeddings"
        types = "embeddings.token_type_embeddings"
        embeddingNorm = "emb_ln"
        layers = "encoder.layers."
        queryKeyValue = ["attn.Wqkv"]
        attentionOutput = "attn.out_proj"
        attentionNorm = "norm1"
        up = ["mlp.fc12", "mlp.fc11"]
        down = "mlp.fc2"
        outputNorm = "norm2"
    }

    private mutating func spellModernBert() {
        prefix = "model."
        words = "embeddings.tok_embeddings"
        embeddingNorm = "embeddings.norm"
        layers = "layers."
        queryKeyValue = ["attn.Wqkv"]
        attentionOutput = "attn.Wo"
        attentionNorm = "attn_norm"
        up = ["mlp.Wi"]
        down = "mlp.Wo"
        outputNorm = "mlp_norm"
    }
}
