import Foundation
import JSON

/// What `adapter_config.json` says of ranks and scales. What it asks for and cannot be done is refused by name.
struct AdapterConfiguration {
    private let rank: Int
    private let alpha: Float
    /// By the name of a module, or a pattern for the end of it, as `peft.utils.get_pattern_key` matches them.
    private let ranks: [(pattern: ModulePattern, rank: Int)]
    private let alphas: [(pattern: ModulePattern, alpha: Float)]
    private let scalesByRoot: Bool
    /// What `modules_to_save` names: weights that the adapter replaces.
    let savedModules: Set<AdapterCheckpoint.WholeWeight>
    /// Whether the output head is to follow the embedding where the base ties them.
    let tiesWeights: Bool

    init(_ settings: JSONSettings) throws(CheckpointError) {
        let kind = try settings.string("peft_type") ?? "LORA"
        guard kind == "LORA" else { throw settings.invalid("peft_type", "is \(kind); only LORA is supported") }
        for key in ["use_dora", "use_qalora", "fan_in_fan_out", "lora_bias"] where try settings.bool(key) == true {
            throw settings.invalid(key, "is true, which is not supported")
        }
        let bias = try settings.string("bias") ?? "none"
        guard bias == "none" else { throw settings.invalid("bias", "is \(bias); only none is supported") }
        for key in Self.refusedWhereSet {
            if let value = settings[key], value.arrayValue?.isEmpty != true, value.objectValue?.isEmpty != true {
                throw settings.invalid(key, "is set, which is not supported")
            }
        }
        try Self.checkInitialization(settings)
        savedModules = try Self.savedModules(settings)
        tiesWeights = try settings.bool("ensure_weight_tying") ?? false
        rank = try Self.require(settings.count("r"), "r", settings)
        alpha = try settings.float("lora_alpha") ?? 8
        scalesByRoot = try settings.bool("use_rslora") ?? false
        ranks = try Self.patterns("rank_pattern", settings) { (nested, key) throws(CheckpointError) in
            try Self.require(nested.count(key), key, nested)
        }.map { (pattern: $0.0, rank: $0.1) }
        alphas = try Self.patterns("alpha_pattern", settings) { (nested, key) throws(CheckpointError) in
            try Self.require(nested.float(key), key, nested)
        }.map { (pattern: $0.0, alpha: $0.1) }
    }

    private static func require<Value>(
        _ value: Value?,
        _ key: String,
        _ settings: JSONSettings
    ) throws(CheckpointError) -> Value {
        guard let value else { throw .missingAdapterKey(file: settings.file, key: settings.prefix + key) }
        return value
    }

    /// Variants that are computed in another way, or for some tokens only.
    private static let refusedWhereSet = [
        "layer_replication", "trainable_token_indices", "alora_invocation_tokens", "arrow_config", "kasa_config",
        "monteclora_config", "use_bdlora",
    ]

    /// Refuses factors that belong on top of another base: some ways to begin a training take the first product of the
    /// factors out of the base's weights, and it is missing there unless it was taken out of the factors, too, when they
    /// were saved (`subtract_mutated_init` in `peft`, which then writes `init_lora_weights: true`).
    private static func checkInitialization(_ settings: JSONSettings) throws(CheckpointError) {
        guard let kind = settings["init_lora_weights"]?.stringValue?.lowercased() else { return }
        if !["pissa", "corda", "olora", "lora_ga", "loftq"].contains(where: kind.hasPrefix) { return }
        throw settings.invalid(
            "init_lora_weights",
            "is \(kind), which changes the base for the training: save with path_initial_model_for_weight_conversion, "
                + "so that the adapter fits the base as it was"
        )
    }

    private static func savedModules(
        _ settings: JSONSettings
    ) throws(CheckpointError) -> Set<AdapterCheckpoint.WholeWeight> {
        guard let value = settings["modules_to_save"] else { return [] }
        guard let names = value.arrayValue else { throw settings.invalid("modules_to_save", "must be a list of names") }
        var modules: Set<AdapterCheckpoint.WholeWeight> = []
        for name in names {
            let text = name.stringValue ?? name.serialized()
            guard let module = AdapterCheckpoint.WholeWeight(module: text) else {
                throw settings.invalid(
                    "modules_to_save",
                    "names \(text); only embed_tokens and lm_head can be replaced"
                )
            }
            modules.insert(module)
        }
        return modules
    }

    func rank(of name: String) -> Int {
        if ranks.isEmpty { return rank }
        let module = ModulePattern.Name(name)
        return ranks.first { $0.pattern.matches(module) }?.rank ?? rank
    }

    /// alpha / rank, or with `use_rslora` alpha / √rank (Kalajdzievski, arXiv:2312.03732).
    func scale(of name: String, rank: Int) -> Float {
        let module = ModulePattern.Name(name)
        let alpha = alphas.first { $0.pattern.matches(module) }?.alpha ?? alpha
        return alpha / (scalesByRoot ? Float(rank).squareRoot() : Float(rank))
    }

    private static func patterns<Value>(
        _ key: String,
        _ settings: JSONSettings,
        _ read: (JSONSettings, String) throws(CheckpointError) -> Value
    ) throws(CheckpointError) -> [(ModulePattern, Value)] {
        guard let nested = try settings.nested(key) else { return [] }
        var patterns: [(ModulePattern, Value)] = []
        for name in nested.object.keys {
            guard name.utf8.count <= 1024, let pattern = ModulePattern(name) else {
                throw settings.invalid(key, "has a key that is no pattern: \(name.prefix(100))")
            }
            patterns.append((pattern, try read(nested, name)))
        }
        return patterns
    }
}
