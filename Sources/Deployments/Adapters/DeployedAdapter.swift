import Checkpoints
import Models

/// An adapter as a configuration names it.
package struct AdapterReference: Sendable, Equatable {
    /// What requests call it, behind the model's name and a colon, or alone.
    package var name: String
    /// PEFT folder or GGUF file.
    package var path: String

    package init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}

extension AdapterBase {
    /// Reads an adapter and fits it to the model.
    func load(_ reference: AdapterReference) throws(AdapterError) -> Adapter {
        let identity = FileIdentity(of: reference.path)
        let checkpoint: AdapterCheckpoint
        do {
            checkpoint = try AdapterCheckpoint(path: reference.path, byteLimit: largestFile)
        } catch {
            throw .unusable(reason: error.description)
        }
        let fingerprint = checkpoint.fingerprint
        let adapter: Adapter
        do {
            adapter = try self.adapter(checkpoint, fingerprint: fingerprint)
        } catch {
            throw .unusable(reason: "\(reference.path): \(error)")
        }
        // Half of it may be of another state of the file than the rest.
        let isSame = identity.isSettled && FileIdentity(of: reference.path) == identity
        guard isSame || (try? AdapterCheckpoint(path: reference.path).fingerprint) == fingerprint else {
            throw .unusable(reason: "\(reference.path) was written while it was read; load it again")
        }
        return adapter
    }
}

extension Deployment {
    /// The names of its variants: the model's, a colon, the adapter's.
    package var variantNames: [String] { adapters.names.map { "\(name):\($0)" } }

    /// The name of the adapter that a model name in a request asks for: `model:adapter`, or the adapter's name alone. nil for
    /// any other.
    package func adapterName(forModel requested: String) -> String? {
        let own = [name] + aliases
        if own.contains(requested) { return nil }
        if adapters.contains(requested) { return requested }
        let prefix = own.first {
            requested.hasPrefix($0 + ":") && adapters.contains(String(requested.dropFirst($0.count + 1)))
        }
        return prefix.map { String(requested.dropFirst($0.count + 1)) }
    }

    /// Reads the adapters of a configuration, whose names must differ.
    static func loadAdapters(
        _ configuration: DeploymentConfiguration,
        of checkpoint: Checkpoint
    ) throws(DeploymentError) -> AdapterRegistry {
        // A model whose weights have no known names still runs; it only takes no adapters.
        var base = try? AdapterBase(checkpoint)
        base?.precision = configuration.adapterPrecision
        let registry = AdapterRegistry(
            model: configuration.name,
            base: base,
            byteBudget: configuration.adapterBytes,
            weights: configuration.adapterWeights
        )
        for reference in configuration.adapters {
            do {
                try registry.addNow(reference)
            } catch {
                throw .modelUnavailable(message: error.description)
            }
        }
        return registry
    }
}
