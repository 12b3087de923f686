import Checkpoints
import Tensors

/// The architectures that can be run.
package enum ArchitectureRegistry {
    /// One entry per family; see `docs/adding-a-model.md`.
    package static let all: [any Architecture.Type] = [Llama.self, Qwen2.self, Qwen3.self, Gemma3.self]

    /// Every name a checkpoint may use, sorted.
    package static var knownNames: [String] { all.flatMap { $0.names }.sorted() }

    /// The family that a checkpoint names.
    package static func architecture(named name: String) throws(ModelError) -> any Architecture.Type {
        for architecture in all where architecture.names.contains(name) { return architecture }
        throw .unknownArchitecture(name: name, known: knownNames)
    }
}

extension Architecture {
    /// Refuses a checkpoint that turns on a sliding window which the family's layout does not describe.
    static func refuseSlidingWindow(_ configuration: ModelConfiguration) throws(ModelError) {
        guard let window = configuration.slidingWindow else { return }
        throw .unsupportedSetting(
            name: "sliding_window",
            value: String(window),
            architecture: configuration.architecture
        )
    }

    /// Refuses a feed-forward activation other than the one the family is made of.
    static func requireActivation(
        _ activation: GateActivation,
        _ configuration: ModelConfiguration
    ) throws(ModelError) {
        let spellings: Set<String> =
            switch activation {
            case .silu: ["", "silu", "swish"]
            case .geluTanh: ["", "gelu_pytorch_tanh", "gelu_tanh", "gelu_new"]
            case .geluExact: ["gelu"]
            }
        if !spellings.contains(configuration.hiddenActivation) {
            throw .unsupportedSetting(
                name: "hidden_act",
                value: configuration.hiddenActivation,
                architecture: configuration.architecture
            )
        }
    }
}
