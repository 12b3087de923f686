import Checkpoints
import Foundation
package import Models
package import Tensors

/// How a deployment's packed weights are kept.
package struct PackSetting: Sendable {
    package var store: PackStore
    /// What the store knows of the model; nil for a path of the user's own.
    package var stored: StoredModel?

    package init(store: PackStore, stored: StoredModel?) {
        self.store = store
        self.stored = stored
    }
}

/// Loads decoders through packs: maps the one there is, else makes it, and never fails because of one.
package struct PackedLoading {
    /// Makes a decoder with weights from there. Called again with another source when a pack turns out not to fit.
    package typealias Making = @Sendable (WeightSource) throws(ModelError) -> sending Decoder

    private let served: ServedCheckpoint
    private let setting: PackSetting
    private let notice: @Sendable (String) -> Void
    private var checkpoint: Checkpoint { served.checkpoint }
    /// How long another process is waited for that writes the same pack.
    private let patience: Duration = .seconds(60)

    /// The decoder that `make` makes of the pack, or of the checkpoint when there can be none.
    ///
    /// - Parameters:
    ///   - setting: nil keeps packed weights in memory only.
    ///   - notice: told what a user may want to know: a pack was damaged, or could not be written.
    ///   - workers: what to check the pack on.
    package static func decoder(
        of served: ServedCheckpoint,
        _ setting: PackSetting?,
        notice: @escaping @Sendable (String) -> Void,
        on workers: WorkerPool,
        _ make: Making
    ) throws(ModelError) -> sending Decoder {
        guard let setting else { return try inMemory(served.checkpoint, make) }
        return try PackedLoading(served: served, setting: setting, notice: notice).load(on: workers, make)
    }

    private func load(on workers: WorkerPool, _ make: Making) throws(ModelError) -> sending Decoder {
        let identity: PackIdentity
        do {
            identity = try served.packIdentity(stored: setting.stored)
        } catch {
            tellMemoryOnly(error.description)
            return try Self.inMemory(checkpoint, make)
        }
        var (opened, problem) = open(identity, on: workers)
        if let opened {
            do throws(ModelError) {
                return try make(.pack(opened))
            } catch .unusablePack(let error) {
                problem = error.description
            }
        }
        opened = nil
        if let problem { tell("\(problem) It is made anew.") }
        do throws(ModelError) {
            return try write(identity, mayExist: problem == nil, on: workers, make)
        } catch .unusablePack(let error) {
            tellMemoryOnly(error.description)
            return try Self.inMemory(checkpoint, make)
        }
    }

    /// The pack, whole and checked; else what is wrong with it, nil when there is simply none.
    private func open(_ identity: PackIdentity, on workers: WorkerPool) -> (PackFile?, complaint: String?) {
        do throws(PackError) {
            return (try setting.store.open(identity, on: workers), nil)
        } catch {
            return (nil, error == .missing ? nil : error.description)
        }
    }

    /// A decoder over a new pack, or over the one that another process has made meanwhile.
    ///
    /// - Parameter mayExist: false when the one that is there has been refused.
    private func write(
        _ identity: PackIdentity,
        mayExist: Bool,
        on workers: WorkerPool,
        _ make: Making
    ) throws(ModelError) -> sending Decoder {
        var hasWaited = false
        let lock = try waitForLock(identity, &hasWaited)
        defer { withExtendedLifetime(lock) {} }
        if mayExist || hasWaited, let pack = open(identity, on: workers).0 { return try make(.pack(pack)) }
        let writer = try Self.usable { () throws(PackError) in
            try requireSpace()
            return try PackWriter(path: setting.store.path(of: identity), identity: identity)
        }
        let model = try make(.writing(writer))
        try Self.usable { () throws(PackError) in try writer.finish() }
        setting.store.collect()
        checkpoint.releasePages()
        return model
    }

    private static func usable<Value>(_ body: () throws(PackError) -> Value) throws(ModelError) -> Value {
        do {
            return try body()
        } catch {
            throw .unusablePack(error)
        }
    }

    private static func inMemory(
        _ checkpoint: Checkpoint,
        _ make: Making
    ) throws(ModelError) -> sending Decoder {
        let model = try make(.checkpoint)
        checkpoint.releasePages()
        return model
    }

    /// The lock for writing. Loading blocks its thread anyway, so this waits on it.
    private func waitForLock(_ identity: PackIdentity, _ hasWaited: inout Bool) throws(ModelError) -> FileLock {
        let end = ContinuousClock.now + patience
        do throws(StoreError) {
            while true {
                if let lock = try setting.store.lock(identity) { return lock }
                hasWaited = true
                if ContinuousClock.now > end { break }
                usleep(20_000)
            }
        } catch {
            throw .unusablePack(.unwritable(reason: error.description))
        }
        throw .unusablePack(.unwritable(reason: "Another process has been writing the same pack for a minute."))
    }

    private func requireSpace() throws(PackError) {
        let needed = checkpoint.tensors.reduce(0) { total, tensor in
            guard tensor.shape.count == 2 else { return total + tensor.elementCount * 4 + 16_384 }
            let part = PackedMatrix.Part(elementType: tensor.elementType, outputs: tensor.shape[0])
            return total + 16_384 + ((try? PackedMatrix.byteCount(of: [part], inputs: tensor.shape[1])) ?? 0)
        }
        let available = AtomicFile.availableBytes(at: setting.store.root) ?? .max
        // A little is left for others.
        if available < needed + (64 << 20) { throw .diskFull(path: setting.store.root, neededBytes: needed) }
    }

    private func tellMemoryOnly(_ reason: String) {
        tell("\(reason) The packed weights are kept in memory only.")
    }

    /// Tells the user something of this checkpoint.
    private func tell(_ sentence: String) {
        let file = checkpoint.tensorPaths.first.map { ($0 as NSString).lastPathComponent + ": " } ?? ""
        notice(file + sentence)
    }
}
