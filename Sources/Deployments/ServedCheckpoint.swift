package import Checkpoints
import Crypto
import Foundation
package import Models
package import Tensors

/// A checkpoint as it is run: its files' weights, with an adapter folded into them and in fewer bits where that is asked for.
package struct ServedCheckpoint {
    /// What decoders are made of.
    package let checkpoint: Checkpoint
    /// That of the files.
    let base: Checkpoint
    private let merged: MergedCheckpoint?
    private let reduction: WeightReduction?

    /// Folds and reduces what `configuration` says. The weights are computed when they are read, on `workers`.
    ///
    /// - Parameter base: opened at the configuration's path.
    package init(
        _ base: Checkpoint,
        _ configuration: DeploymentConfiguration,
        on workers: WorkerPool
    ) throws(DeploymentError) {
        self.base = base
        merged = try Self.merge(configuration, into: base, on: workers)
        let whole = merged?.checkpoint ?? base
        guard let type = configuration.weightType else {
            (checkpoint, reduction) = (whole, nil)
            return
        }
        checkpoint = whole.reduced(to: type, on: workers)
        reduction = base.hasFloatMatrices ? WeightReduction(type: type) : nil
        if reduction == nil {
            configuration.notice(
                "\(configuration.name) has no weights in floats: they stay as they are, not \(type.name)."
            )
        }
    }

    /// The identity of its packed weights.
    ///
    /// - Parameter stored: what the store knows of the model; nil for a path of the user's own.
    package func packIdentity(stored: StoredModel?) throws(PackError) -> PackIdentity {
        var identity = try PackStore.identity(of: base, stored: stored)
        if let merged { identity = try merged.packIdentity(base: identity) }
        return reduction?.packIdentity(base: identity) ?? identity
    }

    /// What cached prefixes depend on, beside the files.
    var cacheFacts: [String] {
        (merged.map { ["merged=\($0.fingerprint)"] } ?? []) + (reduction.map { ["types=\($0.fingerprint)"] } ?? [])
    }

    /// The checkpoint with the adapter that the configuration folds into it; nil for none.
    private static func merge(
        _ configuration: DeploymentConfiguration,
        into base: Checkpoint,
        on workers: WorkerPool
    ) throws(DeploymentError) -> MergedCheckpoint? {
        guard let reference = configuration.mergedAdapter else { return nil }
        do {
            return try MergedCheckpoint(
                reference,
                into: base,
                isPrecise: configuration.mergesPrecisely,
                floatsAs: configuration.weightType,
                on: workers
            )
        } catch {
            throw .modelUnavailable(message: error.description)
        }
    }
}

/// Weights that are kept in fewer bits than their files have: what a pack says of it.
struct WeightReduction {
    /// Names the way in which it is done.
    let fingerprint: String

    /// Raise it when the same files give other weights.
    private static let version = 1

    init(type: ElementType) { fingerprint = "\(type.name) \(Self.version)" }

    /// Of the origins of a pack; nil for those of other packs. The rest are those of what was reduced.
    init?(_ origins: inout ArraySlice<String>) {
        guard origins.count > 2, origins.first == Self.mark else { return nil }
        fingerprint = origins[origins.startIndex + 1]
        origins = origins.dropFirst(2)
    }

    private static let mark = "reduced"

    /// The identity of its packed weights, which is nobody else's, by that of what was reduced.
    func packIdentity(base: PackIdentity) -> PackIdentity {
        PackIdentity(digest: digest(base: base.digest), origins: [Self.mark, fingerprint] + base.origins)
    }

    /// The digest of the pack, by that of what was reduced.
    func digest(base: [UInt8]) -> [UInt8] {
        PackIdentity.digest(of: base, changedBy: "\(Self.mark) \(fingerprint)")
    }
}

extension PackIdentity {
    /// The digest of what a change makes of the weights of another pack, by that one's and by what the change is called.
    static func digest(of base: [UInt8], changedBy change: String) -> [UInt8] {
        Array(SHA256.hash(data: Data(base) + Data(change.utf8)))
    }
}
