import Checkpoints
import Foundation
import Models
import Tensors

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

/// What an adapter was read from, and the name of what that held: while both are the same, nobody has to hash it again.
struct AdapterOrigin: Sendable {
    let identity: FileIdentity
    /// Of what was read: a file's state does not tell of all that is written to it through a mapping.
    let checksum: UInt64
    let fingerprint: String
}

extension AdapterBase {
    /// Reads an adapter and fits it to the model, with rests while the process computes; whole weights are packed without.
    ///
    /// - Parameters:
    ///   - earlier: where it came from when it was read before.
    ///   - spare: the memory that its file is copied to.
    /// - Returns: the adapter, and where it came from; nil for a file that was written to within the last seconds.
    /// - Throws: `AdapterError.unusable` with the reason.
    func load(
        _ reference: AdapterReference,
        after earlier: AdapterOrigin? = nil,
        spare: SpareMemory? = nil
    ) throws(AdapterError) -> (adapter: Adapter, origin: AdapterOrigin?) {
        let (path, pace) = (reference.path, WorkPace(coreCount: ProcessInfo.processInfo.activeProcessorCount))
        let copying = FileCopying(byteLimit: largestFile, spare: spare, pace: pace)
        let identity = FileIdentity(of: path)
        let checkpoint: AdapterCheckpoint
        do {
            checkpoint = try AdapterCheckpoint(path: path, copying: copying)
        } catch {
            throw .unusable(reason: error.description)
        }
        let isSame = identity.isSettled && FileIdentity(of: path) == identity
        let checksum = isSame ? checkpoint.checksum(pace: pace) : 0
        let isKnown = isSame && earlier?.identity == identity && earlier?.checksum == checksum
        let known = isKnown ? earlier?.fingerprint : nil
        let fingerprint = known ?? checkpoint.fingerprint(pace: pace)
        // Half of it may be of another state of the file than the rest.
        guard isSame || (try? AdapterCheckpoint(path: path, copying: copying))?.fingerprint(pace: pace) == fingerprint
        else {
            throw .unusable(reason: "\(path) was written while it was read; load it again")
        }
        do {
            let adapter = try adapter(checkpoint, fingerprint: fingerprint, pace: pace)
            let origin = AdapterOrigin(identity: identity, checksum: checksum, fingerprint: fingerprint)
            return (adapter, isSame ? origin : nil)
        } catch {
            throw .unusable(reason: "\(path): \(error)")
        }
    }
}

extension Deployment {
    /// The names of its variants: the model's, a colon, the adapter's.
    package var variantNames: [String] { adapters.names.map { "\(name):\($0)" } }

    /// The name of the adapter that a model name in a request asks for: `model:adapter`, or the adapter's name alone. nil for
    /// any other.
    package func adapterName(forModel requested: String) -> String? {
        if names.contains(requested) { return nil }
        if adapters.contains(requested) { return requested }
        let prefix = names.first {
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
