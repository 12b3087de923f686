package import Checkpoints
import Crypto
import Foundation
package import Models
import Tensors

/// Packed weights on this machine's disk, one file for a checkpoint; everything in it can be made again.
///
/// ```
/// <digest>.pack            named by the checkpoint's digest
/// <digest>.pack.partial    one that is being written
/// <digest>.pack.checked    the state of the file when all of it was last read and found whole
/// <digest>.lock            locked by the process that writes
/// ```
package struct PackStore: Sendable, Equatable {
    /// The packs' folder; made on first use.
    package let root: String
    private let home: String

    /// - Parameter home: the model store's folder.
    package init(home: String) {
        self.home = home
        root = home + "/packs"
    }

    /// Whose pack belongs to `checkpoint`.
    ///
    /// A model of the store is told by its files' SHA-256, which were taken when it was pulled. A file of the user's own
    /// is told by size, times of change, inode and samples of its content, because hashing it whole would take longer
    /// than packing it. Whatever writes to a file sets its change time, which programs cannot set back.
    ///
    /// A pack of what was opened under the name of what has taken its place would go on being read as that.
    ///
    /// - Parameter stored: what the store knows of the model; nil for a path of the user's own.
    /// - Throws: `replaced` when other files have been put into the checkpoint's place since it was opened.
    package static func identity(of checkpoint: Checkpoint, stored: StoredModel?) throws(PackError) -> PackIdentity {
        let paths = checkpoint.tensorPaths.map(absolute)
        let result: PackIdentity
        var isOfModel = true
        if let stored {
            result = identity(of: stored.manifest)
            let names = Set(stored.manifest.files.map { ModelStore.blobName($0.hash) })
            isOfModel = paths.allSatisfy { names.contains(lastName(ofTarget: $0)) }
        } else {
            result = try identity(ofFiles: paths)
        }
        guard checkpoint.isInPlace, isOfModel else { throw .replaced(path: paths.first ?? "") }
        return result
    }

    /// The name of the file that a path leads to.
    private static func lastName(ofTarget path: String) -> String {
        guard let target = realpath(path, nil) else { return "" }
        defer { free(target) }
        return (String(cString: target) as NSString).lastPathComponent
    }

    static func identity(of manifest: ModelManifest) -> PackIdentity {
        let lines = manifest.files.map { "\($0.path) \($0.hash.hex)" }.sorted()
        // The number is raised when packs of before may hold something else. 2: up to then a refreshed model could be
        // loaded from links to files that it no longer had.
        let digest = SHA256.hash(data: Data(("store 2\n" + lines.joined(separator: "\n")).utf8))
        return PackIdentity(digest: Array(digest), origins: ["store", manifest.name])
    }

    static func identity(ofFiles paths: [String]) throws(PackError) -> PackIdentity {
        var hasher = SHA256()
        for path in paths {
            let sample = try FileSample(path: path)
            hasher.update(data: sample.bytes)
        }
        return PackIdentity(digest: Array(hasher.finalize()), origins: ["files"] + paths)
    }

    /// Where the pack of that checkpoint lies, or would.
    package func path(of identity: PackIdentity) -> String {
        "\(root)/\(ContentHash.hexadecimal(identity.digest)).pack"
    }

    /// Bytes of the pack of that checkpoint; nil when there is none that can be used.
    package func byteCount(of identity: PackIdentity) -> Int? {
        (try? PackFile(path: path(of: identity), digest: identity.digest))?.byteCount
    }

    /// Opens the pack of that checkpoint. It is read whole and compared with its checksums when that has not been done
    /// since it was last written to; that takes longer than all the rest of a start.
    func open(_ identity: PackIdentity, on workers: WorkerPool) throws(PackError) -> PackFile {
        let path = path(of: identity)
        let pack = try PackFile(path: path, digest: identity.digest)
        let state = Data(pack.state.description.utf8)
        if FileManager.default.contents(atPath: path + ".checked") != state {
            try pack.verify(on: workers)
            // Where nothing can be written it is read again the next time.
            try? AtomicFile.write(state, to: path + ".checked")
        }
        return pack
    }

    /// Removes what `collect(keeping:)` removes, by the models that are in the store.
    func collect() {
        // A manifest that cannot be read may be of a model whose pack is here.
        guard let inventory = try? ModelStore(root: home).inventory(), inventory.faults.isEmpty else { return }
        collect(keeping: inventory.models)
    }

    /// Removes packs whose checkpoint is gone or has changed, and what killed writers left.
    ///
    /// - Parameter models: those that are in the store.
    /// - Returns: bytes that were freed.
    @discardableResult
    package func collect(keeping models: [StoredModel]) -> Int {
        let digests = Set(models.map { Self.identity(of: $0.manifest).digest })
        var freed = 0
        for name in (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [] {
            let path = "\(root)/\(name)"
            let isUseless =
                name.hasSuffix(".pack") && !isNeeded(path, digests)
                || name.hasSuffix(".pack.partial") && !isBeingWritten(path)
                || name.contains(".pack.checked") && !describesPack(path)
            if !isUseless { continue }
            let size = AtomicFile.byteCount(of: path) ?? 0
            if unlink(path) == 0 { freed += size }
            unlink(path + ".checked")
        }
        return freed
    }

    /// Takes the lock for writing the pack of that checkpoint, when it is free.
    func lock(_ identity: PackIdentity) throws(StoreError) -> FileLock? {
        try AtomicFile.makeFolder(root)
        return try FileLock.attempt(path: lockPath(path(of: identity)))
    }

    private func lockPath(_ pack: String) -> String { String(pack.dropLast(".pack".count)) + ".lock" }

    private func isBeingWritten(_ partial: String) -> Bool {
        guard let lock = try? FileLock.attempt(path: lockPath(String(partial.dropLast(".partial".count)))) else {
            return true
        }
        withExtendedLifetime(lock) {}
        return false
    }

    private func describesPack(_ path: String) -> Bool {
        path.hasSuffix(".checked") && AtomicFile.byteCount(of: String(path.dropLast(".checked".count))) != nil
    }

    private func isNeeded(_ path: String, _ digests: Set<[UInt8]>) -> Bool {
        // One that cannot be read would only be made anew.
        guard let identity = try? PackFile(path: path).identity else { return false }
        return isNeeded(identity, digests)
    }

    private func isNeeded(_ identity: PackIdentity, _ digests: Set<[UInt8]>) -> Bool {
        self.digests(of: identity.origins[...], digests).contains(identity.digest)
    }

    /// What a pack of these origins may be called as things are; nothing where they are gone.
    private func digests(of origins: ArraySlice<String>, _ stored: Set<[UInt8]>) -> [[UInt8]] {
        var rest = origins
        if let reduction = WeightReduction(&rest) { return digests(of: rest, stored).map(reduction.digest) }
        switch origins.first {
        case "store": return Array(stored)
        case "files":
            // A disk that is not mounted looks as if its files were gone; the pack is then made again.
            return [(try? Self.identity(ofFiles: Array(origins.dropFirst())))?.digest].compactMap { $0 }
        case "merged":
            guard let merged = MergedOrigins(Array(origins)), merged.hasFiles else { return [] }
            return digests(of: merged.base[...], stored).map { MergedCheckpoint.digest(base: $0, merged.fingerprint) }
        default: return []
        }
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

/// What tells one state of a file from another without reading it whole.
private struct FileSample {
    private(set) var bytes: [UInt8] = []

    /// The file's state; the first 64 KiB, and 64 pages from everywhere.
    init(path: String) throws(PackError) {
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw .system(operation: "read", path: path, reason: reason)
        }
        defer { close(descriptor) }
        let size = Int(status.st_size)
        bytes.append(contentsOf: FileState(status).description.utf8)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        for sample in 0...64 {
            let count = sample == 0 ? buffer.count : 4096
            let offset = sample == 0 ? 0 : max(0, size - 4096) / 64 * sample
            let got = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, off_t(offset)) }
            if got < 0 { throw .system(operation: "read", path: path, reason: String(cString: strerror(errno))) }
            bytes.append(contentsOf: buffer.prefix(got))
        }
    }
}
