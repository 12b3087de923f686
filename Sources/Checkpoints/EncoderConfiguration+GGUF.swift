extension EncoderConfiguration {
    /// Source: the keys that llama.cpp's converter writes, `gguf-py/gguf/constants.py`.
    init(_ gguf: GGUFFile) throws(CheckpointError) {
        let settings = try GGUFSettings(gguf)
        func count(_ name: String) throws(CheckpointError) -> Int {
            guard let count = try settings.count(name) else {
                throw .missingKey(file: settings.file, key: settings.key(name))
            }
            return count
        }
        func rows(_ tensor: String) -> Int? {
            gguf.tensors.first { $0.name == tensor }.flatMap { $0.shape.count == 2 ? $0.shape[0] : nil }
        }
        if settings.metadata[settings.key("attention.causal")]?.boolValue == true {
            throw settings.invalid("attention.causal", "is true, which an encoder's cannot be")
        }
        guard let epsilon = try settings.positiveFloat("attention.layer_norm_epsilon") else {
            throw .missingKey(file: settings.file, key: settings.key("attention.layer_norm_epsilon"))
        }
        guard let vocabulary = rows("token_embd.weight") else {
            throw .missingTensor(name: "token_embd.weight", file: settings.file)
        }
        let isBert = settings.architecture == "bert"
        self.init(
            architecture: settings.architecture,
            contextLength: try count("context_length"),
            vocabularySize: vocabulary,
            width: try count("embedding_length"),
            layerCount: try count("block_count"),
            headCount: try count("attention.head_count"),
            feedForwardWidth: try count("feed_forward_length"),
            normEpsilon: epsilon,
            tokenTypeCount: rows("token_types.weight") ?? (isBert ? 1 : 0),
            hiddenActivation: settings.architecture == "nomic-bert" ? "silu" : "gelu",
            gatesFeedForward: !isBert,
            normsFirst: settings.architecture == "modern-bert",
            rotation: isBert ? nil : try EncoderRotation(settings)
        )
        try checkHeads { settings.invalid("attention.head_count", $0) }
    }
}

extension EncoderRotation {
    fileprivate init(_ settings: GGUFSettings) throws(CheckpointError) {
        let isModern = settings.architecture == "modern-bert"
        base = try settings.positiveFloat("rope.freq_base") ?? (isModern ? 160_000 : 10_000)
        // The key counts both sides.
        guard isModern, let width = try settings.count("attention.sliding_window") else { return }
        window = EncoderWindow(
            reach: width / 2,
            base: try settings.positiveFloat("rope.freq_base_swa") ?? 10_000,
            period: try settings.count("attention.sliding_window_pattern") ?? 3
        )
    }
}
