import Foundation

/// The whole folder of a disk cache: every form in it, its key, and what people pinned. For sweeps and the command line.
///
/// Everything here may wait for the disk, and may meet other processes at work.
package struct CacheFolders: Sendable {
    package let root: String

    /// A folder that need not exist yet.
    package init(root: String) { self.root = root }

    /// The forms that have a folder.
    package func forms() throws(DiskCacheError) -> [CacheForm.Digest] {
        try names(in: root).compactMap { CacheForm.Digest(name: $0) }
    }

    /// The lines that tell what a form is: the model's name, then its facts.
    package func about(_ form: CacheForm.Digest) -> [String] {
        guard let text = try? String(contentsOfFile: root + "/" + form.name + "/about", encoding: .utf8) else {
            return []
        }
        return text.split(separator: "\n").map(String.init)
    }

    /// Every block that is there, of all forms.
    func blocks() throws(DiskCacheError) -> [FoundBlock] {
        var found: [FoundBlock] = []
        for form in try forms() { found += try blocks(of: form) }
        return found
    }

    /// Every block of one form.
    func blocks(of form: CacheForm.Digest) throws(DiskCacheError) -> [FoundBlock] {
        var found: [FoundBlock] = []
        for shard in BlockFolder.shards {
            let folder = root + "/" + form.name + "/" + shard
            for name in try names(in: folder) {
                guard let hash = BlockHash(name: name) else { continue }
                var status = stat()
                guard lstat(folder + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
                // No block of ours; sums of such sizes may be beyond every integer.
                if status.st_size > 1 << 40 { continue }
                let block = StoredBlock(form: form, hash: hash)
                let lastUse = DiskInstant(modificationOf: status)
                found.append(FoundBlock(block: block, bytes: Int(status.st_size), lastUse: lastUse))
            }
        }
        return found
    }

    /// Removes a block unless somebody has used it after `instant`; whether it is gone.
    func remove(_ block: StoredBlock, unlessUsedAfter instant: DiskInstant? = nil) -> Bool {
        let path = file(of: block)
        if let instant {
            var status = stat()
            guard lstat(path, &status) == 0 else { return true }
            if DiskInstant(modificationOf: status) > instant { return false }
        }
        return unlink(path) == 0 || errno == ENOENT
    }

    /// Notes on disk when a block was used last.
    func setLastUse(of block: StoredBlock, to instant: DiskInstant) {
        BlockFolder.setTimes(of: file(of: block), to: instant)
    }

    /// Removes unfinished files that nobody can be writing any more: those untouched for ten minutes.
    func removeUnfinished(at now: DiskInstant) {
        let top = (try? names(in: root)) ?? []
        var paths = top.filter(Self.isUnfinishedKey).map { root + "/" + $0 }
        for form in top.compactMap({ CacheForm.Digest(name: $0) }) {
            let folder = root + "/" + form.name + "/unfinished"
            paths += ((try? names(in: folder)) ?? []).map { folder + "/" + $0 }
        }
        for path in paths {
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            let lastWrite = DiskInstant(modificationOf: status)
            // Where the clock was set back, the ten minutes begin now.
            if lastWrite > now { BlockFolder.setTimes(of: path, to: now) }
            if lastWrite.advanced(by: .seconds(600)) < now { unlink(path) }
        }
    }

    private func file(of block: StoredBlock) -> String {
        root + "/" + block.form.name + "/" + BlockFolder.place(of: block.hash)
    }

    private static let keyName = "key"

    /// Whether a file of this name is on the way to becoming the key, as `key(orElse:)` names it. Others, such as
    /// `key.bak`, are somebody's.
    private static func isUnfinishedKey(_ name: String) -> Bool {
        guard name.hasPrefix(keyName + ".") else { return false }
        let numbers = name.dropFirst(keyName.count + 1).split(separator: "-", omittingEmptySubsequences: false)
        return numbers.count == 2
            && numbers.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { byte in (48...57).contains(byte) } }
    }

    /// The 32 secret bytes that names of blocks depend on, made on first use.
    func key() throws(DiskCacheError) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return try key(orElse: (0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &generator) })
    }

    /// The key that is there; where there is none, `fresh` is it from here on.
    ///
    /// Whoever makes it first wins: the file appears whole by being linked into place.
    func key(orElse fresh: [UInt8]) throws(DiskCacheError) -> [UInt8] {
        try BlockFolder.makeFolder(root)
        let path = root + "/" + Self.keyName
        if let key = try readKey(path) { return key }
        let temporary = path + ".\(getpid())-\(UInt64.random(in: 0 ... .max))"
        var code = Transfer.create(temporary, fresh)
        defer { unlink(temporary) }
        if code == 0 {
            if link(temporary, path) == 0 { return fresh }
            code = errno
            // No links on this file system: whoever makes the file first still wins, and a torn one is refused by its length.
            if [EPERM, EOPNOTSUPP, ENOSYS].contains(code) { code = Transfer.create(path, fresh) }
            if code == 0 { return fresh }
        }
        if let key = try readKey(path) { return key }
        throw .keyUnusable(path: path, reason: String(cString: strerror(code)))
    }

    private func readKey(_ path: String) throws(DiskCacheError) -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .keyUnusable(path: path, reason: "it cannot be read")
        }
        if data.count != 32 { throw .keyUnusable(path: path, reason: "it has \(data.count) bytes, not 32") }
        return [UInt8](data)
    }

    /// Names in a folder, in no order; none when there is no such folder.
    ///
    /// Any other trouble is an error: if the folder was taken for an empty one, what is pinned there would be removed.
    ///
    /// - Parameter mayBeForeign: whether a folder of somebody else's counts as empty, from which nothing can be removed either.
    func names(in folder: String, mayBeForeign: Bool = true) throws(DiskCacheError) -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            let code = descriptor < 0 ? errno : EAGAIN
            close(descriptor)
            if mayBeForeign, code == EACCES || code == EPERM { return [] }
            if let error = Self.trouble(code, with: folder) { throw error }
            return []
        }
        return names
    }

    /// What an `errno` of a folder means; nil when there is no such folder.
    static func trouble(_ code: Int32, with folder: String) -> DiskCacheError? {
        if code == ENOENT || code == ENOTDIR { return nil }
        return .folderUnusable(path: folder, reason: String(cString: strerror(code)))
    }
}

extension DiskInstant {
    /// When the file was modified last.
    init(modificationOf status: stat) {
        #if canImport(Darwin)
            self.init(status.st_mtimespec)
        #else
            self.init(status.st_mtim)
        #endif
    }
}
