import JSON

extension EncoderConfiguration {
    /// Source: `BertConfig` of Hugging Face `transformers`, whose default values count where a file leaves a key out.
    init(bert settings: JSONSettings) throws(CheckpointError) {
        if let kind = try settings.string("position_embedding_type"), kind != "absolute" {
            throw settings.invalid("position_embedding_type", "is \(kind), which is not supported")
        }
        try settings.refuse(["is_decoder": true])
        self.init(
            architecture: "bert",
            contextLength: try settings.count("max_position_embeddings") ?? 512,
            vocabularySize: try settings.count("vocab_size") ?? 30_522,
            width: try settings.count("hidden_size") ?? 768,
            layerCount: try settings.count("num_hidden_layers") ?? 12,
            headCount: try settings.count("num_attention_heads") ?? 12,
            feedForwardWidth: try settings.count("intermediate_size") ?? 3072,
            normEpsilon: try settings.positiveFloat("layer_norm_eps") ?? 1e-12,
            tokenTypeCount: try settings.count("type_vocab_size") ?? 2,
            hiddenActivation: try settings.string("hidden_act") ?? "gelu"
        )
        try checkHeads { settings.invalid("num_attention_heads", $0) }
    }

    /// Source: `NomicBertConfig`, published with the weights of nomic-embed-text: GPT-2's names.
    init(nomicBert settings: JSONSettings) throws(CheckpointError) {
        let activation = try settings.string("activation_function") ?? "gelu"
        if activation != "swiglu" { throw settings.invalid("activation_function", "is \(activation), not swiglu") }
        try settings.refuse([
            "causal": true, "prenorm": true, "parallel_block": true, "use_rms_norm": true, "norm_mlp": true,
            "rotary_emb_interleaved": true, "scale_attn_weights": false, "scale_attn_by_inverse_layer_idx": true,
        ])
        if let share = try settings.float("rotary_emb_fraction"), share != 1 {
            throw settings.invalid("rotary_emb_fraction", "is \(share), not 1")
        }
        if settings["rotary_emb_scale_base"] != nil {
            throw settings.invalid("rotary_emb_scale_base", "is there, which is not supported")
        }
        if let experts = settings["moe_every_n_layers"]?.integerValue, experts > 0 {
            throw settings.invalid("moe_every_n_layers", "is \(experts); experts are not supported")
        }
        // Beyond the positions of training, frequencies would be stretched by the length of each text.
        let trained = try settings.count("max_trained_positions") ?? 2048
        let padding = try settings.count("pad_vocab_size_multiple") ?? 1
        let words = try settings.count("vocab_size") ?? 50_257
        self.init(
            architecture: "nomic-bert",
            contextLength: min(trained, try settings.count("n_positions") ?? trained),
            vocabularySize: (words + padding - 1) / padding * padding,
            width: try settings.require(try settings.count("n_embd"), "n_embd"),
            layerCount: try settings.require(try settings.count("n_layer"), "n_layer"),
            headCount: try settings.require(try settings.count("n_head"), "n_head"),
            feedForwardWidth: try settings.require(try settings.count("n_inner"), "n_inner"),
            normEpsilon: try settings.positiveFloat("layer_norm_epsilon") ?? 1e-5,
            tokenTypeCount: settings["type_vocab_size"] == 0 ? 0 : try settings.count("type_vocab_size") ?? 2,
            hiddenActivation: "silu",
            gatesFeedForward: true,
            rotation: EncoderRotation(base: try settings.positiveFloat("rotary_emb_base") ?? 10_000)
        )
        try checkHeads { settings.invalid("n_head", $0) }
    }

    /// Source: `ModernBertConfig` of `transformers`.
    init(modernBert settings: JSONSettings) throws(CheckpointError) {
        let layers = try settings.count("num_hidden_layers") ?? 22
        self.init(
            architecture: "modern-bert",
            contextLength: try settings.count("max_position_embeddings") ?? 8192,
            vocabularySize: try settings.count("vocab_size") ?? 50_368,
            width: try settings.count("hidden_size") ?? 768,
            layerCount: layers,
            headCount: try settings.count("num_attention_heads") ?? 12,
            feedForwardWidth: try settings.count("intermediate_size") ?? 1152,
            normEpsilon: try settings.positiveFloat("norm_eps") ?? 1e-5,
            tokenTypeCount: 0,
            hiddenActivation: try settings.string("hidden_activation") ?? "gelu",
            gatesFeedForward: true,
            normsFirst: true,
            rotation: try EncoderRotation(modernBert: settings, layerCount: layers)
        )
        try checkHeads { settings.invalid("num_attention_heads", $0) }
    }
}

extension EncoderRotation {
    /// θ stands in `global_rope_theta` and `local_rope_theta`, or newly in `rope_parameters` for each kind of layer.
    fileprivate init(modernBert settings: JSONSettings, layerCount: Int) throws(CheckpointError) {
        let parameters = try settings.nested("rope_parameters")
        let global = try parameters?.nested("full_attention")?.positiveFloat("rope_theta")
        let local = try parameters?.nested("sliding_attention")?.positiveFloat("rope_theta")
        let (olderGlobal, olderLocal) = (
            try settings.positiveFloat("global_rope_theta"), try settings.positiveFloat("local_rope_theta")
        )
        base = global ?? olderGlobal ?? 160_000
        let window = EncoderWindow(
            // The key counts both sides.
            reach: (try settings.count("local_attention") ?? 128) / 2,
            base: local ?? olderLocal ?? 10_000,
            period: try settings.count("global_attn_every_n_layers") ?? 3
        )
        self.window = window
        guard let types = settings["layer_types"]?.arrayValue else { return }
        let expected = (0..<layerCount).map { layer -> JSONValue in
            window.isLocal(layer: layer) ? "sliding_attention" : "full_attention"
        }
        if types != expected {
            throw settings.invalid("layer_types", "are not those of global_attn_every_n_layers = \(window.period)")
        }
    }
}

extension JSONSettings {
    /// Throws when one of the settings has the value beside it, under which the arithmetic would be another.
    fileprivate func refuse(_ values: KeyValuePairs<String, Bool>) throws(CheckpointError) {
        for (key, value) in values {
            if try bool(key) == value { throw invalid(key, "is \(value), which is not supported") }
        }
    }
}
