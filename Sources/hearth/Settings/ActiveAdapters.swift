import ArgumentParser
import Deployments
import Foundation

/// Adapters that a command computes under.
struct ActiveAdapters: ParsableArguments {
    @Option(
        name: .customLong("adapter"),
        help: ArgumentHelp(
            "A LoRA adapter: the name of one that `hearth adapters` keeps for the model, a PEFT folder or a GGUF file; may be "
                + "repeated.",
            valueName: "name|path"
        )
    )
    var adapters: [String] = []

    @OptionGroup var type: AdapterTypeOption

    /// Makes them known to the model that is loaded.
    ///
    /// - Parameter store: where `hearth adapters` keeps them.
    func apply(
        to configuration: inout DeploymentConfiguration,
        store: ModelStore,
        _ environment: Environment
    ) throws {
        if let precision = try type.precision(environment) { configuration.adapterPrecision = precision }
        let folder = AdapterFolder(store: store, model: configuration.name)
        for (index, text) in adapters.enumerated() {
            configuration.adapters.append(
                AdapterReference(name: Self.name(index), path: try Self.path(of: text, in: folder, environment))
            )
        }
    }

    /// Leases of all, in order.
    func leases(of deployment: Deployment) async throws -> [AdapterLease] {
        var leases: [AdapterLease] = []
        for index in adapters.indices { leases.append(try await deployment.adapters.lease(Self.name(index))) }
        return leases
    }

    /// What all of them come to together; nil for none.
    func mix(of deployment: Deployment) async throws -> AdapterLease? {
        let parts = zip(adapters, try await leases(of: deployment)).map { name, lease in
            AdapterMix.Part(name: name, lease: lease, scale: 1)
        }
        return try deployment.adapters.mix(parts)
    }

    private static func name(_ index: Int) -> String { "adapter-\(index)" }

    /// The adapter that is kept under that name; else a path.
    static func path(of text: String, in folder: AdapterFolder, _ environment: Environment) throws -> String {
        if let kept = folder.references.first(where: { $0.name == text }) { return kept.path }
        let path = environment.absolute(text)
        if FileManager.default.fileExists(atPath: path) { return path }
        throw AdapterError.unusable(
            reason: "There is no adapter called '\(text)' in \(folder.path), and no file or folder at \(path)."
        )
    }
}
