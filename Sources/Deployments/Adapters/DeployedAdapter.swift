import Checkpoints
import Crypto
import Foundation
package import Models

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

/// A low-rank adapter of a deployment's model, in memory.
package struct DeployedAdapter: Sendable {
    /// What requests call it, behind the model's name and a colon, or alone.
    package let name: String
    /// PEFT folder or GGUF file.
    package let path: String
    package let adapter: Adapter

    /// Reads an adapter and fits it to `base`.
    static func load(_ reference: AdapterReference, for base: AdapterBase) throws(DeploymentError) -> DeployedAdapter {
        let checkpoint: AdapterCheckpoint
        do {
            checkpoint = try AdapterCheckpoint(path: reference.path)
        } catch {
            throw .modelUnavailable(message: error.description)
        }
        do {
            let fingerprint = fingerprint(of: checkpoint)
            let adapter = try base.adapter(checkpoint, fingerprint: fingerprint)
            return DeployedAdapter(name: reference.name, path: reference.path, adapter: adapter)
        } catch {
            throw .modelUnavailable(message: "\(reference.path): \(error)")
        }
    }

    /// A SHA-256 over what is computed: names, scales and factors.
    private static func fingerprint(of checkpoint: AdapterCheckpoint) -> String {
        var hash = SHA256()
        hash.update(data: Data(checkpoint.format.rawValue.utf8))
        for factors in checkpoint.factors {
            hash.update(data: Data("\(factors.name) \(factors.rank) \(factors.scale.bitPattern)\n".utf8))
            for values in [factors.a, factors.b] { values.withUnsafeBytes { hash.update(bufferPointer: $0) } }
        }
        return ContentHash(hash.finalize()).hex
    }
}

extension Deployment {
    /// The names of its variants: the model's, a colon, the adapter's.
    package var variantNames: [String] { adapters.map { "\(name):\($0.name)" } }

    /// The adapter that a model name in a request asks for: `model:adapter`, or the adapter's name alone. nil for any other.
    package func adapter(forModel requested: String) -> DeployedAdapter? {
        if ([name] + aliases).contains(requested) { return nil }
        return adapters.first { adapter in
            requested == adapter.name || ([name] + aliases).contains { requested == "\($0):\(adapter.name)" }
        }
    }

    /// Reads the adapters of a configuration, whose names must differ.
    static func loadAdapters(
        _ references: [AdapterReference],
        of checkpoint: Checkpoint
    ) throws(DeploymentError) -> [DeployedAdapter] {
        if references.isEmpty { return [] }
        let base: AdapterBase
        do {
            base = try AdapterBase(checkpoint)
        } catch {
            throw .modelUnavailable(message: error.description)
        }
        var adapters: [DeployedAdapter] = []
        for reference in references {
            if adapters.contains(where: { $0.name == reference.name }) {
                throw .modelUnavailable(message: "Two adapters are called '\(reference.name)'; give one another name.")
            }
            adapters.append(try DeployedAdapter.load(reference, for: base))
        }
        return adapters
    }
}
