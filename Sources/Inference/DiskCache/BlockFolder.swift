import Foundation

/// The files of the disk cache: `<root>/<form>/<first digit>/<hash>`, one block each.
///
/// Safe beside other processes on the same root: a block appears whole by being renamed into place, any file may
/// vanish at any time, and nothing but a complete and unchanged file is ever taken for a block. There is no lock and no
/// list of what is there, so there is nothing a killed process could leave in disorder but an unfinished file, which
/// the next sweep removes. Nothing is forced to the disk: what a power failure damages fails its checksum.
///
/// Everything here may wait for the disk.
struct BlockFolder: Sendable {
    let root: String
    let form: CacheForm
    /// How bytes get into an open file: 0, or the `errno` that kept them out. Tests put a disk that is full here.
    var transfer: @Sendable (Int32, [UnsafeRawBufferPointer]) -> Int32 = { Transfer.write($0, $1) }

    private static let unfinishedName = "unfinished"

    /// Where the blocks of the form are.
    var path: String { root + "/" + form.digest.name }

    /// What became of a read.
    enum ReadOutcome: Equatable {
        case whole(bytes: Int)
        /// There is no file, or the system could not read it: that says nothing about what the file holds.
        case absent
        /// There is a file, but it is not this block.
        case damaged
    }

    init(root: String, form: CacheForm) {
        self.root = root
        self.form = form
    }

    /// Makes the folders and the note that tells what the form is.
    func prepare() throws(DiskCacheError) {
        try Self.makeFolder(root)
        try Self.makeFolder(path)
        try Self.makeFolder(path + "/" + Self.unfinishedName)
        for shard in Self.shards { try Self.makeFolder(path + "/" + shard) }
        let about = ([form.modelName] + form.facts).joined(separator: "\n") + "\n"
        _ = writeWhole([Array(about.utf8)], to: path + "/about")
    }

    /// Whether all the folders are there.
    var isPrepared: Bool {
        ([Self.unfinishedName] + Self.shards).allSatisfy { access(path + "/" + $0, W_OK | X_OK) == 0 }
    }

    /// Writes a block; nil when it is there then, else why not.
    func write(_ content: BlockContent, from runs: [UnsafeMutableRawBufferPointer]) -> WriteFailure? {
        let payload = runs.map { UnsafeRawBufferPointer($0) }
        let head = BlockFile.head(
            content,
            form: form.digest,
            payloadBytes: payload.reduce(0) { $0 + $1.count },
            checksum: ContentChecksum.of(runs: payload)
        )
        return head.withUnsafeBytes { writeWhole([$0] + payload, to: file(of: content.hash)) }
    }

    /// Opens a block's file and asks the system to fetch it; -1 when there is none.
    func open(_ hash: BlockHash) -> Int32 {
        let descriptor = Foundation.open(file(of: hash), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        #if os(Linux)
            if descriptor >= 0 { _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_WILLNEED) }
        #endif
        return descriptor
    }

    /// Reads the block that `descriptor` is open on, and closes it. Unless the outcome is `whole`, the runs hold nothing
    /// of meaning.
    func read(
        _ descriptor: Int32,
        _ content: BlockContent,
        into runs: [UnsafeMutableRawBufferPointer]
    ) -> ReadOutcome {
        if descriptor < 0 { return .absent }
        defer { close(descriptor) }
        let payloadBytes = runs.reduce(0) { $0 + $1.count }
        let expected = BlockFile.byteCount(tokenCount: content.tokens.count, payloadBytes: payloadBytes)
        var status = stat()
        if fstat(descriptor, &status) != 0 { return .absent }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size == expected else { return .damaged }
        var head = [UInt8](repeating: 0, count: expected - payloadBytes)
        let isRead = head.withUnsafeMutableBytes { Transfer.read(descriptor, [$0] + runs) }
        if !isRead { return .absent }
        guard
            let checksum = BlockFile.payloadChecksum(
                in: head,
                for: content,
                form: form.digest,
                payloadBytes: payloadBytes
            ), ContentChecksum.of(runs: runs.map { UnsafeRawBufferPointer($0) }) == checksum
        else { return .damaged }
        return .whole(bytes: expected)
    }

    /// Notes on disk that the block has been used at `instant`.
    func touch(_ hash: BlockHash, at instant: DiskInstant) { Self.setTimes(of: file(of: hash), to: instant) }

    /// Dates a file.
    static func setTimes(of path: String, to instant: DiskInstant) {
        let time = instant.timeSpecification
        let times = [time, time]
        _ = utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW)
    }

    /// Removes a block of this form.
    func remove(_ hash: BlockHash) { unlink(file(of: hash)) }

    /// Where a block is, whether or not there is one.
    func file(of hash: BlockHash) -> String {
        path + "/" + Self.place(of: hash)
    }

    /// Folders that share out the blocks of a form.
    static let shards = (0..<16).map { String($0, radix: 16) }

    /// Where a block is below its form's folder.
    static func place(of hash: BlockHash) -> String { String(hash.first >> 60, radix: 16) + "/" + hash.name }

    /// Writes a file that appears whole or not at all.
    private func writeWhole(_ runs: [UnsafeRawBufferPointer], to target: String) -> WriteFailure? {
        let name = "\(getpid())-\(UInt64.random(in: 0 ... .max))"
        let temporary = path + "/" + Self.unfinishedName + "/" + name
        let descriptor = Foundation.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor < 0 { return WriteFailure(code: errno) }
        var code = transfer(descriptor, runs)
        if close(descriptor) != 0, code == 0 { code = errno }
        if code == 0, rename(temporary, target) != 0 { code = errno }
        if code == 0 { return nil }
        unlink(temporary)
        return WriteFailure(code: code)
    }

    private func writeWhole(_ bytes: [[UInt8]], to target: String) -> WriteFailure? {
        Array(bytes.joined()).withUnsafeBytes { writeWhole([$0], to: target) }
    }

    static func makeFolder(_ path: String) throws(DiskCacheError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST {
            var status = stat()
            if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, access(path, W_OK | X_OK) == 0 { return }
            throw .folderUnusable(path: path, reason: "it is not a folder this user may write to")
        }
        let code = errno
        let parent = (path as NSString).deletingLastPathComponent
        guard code == ENOENT, !parent.isEmpty, parent != path else {
            throw .folderUnusable(path: path, reason: String(cString: strerror(code)))
        }
        try makeFolder(parent)
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw .folderUnusable(path: path, reason: String(cString: strerror(errno)))
        }
    }
}

/// Why the system would not take a file.
struct WriteFailure: Sendable, Equatable {
    /// What `errno` said.
    let code: Int32

    /// Whether the disk is full, or what this user may have of it.
    var lacksRoom: Bool { code == ENOSPC || code == EDQUOT }
    /// Whether a folder on the way is gone.
    var lacksFolder: Bool { code == ENOENT }
    /// The system's words for it.
    var reason: String { String(cString: strerror(code)) }
}

/// Why a disk cache cannot be used.
package enum DiskCacheError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The folder cannot be made or written to.
    case folderUnusable(path: String, reason: String)
    /// The key that names blocks cannot be read or made.
    case keyUnusable(path: String, reason: String)
    /// A setting makes no sense.
    case settingInvalid(reason: String)

    package var description: String {
        switch self {
        case .folderUnusable(let path, let reason): "The disk cache cannot use \(path): \(reason)."
        case .keyUnusable(let path, let reason):
            "The disk cache cannot use its key \(path): \(reason). Without the file a new key is made and old blocks "
                + "are not found any more."
        case .settingInvalid(let reason): "The disk cache cannot work so: \(reason)."
        }
    }
}

/// Whole transfers between files and several runs of memory.
enum Transfer {
    /// Fills all runs from the beginning of a file; false when it is too short or cannot be read.
    static func read(_ descriptor: Int32, _ runs: [UnsafeMutableRawBufferPointer]) -> Bool {
        transfer(runs) { readv(descriptor, $0, $1) } == 0
    }

    /// Makes a file that its owner alone may read, and brings it to the disk: 0, or the `errno` that kept it from being there.
    static func create(_ path: String, _ bytes: [UInt8]) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor < 0 { return errno }
        defer { close(descriptor) }
        var code = bytes.withUnsafeBytes { write(descriptor, [$0]) }
        if code == 0, fsync(descriptor) != 0 { code = errno }
        if code != 0 { unlink(path) }
        return code
    }

    /// Writes all runs: 0, or the `errno` that kept the system from taking them all.
    static func write(_ descriptor: Int32, _ runs: [UnsafeRawBufferPointer]) -> Int32 {
        transfer(runs.map { UnsafeMutableRawBufferPointer(mutating: $0) }) { writev(descriptor, $0, $1) }
    }

    private static func transfer(
        _ runs: [UnsafeMutableRawBufferPointer],
        _ call: (UnsafePointer<iovec>, Int32) -> Int
    ) -> Int32 {
        var vectors = runs.filter { !$0.isEmpty }.map { iovec(iov_base: $0.baseAddress, iov_len: $0.count) }
        var first = 0
        while first < vectors.count {
            // The system takes at most this many at once.
            let count = min(vectors.count - first, 1_024)
            var moved = vectors.withUnsafeBufferPointer { call($0.baseAddress! + first, Int32(count)) }
            if moved < 0, errno == EINTR { continue }
            if moved <= 0 { return moved < 0 ? errno : EIO }
            while first < vectors.count, moved >= vectors[first].iov_len {
                moved -= vectors[first].iov_len
                first += 1
            }
            if moved > 0 {
                vectors[first].iov_base = vectors[first].iov_base?.advanced(by: moved)
                vectors[first].iov_len -= moved
            }
        }
        return 0
    }
}
