import Foundation
import JSON

/// A model that is in the store.
package struct StoredModel: Sendable, Equatable {
    package let manifest: ModelManifest
    /// The file to open (a single checkpoint file, or the first part of a split one) or the folder.
    package let path: String

    /// The reference it was pulled by.
    package var name: String { manifest.name }
}

/// Models on this machine's disk: content-addressed, shared by processes, never half there.
///
/// ```
/// blobs/sha256-<hex>             every file once, whatever the number of models that use it
/// blobs/<key>.partial            a file on its way
/// models/<name>.json             manifests; a model is there when its manifest is
/// snapshots/<name>/<file>        links to blobs under the names that formats expect
/// locks/                         files that running processes lock; empty when none runs
/// packs/                         packed weights; see `PackStore`
/// unpacking/<name>/              what a package manager downloads into
/// ```
///
/// Locks are always taken in the order model, blob, store, so two processes cannot wait for each other.
package struct ModelStore: Sendable {
    /// The store's folder.
    package let root: String
    let clock: any Clock<Duration>

    /// - Parameters:
    ///   - root: made on first use.
    ///   - clock: what waiting for another process goes by.
    package init(root: String, clock: any Clock<Duration> = ContinuousClock()) {
        self.root = root
        self.clock = clock
    }

    /// Packed weights of the models here, and of files of the user's own.
    package var packs: PackStore { PackStore(home: root) }

    /// Where the blob with this content lies, or would.
    package func blobPath(_ hash: ContentHash) -> String { "\(root)/blobs/sha256-\(hash.hex)" }

    /// Every model, sorted by name.
    package func models() throws(StoreError) -> [StoredModel] {
        let folder = root + "/models"
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return [] }
        var models: [StoredModel] = []
        for name in names where name.hasSuffix(".json") {
            if let manifest = try readManifest("\(folder)/\(name)") { models.append(stored(manifest)) }
        }
        return models.sorted { $0.name < $1.name }
    }

    /// The model of that name, when every file of it is there; nil otherwise.
    package func model(named name: String) throws(StoreError) -> StoredModel? {
        guard let manifest = try readManifest(manifestPath(name)) else { return nil }
        let isWhole = manifest.files.allSatisfy { AtomicFile.byteCount(of: blobPath($0.hash)) == $0.byteCount }
        if !isWhole { return nil }
        try makeSnapshot(manifest)
        return stored(manifest)
    }

    /// Removes a model, and the blobs that no other model uses.
    ///
    /// - Returns: bytes that were freed.
    @discardableResult
    package func remove(named name: String) async throws(StoreError) -> Int {
        guard FileManager.default.fileExists(atPath: manifestPath(name)) else {
            throw .modelUnknown(name: name, suggestions: NearNames.near(name, among: try models().map(\.name)))
        }
        let lock = try await lock("model-" + StoredPath.component(name)) {}
        let storeLock = try await self.lock("store") {}
        defer {
            withExtendedLifetime(storeLock) {}
            withExtendedLifetime(lock) {}
        }
        // A manifest that cannot be read is removed all the same; its blobs then look unused and stay.
        let removed = try? readManifest(manifestPath(name))
        if unlink(manifestPath(name)) != 0, errno != ENOENT { throw .system("remove", manifestPath(name)) }
        try? FileManager.default.removeItem(atPath: snapshotPath(name))
        let used = Set(try models().flatMap { $0.manifest.files.map(\.hash) })
        var freedBytes = 0
        for file in removed?.files ?? [] where !used.contains(file.hash) {
            if let size = AtomicFile.byteCount(of: blobPath(file.hash)), unlink(blobPath(file.hash)) == 0 {
                freedBytes += size
            }
        }
        return freedBytes + packs.collect(keeping: try models())
    }

    /// Puts a model together from blobs that are there.
    ///
    /// - Returns: nil when a blob has been removed meanwhile; fetch it again.
    func commit(_ manifest: ModelManifest) async throws(StoreError) -> StoredModel? {
        let lock = try await lock("store") {}
        defer { withExtendedLifetime(lock) {} }
        for file in manifest.files where AtomicFile.byteCount(of: blobPath(file.hash)) != file.byteCount { return nil }
        try makeSnapshot(manifest)
        let text = manifest.json.serialized(.pretty()) + "\n"
        try AtomicFile.write(Data(text.utf8), to: manifestPath(manifest.name))
        return stored(manifest)
    }

    /// Takes the lock called `name`, after making the store's folders.
    func lock(_ name: String, onWait: @Sendable () -> Void) async throws(StoreError) -> FileLock {
        for folder in ["blobs", "models", "snapshots", "locks"] { try AtomicFile.makeFolder("\(root)/\(folder)") }
        return try await FileLock.acquire(path: "\(root)/locks/\(name).lock", clock: clock, onWait: onWait)
    }

    /// Checks that `byteCount` more bytes fit, with a little to spare.
    func requireSpace(_ byteCount: Int) throws(StoreError) {
        guard let available = AtomicFile.availableBytes(at: root), available < byteCount + (16 << 20) else { return }
        throw .diskFull(path: root, neededBytes: byteCount, availableBytes: available)
    }

    private func manifestPath(_ name: String) -> String { "\(root)/models/\(StoredPath.component(name)).json" }

    private func snapshotPath(_ name: String) -> String { "\(root)/snapshots/\(StoredPath.component(name))" }

    private func stored(_ manifest: ModelManifest) -> StoredModel {
        let folder = snapshotPath(manifest.name)
        let isFolder = manifest.files.contains { $0.path == "config.json" }
        return StoredModel(manifest: manifest, path: isFolder ? folder : "\(folder)/\(manifest.files[0].path)")
    }

    private func readManifest(_ path: String) throws(StoreError) -> ModelManifest? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else { throw .system("read", path) }
        let json: JSONValue
        do {
            json = try JSONValue(parsing: Array(data))
        } catch {
            throw .damagedManifest(path: path, reason: error.description)
        }
        do {
            return try ModelManifest(json: json)
        } catch {
            throw .damagedManifest(path: path, reason: error.sentence)
        }
    }

    /// Links the blobs under the files' names. Links that are right stay as they are.
    private func makeSnapshot(_ manifest: ModelManifest) throws(StoreError) {
        let folder = snapshotPath(manifest.name)
        for file in manifest.files {
            let link = "\(folder)/\(file.path)"
            let depth = file.path.split(separator: "/").count
            let target = String(repeating: "../", count: depth + 1) + "blobs/sha256-\(file.hash.hex)"
            if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == target { continue }
            try AtomicFile.makeFolder((link as NSString).deletingLastPathComponent)
            let temporary = "\(link).\(getpid()).partial"
            unlink(temporary)
            if symlink(target, temporary) != 0 { throw .system("link", link) }
            if rename(temporary, link) != 0 { throw .system("link", link) }
        }
    }
}
