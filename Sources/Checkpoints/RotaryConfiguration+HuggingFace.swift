import JSON

extension RotaryConfiguration {
    /// Reads the keys about positions of a `config.json`: `rope_theta` with `rope_scaling`, or the newer
    /// `rope_parameters`, which may differ between layers that slide and those that see all.
    init(
        _ settings: JSONSettings,
        _ defaults: HuggingFaceDefaults,
        headWidth: Int,
        contextLength: Int
    ) throws(CheckpointError) {
        self.init()
        let share = try settings.positiveFloat("partial_rotary_factor") ?? 1
        dimensionCount = Int(min(1, share) * Float(headWidth))
        let parameters = try settings.nested("rope_parameters")
        let ofFullLayers = try parameters?.nested("full_attention")
        let older = try settings.nested("rope_scaling")
        let global = ofFullLayers ?? parameters ?? older
        let (stated, outer) = (try global?.positiveFloat("rope_theta"), try settings.positiveFloat("rope_theta"))
        base = stated ?? outer ?? defaults.ropeBase
        scaling = try RotaryScaling(global, settings, contextLength: contextLength)
        let local = try parameters?.nested("sliding_attention")
        let statedLocally = try local?.positiveFloat("rope_theta")
        let olderLocal = try settings.positiveFloat("rope_local_base_freq")
        localBase = statedLocally ?? olderLocal ?? defaults.localRopeBase
        localScaling = try RotaryScaling(local, settings, contextLength: contextLength)
    }
}

extension RotaryScaling {
    fileprivate init(
        _ parameters: JSONSettings?,
        _ config: JSONSettings,
        contextLength: Int
    ) throws(CheckpointError) {
        guard let parameters else {
            self = .none
            return
        }
        let (newer, older) = (try parameters.string("rope_type"), try parameters.string("type"))
        let type = newer ?? older ?? "default"
        func required(_ key: String) throws(CheckpointError) -> Float {
            try parameters.require(try parameters.positiveFloat(key), key)
        }
        func originalContextLength() throws(CheckpointError) -> Int {
            let key = "original_max_position_embeddings"
            let (stated, outer) = (try parameters.count(key), try config.count(key))
            return stated ?? outer ?? contextLength
        }
        switch type {
        case "default": self = .none
        case "linear": self = .linear(factor: try required("factor"))
        case "llama3":
            let (low, high) = (try required("low_freq_factor"), try required("high_freq_factor"))
            guard low < high else {
                throw parameters.invalid("low_freq_factor", "must be below high_freq_factor")
            }
            self = .llama3(
                factor: try required("factor"),
                lowFrequencyFactor: low,
                highFrequencyFactor: high,
                originalContextLength: try originalContextLength()
            )
        case "yarn":
            self = .yarn(
                try YarnScaling(parameters, factor: required("factor"), original: originalContextLength())
            )
        default: self = .unsupported(type)
        }
    }
}

extension YarnScaling {
    fileprivate init(_ parameters: JSONSettings, factor: Float, original: Int) throws(CheckpointError) {
        self.init(factor: factor, originalContextLength: original)
        betaFast = try parameters.positiveFloat("beta_fast") ?? betaFast
        betaSlow = try parameters.positiveFloat("beta_slow") ?? betaSlow
        if let stated = try parameters.positiveFloat("attention_factor") {
            attentionFactor = stated
        } else if let weight = try parameters.float("mscale"), let all = try parameters.float("mscale_all_dim"),
            weight != 0, all != 0
        {
            attentionFactor = Self.magnitude(factor, weight: weight) / Self.magnitude(factor, weight: all)
        }
    }
}
