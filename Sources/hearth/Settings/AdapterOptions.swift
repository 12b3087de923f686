import ArgumentParser
import Deployments

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
        name: .customLong("adapter-bytes"),
        help: ArgumentHelp(
            "Memory for a model's adapters; beyond it those that were used least recently leave and are read again when asked "
                + "for (HEARTH_ADAPTER_BYTES; 4G).",
            valueName: "size"
        )
    )
    var byteBudget: ByteSize?

    @Flag(
        name: .customLong("adapter-updates"),
        help: "Let requests load adapters from this machine's disk, and unload them (HEARTH_ADAPTER_UPDATES=1)."
    )
    var allowsUpdates = false

    /// Whether requests may load and unload adapters.
    func allowsUpdates(_ environment: Environment) -> Bool {
        allowsUpdates || environment["HEARTH_ADAPTER_UPDATES"] == "1"
    }

    /// Gives every adapter to its model.
    func apply(to configurations: inout [DeploymentConfiguration], _ environment: Environment) throws {
        if let budget = try byteBudget ?? Self.byteBudget(environment) {
            for index in configurations.indices { configurations[index].adapterBytes = budget.bytes }
        }
        for argument in adapters {
            let owners = configurations.indices.filter { index in
                let configuration = configurations[index]
                if configuration.isEmbedder { return false }
                guard let model = argument.model else { return true }
                return ([configuration.name] + configuration.aliases).contains(model)
            }
            guard owners.count == 1 else {
                throw ValidationError(
                    owners.isEmpty
                        ? "No model that is served is called \"\(argument.model ?? "")\", for the adapter "
                            + "\"\(argument.name)\"."
                        : "Several models are served: say whose the adapter is, MODEL:\(argument.name)=PATH."
                )
            }
            let reference = AdapterReference(name: argument.name, path: Environment.absolute(argument.path))
            configurations[owners[0]].adapters.append(reference)
        }
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
        guard let equals = argument.firstIndex(of: "=") else { return nil }
        let left = argument[..<equals]
        path = String(argument[argument.index(after: equals)...])
        if let colon = left.lastIndex(of: ":") {
            model = String(left[..<colon])
            name = String(left[left.index(after: colon)...])
        } else {
            model = nil
            name = String(left)
        }
        if name.isEmpty || path.isEmpty || model?.isEmpty == true { return nil }
    }
}
