import Foundation
import Models

/// Blobs that no model has any more.
///
/// What belonged to a model that was removed or has changed is deleted at once. What never belonged to one, or is only a part of a file,
/// is after a day: until then it may be of an interrupted pull that will be gone on with. A pull under way notes the contents it
/// relies on in the file of its model's lock; the kernel drops the lock with the process, and without it the notes are
/// void. Locks of others are only tried here, never waited for.
extension ModelStore {
    /// Deletes what no model has. Call it under the store's lock.
    ///
    /// - Parameters:
    ///   - models: all there are. When a manifest cannot be read, nothing may be swept.
    ///   - former: contents that a model had until now.
    /// - Returns: bytes that were freed.
    func sweep(keeping models: [StoredModel], former: Set<ContentHash>) -> Int {
        let used = Set(models.flatMap { $0.manifest.files.map(\.hash) })
        let abandoned = abandonedSnapshots(models)
        let former = abandoned.reduce(former) { $0.union(blobs(linkedIn: $1)) }
        var freed = 0
        for name in (try? FileManager.default.contentsOfDirectory(atPath: root + "/blobs")) ?? [] {
            if name.hasSuffix(".partial") { freed += deletePartial(key: String(name.dropLast(".partial".count))) }
            guard let hash = Self.hash(ofBlobNamed: name), !used.contains(hash) else { continue }
            if former.contains(hash) || hasLainForADay(hash) { freed += delete(hash) }
        }
        // Last, because they tell an interrupted sweep's successor what to delete.
        for folder in abandoned { try? FileManager.default.removeItem(atPath: folder) }
        return freed
    }

    /// Notes that the pull which holds the lock of `model` relies on that content. Call it under the blob's lock.
    func claim(_ hash: ContentHash, for model: String) {
        // Without the note the worst is that a file is fetched twice: `commit` finds out that it is missing.
        let descriptor = open(lockPath(lockName(ofModel: model)), O_WRONLY | O_APPEND | O_CLOEXEC)
        if descriptor < 0 { return }
        let line = Array((hash.hex + "\n").utf8)
        _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    /// Snapshots of models that were removed: by a sweep that was interrupted or left out, or by hand.
    private func abandonedSnapshots(_ models: [StoredModel]) -> [String] {
        let owned = Set(models.map { StoredPath.component($0.name) })
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root + "/snapshots")) ?? []
        return names.filter { !owned.contains($0) }.map { "\(root)/snapshots/\($0)" }
    }

    private func hasLainForADay(_ hash: ContentHash) -> Bool { hasLainForADay(blobPath(hash)) }

    private func hasLainForADay(_ path: String) -> Bool {
        guard let state = FileState(path: path) else { return false }
        return Date().timeIntervalSince1970 - state.modified > 86_400
    }

    /// Deletes what an abandoned pull has left of a file.
    private func deletePartial(key: String) -> Int {
        let path = "\(root)/blobs/\(key).partial"
        guard hasLainForADay(path), let lock = try? FileLock.attempt(path: lockPath("blob-" + key)) else { return 0 }
        defer { withExtendedLifetime(lock) {} }
        guard let size = AtomicFile.byteCount(of: path), unlink(path) == 0 else { return 0 }
        unlink(path + ".etag")
        return size
    }

    /// Deletes a blob, unless a pull works on it or relies on it.
    private func delete(_ hash: ContentHash) -> Int {
        let path = lockPath("blob-" + ContentCheck.sha256(hash).key)
        guard let lock = try? FileLock.attempt(path: path) else { return 0 }
        var freed = 0
        if !claims().contains(hash), let size = AtomicFile.byteCount(of: blobPath(hash)), unlink(blobPath(hash)) == 0 {
            freed = size
        }
        withExtendedLifetime(lock) {}
        return freed
    }

    /// Contents that pulls under way rely on.
    private func claims() -> Set<ContentHash> {
        let folder = root + "/locks"
        var claims: Set<ContentHash> = []
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix("model-") {
            let path = "\(folder)/\(name)"
            guard FileLock.isHeld(path: path), let data = FileManager.default.contents(atPath: path) else { continue }
            for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
                if let hash = ContentHash(hex: String(line)) { claims.insert(hash) }
            }
        }
        return claims
    }
}
