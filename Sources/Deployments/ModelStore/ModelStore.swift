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

/// What is in a store.
package struct StoreInventory: Sendable, Equatable {
    /// Sorted by name.
    package var models: [StoredModel] = []
    /// Why other manifests cannot be read, sorted by path. Nothing is known of their models.
    package var faults: [StoreError] = []
}

/// What removing a model did.
package struct ModelRemoval: Sendable, Equatable {
    /// Bytes that were freed.
    package var freedBytes: Int
    /// Why manifests of other models cannot be read. When there are any no file was deleted, because they may name it;
    /// the next removal or pull after they are gone does it.
    package var faults: [StoreError]
}

/// Models on this machine's disk: content-addressed, shared by processes, never half there.
///
/// ```
/// blobs/sha256-<hex>             every file once, whatever the number of models that use it
/// blobs/<key>.partial            a file on its way
/// models/<name>.json             manifests; a model is there when its manifest is
/// snapshots/<name>/<file>        links to blobs under the names that formats expect
/// locks/                         files that running processes lock; gone when none runs
/// packs/                         packed weights; see `PackStore`
/// unpacking/<name>/              what a package manager downloads into
/// ```
///
/// Locks are always taken in the order model, blob, store, so two processes cannot wait for each other. Whoever holds
/// the store's does not suspend.
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
    package func blobPath(_ hash: ContentHash) -> String { "\(root)/blobs/\(Self.blobName(hash))" }

    static func blobName(_ hash: ContentHash) -> String { "sha256-\(hash.hex)" }

    /// Every model whose manifest can be read, sorted by name.
    package func models() throws(StoreError) -> [StoredModel] { try inventory().models }

    /// Every model, and what is wrong with those that cannot be read.
    ///
    /// - Parameter name: a model to leave out, whether or not it can be read.
    package func inventory(without name: String? = nil) throws(StoreError) -> StoreInventory {
        let folder = root + "/models"
        var status = stat()
        if lstat(folder, &status) != 0, errno == ENOENT || errno == ENOTDIR { return StoreInventory() }
        guard let files = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw .fileSystem(operation: "list", path: folder, reason: "it cannot be opened")
        }
        let excluded = name.map(manifestPath)
        var inventory = StoreInventory()
        for file in files.sorted() where file.hasSuffix(".json") {
            let path = "\(folder)/\(file)"
            if path == excluded { continue }
            do {
                if let manifest = try readManifest(path) { inventory.models.append(stored(manifest)) }
            } catch {
                inventory.faults.append(error)
            }
        }
        inventory.models.sort { $0.name < $1.name }
        return inventory
    }

    /// The model of that name, when every file of it is there; nil otherwise.
    package func model(named name: String) throws(StoreError) -> StoredModel? {
        guard let manifest = try wholeManifest(name) else { return nil }
        if isSnapshotRight(manifest) { return stored(manifest) }
        let lock = try lockBlocking()
        defer { withExtendedLifetime(lock) {} }
        // Another process may just have changed manifest and links.
        guard let current = try wholeManifest(name) else { return nil }
        try makeSnapshot(current)
        return stored(current)
    }

    /// Removes a model, and the blobs that no other model uses.
    @discardableResult
    package func remove(named name: String) async throws(StoreError) -> ModelRemoval {
        guard FileManager.default.fileExists(atPath: manifestPath(name)) else {
            throw .modelUnknown(name: name, suggestions: NearNames.near(name, among: try models().map(\.name)))
        }
        let lock = try await lock(lockName(ofModel: name)) {}
        let storeLock = try await self.lock("store") {}
        defer {
            withExtendedLifetime(storeLock) {}
            withExtendedLifetime(lock) {}
        }
        // Before anything goes: when it cannot be known what others use, all stays.
        let others = try inventory(without: name)
        let former = contents(of: name)
        if unlink(manifestPath(name)) != 0, errno != ENOENT { throw .system("remove", manifestPath(name)) }
        // The snapshot stays then, and tells the sweep that comes later what to delete.
        if !others.faults.isEmpty { return ModelRemoval(freedBytes: 0, faults: others.faults) }
        let freedBytes = sweep(keeping: others.models, former: former)
        return ModelRemoval(freedBytes: freedBytes + packs.collect(keeping: others.models), faults: [])
    }

    /// Puts a model together from blobs that are there, and deletes those that it had before and nobody else has.
    ///
    /// - Returns: nil when a blob has been removed meanwhile; fetch it again.
    func commit(_ manifest: ModelManifest) async throws(StoreError) -> StoredModel? {
        let lock = try await lock("store") {}
        defer { withExtendedLifetime(lock) {} }
        for file in manifest.files where AtomicFile.byteCount(of: blobPath(file.hash)) != file.byteCount { return nil }
        let former = contents(of: manifest.name)
        try makeSnapshot(manifest)
        let text = manifest.json.serialized(.pretty()) + "\n"
        try AtomicFile.write(Data(text.utf8), to: manifestPath(manifest.name))
        // The model is there; what cannot be swept now is no reason to say otherwise.
        if let inventory = try? self.inventory(), inventory.faults.isEmpty {
            _ = sweep(keeping: inventory.models, former: former)
        }
        return stored(manifest)
    }

    /// Takes the lock called `name`, after making the store's folders.
    func lock(_ name: String, onWait: @Sendable () -> Void) async throws(StoreError) -> FileLock {
        try makeFolders()
        return try await FileLock.acquire(path: lockPath(name), clock: clock, onWait: onWait)
    }

    /// The lock that a pull or a removal of that model holds from its start to its end.
    func lockName(ofModel name: String) -> String { "model-" + StoredPath.component(name) }

    func lockPath(_ name: String) -> String { "\(root)/locks/\(name).lock" }

    /// Checks that `byteCount` more bytes fit, with a little to spare.
    func requireSpace(_ byteCount: Int) throws(StoreError) {
        guard let available = AtomicFile.availableBytes(at: root), available - (16 << 20) < byteCount else { return }
        throw .diskFull(path: root, neededBytes: byteCount, availableBytes: available)
    }

    private func manifestPath(_ name: String) -> String { "\(root)/models/\(StoredPath.component(name)).json" }

    private func makeFolders() throws(StoreError) {
        for folder in ["blobs", "models", "snapshots", "locks"] { try AtomicFile.makeFolder("\(root)/\(folder)") }
    }

    /// The store's lock, waited for on this thread: whoever holds it is done within moments.
    private func lockBlocking() throws(StoreError) -> FileLock {
        try makeFolders()
        let end = ContinuousClock.now + .seconds(60)
        while true {
            if let lock = try FileLock.attempt(path: lockPath("store")) { return lock }
            if ContinuousClock.now > end {
                throw .fileSystem(operation: "lock", path: root, reason: "another process has held it for a minute")
            }
            usleep(20_000)
        }
    }

    /// What the model has now: by its manifest, and by its links, which outlive a damaged one.
    private func contents(of name: String) -> Set<ContentHash> {
        let manifest = try? readManifest(manifestPath(name))
        return blobs(linkedIn: snapshotPath(name)).union((manifest?.files ?? []).map(\.hash))
    }

    /// The manifest of the model when all its blobs are there.
    private func wholeManifest(_ name: String) throws(StoreError) -> ModelManifest? {
        guard let manifest = try readManifest(manifestPath(name)) else { return nil }
        let isWhole = manifest.files.allSatisfy { AtomicFile.byteCount(of: blobPath($0.hash)) == $0.byteCount }
        return isWhole ? manifest : nil
    }

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
}
