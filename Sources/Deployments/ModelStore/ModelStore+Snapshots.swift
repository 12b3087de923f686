import Foundation

/// Snapshots: folders of links to blobs, under the names that formats expect.
///
/// A loader takes what it finds in the folder, so a link too many is as wrong as one that is missing: an index of
/// shards would be read instead of the one file that has replaced them.
extension ModelStore {
    func snapshotPath(_ name: String) -> String { "\(root)/snapshots/\(StoredPath.component(name))" }

    /// Whether the snapshot has every link that the manifest names, and no other.
    func isSnapshotRight(_ manifest: ModelManifest) -> Bool {
        let folder = snapshotPath(manifest.name)
        let named = Set(manifest.files.map(\.path))
        return manifest.files.allSatisfy { Self.isLinked($0, in: folder) }
            && SnapshotContents(of: folder).links.allSatisfy { named.contains($0) }
    }

    /// Makes the snapshot what the manifest names. Call it under the store's lock.
    ///
    /// Links that are right stay as they are; files that are no links are somebody else's and stay, too. An
    /// interruption leaves a snapshot that `isSnapshotRight` refuses, so whoever opens the model next completes it.
    func makeSnapshot(_ manifest: ModelManifest) throws(StoreError) {
        let folder = snapshotPath(manifest.name)
        let named = Set(manifest.files.map(\.path))
        let contents = SnapshotContents(of: folder)
        // What is old goes first: what was a file may be a folder now, or the other way round.
        for link in contents.links where !named.contains(link) {
            if unlink("\(folder)/\(link)") != 0, errno != ENOENT { throw .system("remove", "\(folder)/\(link)") }
        }
        // Refused, as it should be, for a folder with something in it.
        for name in contents.folders { rmdir("\(folder)/\(name)") }
        for file in manifest.files where !Self.isLinked(file, in: folder) {
            let link = "\(folder)/\(file.path)"
            try AtomicFile.makeFolder((link as NSString).deletingLastPathComponent)
            let temporary = "\(link).\(getpid()).partial"
            unlink(temporary)
            if symlink(Self.target(of: file), temporary) != 0 { throw .system("link", link) }
            if rename(temporary, link) != 0 { throw .system("link", link) }
        }
    }

    /// The blobs that the links in `folder`, a snapshot, lead to.
    func blobs(linkedIn folder: String) -> Set<ContentHash> {
        var hashes: Set<ContentHash> = []
        for link in SnapshotContents(of: folder).links {
            let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(link)")) ?? ""
            if let hash = Self.hash(ofBlobNamed: (target as NSString).lastPathComponent) { hashes.insert(hash) }
        }
        return hashes
    }

    /// The content of `sha256-<hex>`; nil for other names, among them those of files on their way.
    static func hash(ofBlobNamed name: String) -> ContentHash? {
        name.hasPrefix("sha256-") ? ContentHash(hex: String(name.dropFirst("sha256-".count))) : nil
    }

    private static func isLinked(_ file: ModelManifest.File, in folder: String) -> Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(file.path)")) == target(of: file)
    }

    private static func target(of file: ModelManifest.File) -> String {
        let depth = file.path.split(separator: "/").count
        return String(repeating: "../", count: depth + 1) + "blobs/\(blobName(file.hash))"
    }
}

/// What lies in a snapshot, as paths in it.
private struct SnapshotContents {
    private(set) var links: [String] = []
    /// Each after those in it, so that they can be removed in this order.
    private(set) var folders: [String] = []

    /// Empty where there is no such folder.
    init(of folder: String) { visit(folder, prefix: "") }

    private mutating func visit(_ folder: String, prefix: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            var status = stat()
            // Links are not followed: a folder elsewhere is none of ours.
            guard lstat("\(folder)/\(name)", &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFLNK { links.append(prefix + name) }
            if status.st_mode & S_IFMT == S_IFDIR {
                visit("\(folder)/\(name)", prefix: prefix + name + "/")
                folders.append(prefix + name)
            }
        }
    }
}
