/// Reads the metadata of a GGUF file with checks of type and range.
struct GGUFSettings {
    let metadata: [String: GGUFValue]
    let file: String
    /// What `{arch}` stands for in keys.
    let architecture: String

    init(_ gguf: GGUFFile) throws(CheckpointError) {
        metadata = gguf.metadata
        file = gguf.path
        guard let value = metadata["general.architecture"] else {
            throw .missingKey(file: file, key: "general.architecture")
        }
        guard let name = value.stringValue else {
            throw .invalidValue(file: file, key: "general.architecture", problem: "must be a string")
        }
        architecture = name
    }

    /// The full name of a key of the architecture.
    func key(_ name: String) -> String { architecture + "." + name }

    /// A whole number of 1 or more. One that is listed for every layer counts when all layers have the same.
    func count(_ name: String) throws(CheckpointError) -> Int? {
        guard let value = metadata[key(name)] else { return nil }
        if let perLayer = value.integers {
            guard let first = perLayer.first, perLayer.allSatisfy({ $0 == first }) else {
                throw invalid(name, "differs between layers, which is not supported")
            }
            return try checked(Int(first), name)
        }
        guard let count = value.intValue else { throw invalid(name, "must be a whole number") }
        return try checked(count, name)
    }

    /// A count that the decoder families must have; 0 for other architectures.
    func requiredCount(_ name: String) throws(CheckpointError) -> Int {
        guard ModelConfiguration.decoderFamilies.contains(architecture) else {
            return (try? count(name)) ?? 0
        }
        guard let count = try count(name) else { throw .missingKey(file: file, key: key(name)) }
        return count
    }

    /// A finite number.
    func float(_ name: String) throws(CheckpointError) -> Float? {
        try float(fullKey: key(name))
    }

    func float(fullKey: String) throws(CheckpointError) -> Float? {
        guard let value = metadata[fullKey] else { return nil }
        guard let number = value.floatValue, number.isFinite else {
            throw .invalidValue(file: file, key: fullKey, problem: "must be a finite number")
        }
        return number
    }

    /// A finite number above 0.
    func positiveFloat(_ name: String) throws(CheckpointError) -> Float? {
        guard let number = try float(name) else { return nil }
        guard number > 0 else { throw invalid(name, "is \(number); it must be above 0") }
        return number
    }

    /// A token id under its full key.
    func tokenID(_ fullKey: String) throws(CheckpointError) -> Int? {
        guard let value = metadata[fullKey] else { return nil }
        guard let id = value.intValue, id >= -1, id <= Int(UInt32.max) else {
            throw .invalidValue(file: file, key: fullKey, problem: "must be a token id")
        }
        // Writers put -1, also as an unsigned number, where there is no such token.
        return id < 0 || id == Int(UInt32.max) ? nil : id
    }

    func invalid(_ name: String, _ problem: String) -> CheckpointError {
        .invalidValue(file: file, key: key(name), problem: problem)
    }

    private func checked(_ count: Int, _ name: String) throws(CheckpointError) -> Int {
        guard (1...maximumCount(of: name)).contains(count) else {
            throw invalid(name, "is \(count); it must be from 1 to \(maximumCount(of: name))")
        }
        return count
    }
}

extension ModelConfiguration {
    /// Reads the configuration from a GGUF file's metadata.
    ///
    /// Source: the key names of the GGUF specification and of the `gguf` Python package's `constants.py`.
    init(_ gguf: GGUFFile) throws(CheckpointError) {
        let settings = try GGUFSettings(gguf)
        self.init(architecture: settings.architecture)
        try readSizes(settings, gguf)
        rope = try RotaryConfiguration(settings, headWidth: headWidth)
        try readAttention(settings)
        try readTokens(settings)
        tiedEmbeddings = !gguf.tensors.contains { $0.name == "output.weight" }
        if architecture.hasPrefix("gemma") {
            hiddenActivation = "gelu_pytorch_tanh"
            embeddingScale = Float(width).squareRoot()
        }
        try checkConsistency(file: settings.file) { key in
            switch key {
            case .kvHeadCount: settings.key("attention.head_count_kv")
            case .rotaryDimensionCount: settings.key("rope.dimension_count")
            }
        }
    }

    private mutating func readSizes(_ settings: GGUFSettings, _ gguf: GGUFFile) throws(CheckpointError) {
        contextLength = try settings.requiredCount("context_length")
        width = try settings.requiredCount("embedding_length")
        layerCount = try settings.requiredCount("block_count")
        feedForwardWidth = try settings.requiredCount("feed_forward_length")
        headCount = try settings.requiredCount("attention.head_count")
        vocabularySize = try Self.vocabularySize(settings, gguf)
        guard isDecoderFamily else {
            kvHeadCount = (try? settings.count("attention.head_count_kv")) ?? headCount
            headWidth = (try? settings.count("attention.key_length")) ?? (headCount > 0 ? width / headCount : 0)
            return
        }
        kvHeadCount = try settings.count("attention.head_count_kv") ?? headCount
        headWidth = try settings.count("attention.key_length") ?? max(1, width / headCount)
        if let valueWidth = try settings.count("attention.value_length"), valueWidth != headWidth {
            throw settings.invalid(
                "attention.value_length",
                "is \(valueWidth), other than the key length \(headWidth), "
                    + "which is not supported"
            )
        }
    }

    /// The embedding table says it best; some writers leave out the key, and some count no padding rows.
    private static func vocabularySize(_ settings: GGUFSettings, _ gguf: GGUFFile) throws(CheckpointError) -> Int {
        if let table = gguf.tensors.first(where: { $0.name == "token_embd.weight" }), table.shape.count == 2 {
            return table.shape[0]
        }
        if let tokens = settings.metadata["tokenizer.ggml.tokens"]?.strings { return tokens.count }
        return try settings.requiredCount("vocab_size")
    }

    private mutating func readAttention(_ settings: GGUFSettings) throws(CheckpointError) {
        let epsilon = try settings.positiveFloat("attention.layer_norm_rms_epsilon")
        if epsilon == nil, isDecoderFamily {
            throw .missingKey(file: settings.file, key: settings.key("attention.layer_norm_rms_epsilon"))
        }
        normEpsilon = epsilon ?? normEpsilon
        finalLogitSoftcap = try settings.positiveFloat("final_logit_softcapping")
        attentionLogitSoftcap = try settings.positiveFloat("attn_logit_softcapping")
        attentionScale = try settings.positiveFloat("attention.scale")
        // The 27B model, known by its depth, scales by its width per head; the format has no key for that.
        if architecture == "gemma3", attentionScale == nil, layerCount == 62 {
            attentionScale = 1 / (Float(width) / Float(headCount)).squareRoot()
        }
        if let window = settings.metadata[settings.key("attention.sliding_window")]?.intValue, window != 0 {
            slidingWindow = try settings.count("attention.sliding_window")
            slidingWindowPattern = try windowPattern(settings)
        }
    }

    private func windowPattern(_ settings: GGUFSettings) throws(CheckpointError) -> Int? {
        let name = "attention.sliding_window_pattern"
        if let slides = settings.metadata[settings.key(name)]?.bools {
            guard isDecoderFamily else { return nil }
            guard let period = SlidingWindowPattern.period(slides: slides) else {
                throw settings.invalid(name, "is irregular, which is not supported")
            }
            return period
        }
        return try settings.count(name) ?? (architecture == "gemma3" ? 6 : nil)
    }

    private mutating func readTokens(_ settings: GGUFSettings) throws(CheckpointError) {
        bosTokenID = try settings.tokenID("tokenizer.ggml.bos_token_id")
        for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
            if let id = try settings.tokenID(key), !eosTokenIDs.contains(id) { eosTokenIDs.append(id) }
        }
    }
}

extension RotaryConfiguration {
    fileprivate init(_ settings: GGUFSettings, headWidth: Int) throws(CheckpointError) {
        self.init()
        base = try settings.positiveFloat("rope.freq_base") ?? base
        dimensionCount = try settings.count("rope.dimension_count") ?? headWidth
        pairing = settings.architecture == "llama" ? .adjacent : .halves
        scaling = try RotaryScaling(settings)
        localBase = try settings.positiveFloat("rope.freq_base_swa")
        if settings.architecture == "gemma3", localBase == nil { localBase = 10_000 }
    }
}

extension RotaryScaling {
    fileprivate init(_ settings: GGUFSettings) throws(CheckpointError) {
        let (newer, older) = (try settings.float("rope.scaling.factor"), try settings.float("rope.scale_linear"))
        let factor = newer ?? older ?? 0
        // A factor without a type is linear scaling, and a factor of 0 is none.
        let type = settings.metadata[settings.key("rope.scaling.type")]?.stringValue ?? "linear"
        if factor < 0 { throw settings.invalid("rope.scaling.factor", "is \(factor); it must not be negative") }
        switch type {
        case "none": self = .none
        case "linear": self = factor == 0 || factor == 1 ? .none : .linear(factor: factor)
        case "yarn": self = try .yarn(YarnScaling(settings, factor: factor))
        default: self = .unsupported(type)
        }
    }
}

extension YarnScaling {
    fileprivate init(_ settings: GGUFSettings, factor: Float) throws(CheckpointError) {
        guard factor > 0 else { throw .missingKey(file: settings.file, key: settings.key("rope.scaling.factor")) }
        let stated = try settings.count("rope.scaling.original_context_length")
        let contextLength = try settings.count("context_length")
        guard let original = stated ?? contextLength else {
            throw .missingKey(file: settings.file, key: settings.key("rope.scaling.original_context_length"))
        }
        self.init(factor: factor, originalContextLength: original)
        betaFast = try settings.positiveFloat("rope.scaling.yarn_beta_fast") ?? betaFast
        betaSlow = try settings.positiveFloat("rope.scaling.yarn_beta_slow") ?? betaSlow
        attentionFactor *= try settings.positiveFloat("rope.scaling.attn_factor") ?? 1
    }
}

/// Which layers see only a window of the context.
enum SlidingWindowPattern {
    /// The period p with which every p-th layer sees all, given for each layer whether it slides. When none sees all,
    /// the period is one more than there are layers. Nil when there is no period.
    static func period(slides: [Bool]) -> Int? {
        let period = (slides.firstIndex(of: false) ?? slides.count) + 1
        let isRegular = slides.indices.allSatisfy { slides[$0] == (($0 + 1) % period != 0) }
        return isRegular ? period : nil
    }
}
