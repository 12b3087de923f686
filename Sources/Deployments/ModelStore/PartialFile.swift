import Crypto
import Foundation
import Synchronization

/// A file on its way into the store: grows at its end, knows its hash, and becomes whole in one step or not at all.
///
/// It is called `<key>.partial` and lies in the same folder as the blob it becomes. A later process that opens it goes
/// on where the last one stopped. Beside it, `<key>.partial.etag` keeps the version of the source it was read from.
final class PartialFile: Sendable {
    /// Where it lies.
    let path: String

    private struct State {
        var descriptor: Int32
        var hasher: SHA256
        var byteCount: Int
    }
    private let state: Mutex<State>

    /// Opens `path`, made when it is missing, and hashes what is there already.
    init(path: String) throws(StoreError) {
        self.path = path
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw .system("open", path) }
        do {
            let (hasher, byteCount) = try Self.readAll(descriptor, path)
            state = Mutex(State(descriptor: descriptor, hasher: hasher, byteCount: byteCount))
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { state.withLock { _ = close($0.descriptor) } }

    /// Bytes that are there.
    var byteCount: Int { state.withLock { $0.byteCount } }

    /// SHA-256 of what is there.
    var hash: ContentHash { state.withLock { ContentHash($0.hasher.finalize()) } }

    /// The source's version of what is there, as HTTP's `ETag` has it; nil when none is known.
    var entityTag: String? {
        (try? String(contentsOfFile: path + ".etag", encoding: .utf8)).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Notes the source's version; nil forgets it.
    func setEntityTag(_ tag: String?) {
        // Losing it costs a fresh start at worst, so a failure here is not worth an error.
        if let tag {
            try? Data(tag.utf8).write(to: URL(fileURLWithPath: path + ".etag"), options: .atomic)
        } else {
            unlink(path + ".etag")
        }
    }

    /// Writes `data` at the end.
    func append(_ data: Data) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            var written = 0
            while written < data.count {
                let count = data.withUnsafeBytes { bytes in
                    write(state.descriptor, bytes.baseAddress?.advanced(by: written), data.count - written)
                }
                if count < 0, errno == EINTR { continue }
                if count <= 0 { throw .system("write", path) }
                written += count
            }
            state.hasher.update(data: data)
            state.byteCount += data.count
        }
    }

    /// Writes the content of the file at `source` at the end.
    func append(contentsOf source: String) throws(StoreError) {
        let descriptor = open(source, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw .system("read", source) }
        defer { close(descriptor) }
        try Self.forEachChunk(descriptor, source) { (bytes) throws(StoreError) in try append(Data(bytes)) }
    }

    /// Throws everything away and starts at the first byte.
    func restart() throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            if ftruncate(state.descriptor, 0) != 0 || lseek(state.descriptor, 0, SEEK_SET) != 0 {
                throw .system("truncate", path)
            }
            state.hasher = SHA256()
            state.byteCount = 0
        }
        setEntityTag(nil)
    }

    /// Removes the file and its tag.
    func discard() {
        unlink(path)
        setEntityTag(nil)
    }

    /// Checks the content; a wrong one is deleted.
    ///
    /// - Parameters:
    ///   - name: what the file is called in errors.
    ///   - byteCount: the size announced, nil when none was.
    /// - Returns: the SHA-256.
    func verify(name: String, byteCount: Int?, check: ContentCheck) throws(StoreError) -> ContentHash {
        let actualCount = self.byteCount
        if let byteCount, actualCount != byteCount {
            discard()
            throw .sizeMismatch(file: name, expected: byteCount, actual: actualCount)
        }
        let actual = hash
        switch check {
        case .sha256(let expected) where expected != actual:
            discard()
            throw .hashMismatch(file: name, expected: expected.hex, actual: actual.hex)
        case .gitBlob(let expected):
            let identifier = try gitIdentifier()
            if identifier != expected.lowercased() {
                discard()
                throw .hashMismatch(file: name, expected: "git \(expected)", actual: "git \(identifier)")
            }
        case .sha256, .origin:
            break
        }
        return actual
    }

    /// Puts the file, whole and on the disk, at `destination` in one step.
    func finish(at destination: String) throws(StoreError) {
        let synced = state.withLock { fsync($0.descriptor) }
        if synced != 0 { throw .system("write", path) }
        if rename(path, destination) != 0 { throw .system("rename", path) }
        setEntityTag(nil)
        AtomicFile.syncFolder(of: destination)
    }

    private func gitIdentifier() throws(StoreError) -> String {
        try state.withLock { (state) throws(StoreError) in
            var hasher = Insecure.SHA1()
            hasher.update(data: Data("blob \(state.byteCount)\0".utf8))
            try Self.forEachChunk(state.descriptor, path) { hasher.update(bufferPointer: $0) }
            return ContentHash.hexadecimal(hasher.finalize())
        }
    }

    private static func readAll(_ descriptor: Int32, _ path: String) throws(StoreError) -> (SHA256, Int) {
        var hasher = SHA256()
        var byteCount = 0
        try forEachChunk(descriptor, path) {
            hasher.update(bufferPointer: $0)
            byteCount += $0.count
        }
        return (hasher, byteCount)
    }

    /// Reads the file from its first byte to its end, where the descriptor then stands.
    private static func forEachChunk(
        _ descriptor: Int32,
        _ path: String,
        _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        if lseek(descriptor, 0, SEEK_SET) != 0 { throw .system("read", path) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw .system("read", path) }
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
