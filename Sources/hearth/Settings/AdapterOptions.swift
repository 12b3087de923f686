import ArgumentParser
import Deployments
import Foundation

/// Adapters that are served as variants of a model.
struct AdapterOptions: ParsableArguments {
    @Option(
        name: .customLong("adapter"),
        help: ArgumentHelp(
            "A LoRA adapter, a PEFT folder or a GGUF file, that requests name as MODEL:NAME; may be repeated.",
            discussion: "With several models, say whose it is: MODEL:NAME=PATH.",
            valueName: "name=path"
        )
    )
    var adapters: [AdapterArgument] = []

    @Option(
        name: .customLong("adapter-weight"),
        help: ArgumentHelp(
            "An adapter's part of the machine as against others' and the model's own, which are 1 each; may be repeated.",
            discussion: "With several models, say whose it is: MODEL:NAME=WEIGHT.",
            valueName: "name=weight"
        )
    )
    var weights: [AdapterWeightArgument] = []

    @Option(
        name: .customLong("adapter-bytes"),
        help: ArgumentHelp(
            "Memory for a model's adapters; beyond it those that were used least recently leave and are read again when asked "
                + "for (HEARTH_ADAPTER_BYTES; 4G).",
            valueName: "size"
        )
    )
    var byteBudget: ByteSize?

    @OptionGroup var type: AdapterTypeOption

    @Flag(
        name: .customLong("adapter-updates"),
        help: "Let requests load adapters from this machine's disk, and unload them (HEARTH_ADAPTER_UPDATES=1)."
    )
    var allowsUpdates = false

    /// Whether requests may load and unload adapters.
    func allowsUpdates(_ environment: Environment) -> Bool {
        allowsUpdates || environment["HEARTH_ADAPTER_UPDATES"] == "1"
    }

    @Option(
        name: .customLong("adapter-folder"),
        help: ArgumentHelp(
            "A folder whose PEFT folders and GGUF files are adapters, as they come and go; with several models MODEL=FOLDER. "
                + "Those of `hearth adapters add` are always there.",
            valueName: "folder"
        )
    )
    var folders: [String] = []

    @Option(
        name: .customLong("merge-adapter"),
        help: ArgumentHelp(
            "A LoRA adapter that is folded into the weights, so that it costs nothing; the model is then called MODEL:NAME or NAME.",
            discussion: "With several models, say whose it is: MODEL:NAME=PATH. The model as it was is not served.",
            valueName: "name=path"
        )
    )
    var merged: [AdapterArgument] = []

    @Flag(
        name: .customLong("merge-precise"),
        help: "Keep the weights that --merge-adapter changes in 8 bits where they have fewer: larger, and truer."
    )
    var mergesPrecisely = false

    /// Gives every adapter to its model.
    ///
    /// - Parameter store: where `hearth adapters` keeps them.
    func apply(
        to configurations: inout [DeploymentConfiguration],
        store: ModelStore,
        _ environment: Environment
    ) throws {
        let budget = try byteBudget ?? Self.byteBudget(environment)
        let precision = try type.precision(environment)
        for index in configurations.indices where !configurations[index].isEmbedder {
            if let budget { configurations[index].adapterBytes = budget.bytes }
            if let precision { configurations[index].adapterPrecision = precision }
            let kept = AdapterFolder(store: store, model: configurations[index].name)
            configurations[index].adapterFolders = [kept]
        }
        for argument in adapters {
            let owner = try Self.owner(of: "adapter \"\(argument.name)\"", argument.model, in: configurations)
            let reference = AdapterReference(name: argument.name, path: environment.absolute(argument.path))
            configurations[owner].adapters.append(reference)
        }
        for argument in weights {
            let owner = try Self.owner(of: "weight of \"\(argument.name)\"", argument.model, in: configurations)
            configurations[owner].adapterWeights[argument.name] = argument.weight
        }
        for text in folders {
            let (model, path) = Self.folder(text, in: configurations, environment)
            let owner = try Self.owner(of: "adapter folder \"\(path)\"", model, in: configurations)
            configurations[owner].adapterFolders.append(AdapterFolder(path: environment.absolute(path)))
        }
        try merge(into: &configurations, store: store, environment)
    }

    /// The two sides of `MODEL=FOLDER`. What stands before an equals sign is a part of the folder's name where no model is
    /// called so and the folder is there.
    private static func folder(
        _ text: String,
        in configurations: [DeploymentConfiguration],
        _ environment: Environment
    ) -> (model: String?, path: String) {
        guard let equals = text.firstIndex(of: "=") else { return (nil, text) }
        let model = String(text[..<equals])
        let isModel = configurations.contains { ([$0.name] + $0.aliases).contains(model) }
        if !isModel, FileManager.default.fileExists(atPath: environment.absolute(text)) { return (nil, text) }
        return (model, String(text[text.index(after: equals)...]))
    }

    /// Renames the models that adapters are folded into. What the store keeps for a model is not for another one.
    private func merge(
        into configurations: inout [DeploymentConfiguration],
        store: ModelStore,
        _ environment: Environment
    ) throws {
        for argument in merged {
            let owner = try Self.owner(of: "adapter \"\(argument.name)\"", argument.model, in: configurations)
            if !AdapterRegistry.isName(argument.name) { throw AdapterError.invalidName(argument.name) }
            if configurations[owner].mergedAdapter != nil {
                throw ValidationError(
                    "One adapter can be merged into a model: mix several with `lora` in requests instead."
                )
            }
            let kept = AdapterFolder(store: store, model: configurations[owner].name)
            configurations[owner].adapterFolders.removeAll { $0 == kept }
            configurations[owner].mergedAdapter = AdapterReference(
                name: argument.name,
                path: environment.absolute(argument.path)
            )
            configurations[owner].mergesPrecisely = mergesPrecisely
            configurations[owner].name += ":\(argument.name)"
            configurations[owner].aliases.append(argument.name)
        }
    }

    /// The model that is called `name`, or the only one that takes adapters.
    private static func owner(
        of what: String,
        _ name: String?,
        in configurations: [DeploymentConfiguration]
    ) throws -> Int {
        let owners = configurations.indices.filter { index in
            let configuration = configurations[index]
            if configuration.isEmbedder { return false }
            return name.map(([configuration.name] + configuration.aliases).contains) ?? true
        }
        if owners.count == 1 { return owners[0] }
        throw ValidationError(
            owners.isEmpty
                ? "No model that is served is called \"\(name ?? "")\", for the \(what)."
                : "Several models are served: say whose the \(what) is, MODEL:NAME=PATH, MODEL:NAME=WEIGHT or MODEL=FOLDER."
        )
    }

    private static func byteBudget(_ environment: Environment) throws -> ByteSize? {
        guard let text = environment["HEARTH_ADAPTER_BYTES"] else { return nil }
        guard let size = ByteSize(argument: text) else {
            throw ValidationError("HEARTH_ADAPTER_BYTES is \"\(text)\", which is no size such as 512M or 4G.")
        }
        return size
    }
}

/// `NAME=PATH` or `MODEL:NAME=PATH`.
struct AdapterArgument: ExpressibleByArgument, Sendable, Equatable {
    let model: String?
    let name: String
    let path: String

    init?(argument: String) {
        guard let parts = AdapterAssignment(argument) else { return nil }
        (model, name, path) = (parts.model, parts.name, parts.value)
    }
}

/// `NAME=WEIGHT` or `MODEL:NAME=WEIGHT`, with a weight from 0.001 to 1,000.
struct AdapterWeightArgument: ExpressibleByArgument, Sendable, Equatable {
    let model: String?
    let name: String
    let weight: Double

    init?(argument: String) {
        guard let parts = AdapterAssignment(argument), let weight = Double(parts.value) else { return nil }
        guard (0.001...1000).contains(weight) else { return nil }
        (model, name, self.weight) = (parts.model, parts.name, weight)
    }
}

/// What stands before and after the equals sign of `MODEL:NAME=VALUE`, where the model may be missing.
private struct AdapterAssignment {
    let model: String?
    let name: String
    let value: String

    init?(_ argument: String) {
        guard let equals = argument.firstIndex(of: "=") else { return nil }
        let left = argument[..<equals]
        value = String(argument[argument.index(after: equals)...])
        if let colon = left.lastIndex(of: ":") {
            model = String(left[..<colon])
            name = String(left[left.index(after: colon)...])
        } else {
            model = nil
            name = String(left)
        }
        if name.isEmpty || value.isEmpty || model?.isEmpty == true { return nil }
    }
}
