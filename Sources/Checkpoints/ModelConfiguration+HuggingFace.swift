import JSON

extension ModelConfiguration {
    /// Reads a `config.json`; of a model that also sees or hears, the part about text.
    ///
    /// Sources: the configuration classes of Hugging Face `transformers`, whose default values count where a file
    /// leaves a key out.
    init(config: JSONObject, file: String) throws(CheckpointError) {
        let outer = JSONSettings(config, file: file)
        var settings = outer
        if var text = try outer.nested("text_config") {
            text.fallback = config
            settings = text
        }
        guard let name = try settings.string("model_type") else { throw .missingKey(file: file, key: "model_type") }
        self.init(architecture: Self.family(name))
        try Self.refuseQuantizedWeights(settings)
        let defaults = HuggingFaceDefaults(modelType: name)
        try readSizes(settings, defaults)
        rope = try RotaryConfiguration(settings, defaults, headWidth: headWidth, contextLength: contextLength)
        try readAttention(settings, defaults)
        try readWindow(settings, defaults)
        bosTokenID = try settings.tokenIDs("bos_token_id").first
        eosTokenIDs = try settings.tokenIDs("eos_token_id")
        try checkConsistency(file: file) { key in
            switch key {
            case .kvHeadCount: settings.prefix + "num_key_value_heads"
            case .rotaryDimensionCount: settings.prefix + "partial_rotary_factor"
            }
        }
    }

    /// The family of a `model_type`; unknown names stay as they are.
    private static func family(_ modelType: String) -> String {
        switch modelType {
        case "mistral": "llama"
        case "gemma3_text": "gemma3"
        case "nomic_bert": "nomic-bert"
        case "modernbert": "modern-bert"
        default: modelType
        }
    }

    private static func refuseQuantizedWeights(_ settings: JSONSettings) throws(CheckpointError) {
        guard let quantization = try settings.nested("quantization_config") else { return }
        let method = try quantization.string("quant_method") ?? "an unnamed method"
        throw .unsupportedFormat(
            file: settings.file,
            reason: "its weights are quantised with \(method), which is not read; use a GGUF file or the original"
        )
    }

    private mutating func readSizes(
        _ settings: JSONSettings,
        _ defaults: HuggingFaceDefaults
    ) throws(CheckpointError) {
        func size(_ key: String, _ fallback: Int?) throws(CheckpointError) -> Int {
            guard isDecoderFamily else { return (try? settings.count(key)) ?? 0 }
            return try settings.require(try settings.count(key) ?? fallback, key)
        }
        width = try size("hidden_size", nil)
        layerCount = try size("num_hidden_layers", nil)
        feedForwardWidth = try size("intermediate_size", nil)
        headCount = try size("num_attention_heads", defaults.headCount)
        vocabularySize = try size("vocab_size", defaults.vocabularySize)
        contextLength = try size("max_position_embeddings", defaults.contextLength)
        kvHeadCount = try size("num_key_value_heads", defaults.kvHeadCount ?? max(1, headCount))
        headWidth = try size("head_dim", defaults.headWidth ?? max(1, width / max(1, headCount)))
    }

    private mutating func readAttention(
        _ settings: JSONSettings,
        _ defaults: HuggingFaceDefaults
    ) throws(CheckpointError) {
        normEpsilon = try settings.positiveFloat("rms_norm_eps") ?? 1e-6
        tiedEmbeddings = try settings.bool("tie_word_embeddings") ?? defaults.tiesEmbeddings
        finalLogitSoftcap = try settings.positiveFloat("final_logit_softcapping")
        attentionLogitSoftcap = try settings.positiveFloat("attn_logit_softcapping")
        guard architecture.hasPrefix("gemma") else {
            hiddenActivation = try settings.string("hidden_act") ?? "silu"
            return
        }
        // Older files also have a `hidden_act` that the Python class ignores.
        hiddenActivation = try settings.string("hidden_activation") ?? "gelu_pytorch_tanh"
        embeddingScale = Float(width).squareRoot()
        let scalar = try settings.positiveFloat("query_pre_attn_scalar") ?? defaults.queryScalar
        attentionScale = scalar.map { 1 / $0.squareRoot() }
    }

    private mutating func readWindow(
        _ settings: JSONSettings,
        _ defaults: HuggingFaceDefaults
    ) throws(CheckpointError) {
        if try settings.bool("use_sliding_window") ?? defaults.usesWindow == false { return }
        let states = settings.object["sliding_window"] != nil  // null switches the window off
        guard let window = try settings.count("sliding_window") ?? (states ? nil : defaults.slidingWindow) else {
            return
        }
        let slides = try slidingLayers(settings)
        if let slides, !slides.contains(true) { return }
        slidingWindow = window
        slidingWindowPattern = try settings.count("sliding_window_pattern") ?? defaults.slidingWindowPattern
        guard let slides, isDecoderFamily else { return }
        guard let period = SlidingWindowPattern.period(slides: slides) else {
            throw settings.invalid("layer_types", "are irregular, which is not supported")
        }
        slidingWindowPattern = slides.contains(false) || slidingWindowPattern != nil ? period : nil
    }

    /// For each layer whether it sees only the window; nil when the file does not list them.
    private func slidingLayers(_ settings: JSONSettings) throws(CheckpointError) -> [Bool]? {
        guard isDecoderFamily else { return nil }
        guard let value = settings["layer_types"] else {
            guard let first = settings["max_window_layers"]?.integerValue, first > 0 else { return nil }
            return (0..<min(layerCount, 1 << 16)).map { $0 >= first }
        }
        guard let types = value.arrayValue, types.count == layerCount else {
            throw settings.invalid("layer_types", "must list all \(layerCount) layers")
        }
        var slides: [Bool] = []
        for type in types {
            switch type {
            case "full_attention": slides.append(false)
            case "sliding_attention": slides.append(true)
            default: throw settings.invalid("layer_types", "has a kind of layer that is not supported")
            }
        }
        return slides
    }
}

/// The values that count where a `config.json` leaves a key out, as the Python configuration classes have them.
struct HuggingFaceDefaults {
    var headCount: Int?
    var kvHeadCount: Int?
    var headWidth: Int?
    var vocabularySize: Int?
    var contextLength = 2048
    var tiesEmbeddings = false
    var ropeBase: Float = 10_000
    var localRopeBase: Float?
    var queryScalar: Float?
    var usesWindow = true
    var slidingWindow: Int?
    var slidingWindowPattern: Int?

    init(modelType: String) {
        switch modelType {
        case "gemma3", "gemma3_text":
            (headCount, kvHeadCount, headWidth, vocabularySize) = (8, 4, 256, 262_208)
            (contextLength, tiesEmbeddings, queryScalar) = (131_072, true, 256)
            (ropeBase, localRopeBase) = (1_000_000, 10_000)
            (slidingWindow, slidingWindowPattern) = (4096, 6)
        case "mistral": (contextLength, slidingWindow) = (131_072, 4096)
        case "qwen2": (contextLength, usesWindow) = (32_768, false)
        case "qwen3": (contextLength, headWidth, usesWindow) = (32_768, 128, false)
        default: break
        }
    }
}
