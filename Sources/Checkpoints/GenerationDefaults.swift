import JSON

/// How a model's makers want it sampled: `generation_config.json`, or `general.sampling.*` in GGUF. Nil where they do
/// not say.
package struct GenerationDefaults: Sendable, Equatable {
    package var temperature: Float?
    package var topK: Int?
    package var topP: Float?
    package var minP: Float?
    package var repetitionPenalty: Float?
    /// Tokens that end a generation, besides those that the tokenizer knows.
    package var eosTokenIDs: [Int] = []

    package init() {}

    init(_ settings: JSONSettings) throws(CheckpointError) {
        temperature = try settings.float("temperature")
        topP = try settings.float("top_p")
        minP = try settings.float("min_p")
        repetitionPenalty = try settings.positiveFloat("repetition_penalty")
        eosTokenIDs = try settings.tokenIDs("eos_token_id")
        if let value = settings["top_k"] {
            guard let count = value.integerValue, count >= 0 else {
                throw settings.invalid("top_k", "must be a whole number of 0 or more")
            }
            topK = count == 0 ? nil : count  // 0 switches it off
        }
        try check(file: settings.file) { settings.prefix + $0 }
    }

    init(_ settings: GGUFSettings) throws(CheckpointError) {
        let prefix = "general.sampling."
        temperature = try settings.float(fullKey: prefix + "temp")
        topP = try settings.float(fullKey: prefix + "top_p")
        minP = try settings.float(fullKey: prefix + "min_p")
        repetitionPenalty = try settings.float(fullKey: prefix + "penalty_repeat")
        if let count = settings.metadata[prefix + "top_k"]?.intValue, count > 0 { topK = count }
        let names = ["temperature": "temp", "repetition_penalty": "penalty_repeat"]
        try check(file: settings.file) { prefix + (names[$0] ?? $0) }
    }

    private func check(file: String, key: (String) -> String) throws(CheckpointError) {
        // Beyond these every request that leaves the setting to the model would be refused.
        if let temperature, !(0...2).contains(temperature) {
            throw .invalidValue(file: file, key: key("temperature"), problem: "must be from 0 to 2")
        }
        if let repetitionPenalty, repetitionPenalty <= 0 || repetitionPenalty > 10 {
            throw .invalidValue(file: file, key: key("repetition_penalty"), problem: "must be above 0 and at most 10")
        }
        for (name, share) in [("top_p", topP), ("min_p", minP)] {
            if let share, !(0...1).contains(share) {
                throw .invalidValue(file: file, key: key(name), problem: "must be from 0 to 1")
            }
        }
    }
}
