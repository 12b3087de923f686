package import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Packed weights in a file, mapped for reading: what a decoder computes with, without touching the checkpoint's.
///
/// ```
/// header                one page: versions, whose it is, sizes, checksums
/// data                  every parameter at the beginning of a page: panels, or float32 for vectors
/// table                 names, shapes, places; a checksum for every 4 MiB of the data
/// ```
///
/// Opening checks header and table; `verify` reads all the rest.
package final class PackFile: Sendable {
    package let path: String
    package let identity: PackIdentity
    /// Changes with whatever is written to the file.
    package let state: FileState
    /// Bytes of the file.
    package var byteCount: Int { mapping.bytes.count }

    private let mapping: PackMapping
    private let dataEnd: Int
    private let checksums: [UInt64]
    private let entries: [String: PackEntry]

    /// Opens the pack at `path`.
    ///
    /// - Parameter digest: the checkpoint it must be of; nil takes any.
    package init(path: String, digest: [UInt8]? = nil) throws(PackError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 { throw errno == ENOENT ? .missing : Self.failure("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("open", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .damaged(reason: "it is not a file") }
        mapping = try PackMapping(descriptor: descriptor, offset: 0, byteCount: Int(status.st_size), path: path)
        let header = try PackHeader(mapping.bytes, fingerprint: PanelLayout.fingerprint)
        if let digest, header.digest != digest { throw .stale(reason: "it is of another checkpoint") }
        let tableBytes = UnsafeRawBufferPointer(rebasing: mapping.bytes[header.tableOffset...])
        guard ByteChecksum.of(tableBytes) == header.tableChecksum else {
            throw .damaged(reason: "its table is not what was written")
        }
        let table = try PackTable(tableBytes)
        self.path = path
        state = FileState(status)
        dataEnd = header.tableOffset
        identity = PackIdentity(digest: header.digest, origins: table.origins)
        checksums = table.checksums
        entries = try Self.index(table, dataEnd: dataEnd)
    }

    /// Reads the whole file and compares it with its checksums: once at memory speed, or the disk's.
    package func verify(on workers: WorkerPool) throws(PackError) {
        let wrong = checksums.indices.map { _ in UnsafeMutablePointer<Bool>.allocate(capacity: 1) }
        defer { for place in wrong { place.deallocate() } }
        workers.run(taskCount: checksums.count) { chunk in
            wrong[chunk].initialize(to: ByteChecksum.of(bytes(ofChunk: chunk)) != checksums[chunk])
        }
        if let chunk = wrong.firstIndex(where: \.pointee) {
            let offset = PackHeader.pageBytes + chunk * PackHeader.chunkBytes
            throw .damaged(reason: "what it holds from byte \(offset) on is not what was written")
        }
    }

    /// The matrix packed from tensors of those names, types and shapes.
    func matrix(_ name: String, parts: [PackedMatrix.Part], inputs: Int) throws(PackError) -> PackedMatrix {
        guard let entry = entries[name], entry.parts == parts, entry.inputs == inputs else {
            throw .stale(reason: "it has no matrix \(name) of the checkpoint's shape")
        }
        do {
            return try PackedMatrix(panels: bytes(of: entry), of: parts, inputs: inputs, owner: mapping)
        } catch {
            throw .stale(reason: "\(name) cannot be used: \(error.description)")
        }
    }

    /// The vector of that name, `[count]`.
    func vector(_ name: String, count: Int) throws(PackError) -> [Float] {
        guard let entry = entries[name], entry.parts.isEmpty, entry.inputs == count, entry.byteCount == 4 * count else {
            throw .stale(reason: "it has no vector \(name) of the checkpoint's shape")
        }
        return Array(bytes(of: entry).bindMemory(to: Float.self))
    }

    private func bytes(of entry: PackEntry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: mapping.bytes[entry.offset..<(entry.offset + entry.byteCount)])
    }

    private func bytes(ofChunk chunk: Int) -> UnsafeRawBufferPointer {
        let start = PackHeader.pageBytes + chunk * PackHeader.chunkBytes
        return UnsafeRawBufferPointer(rebasing: mapping.bytes[start..<min(start + PackHeader.chunkBytes, dataEnd)])
    }

    /// Entries by name, every one inside the data and beside the others.
    private static func index(_ table: PackTable, dataEnd: Int) throws(PackError) -> [String: PackEntry] {
        let dataBytes = dataEnd - PackHeader.pageBytes
        guard table.checksums.count == (dataBytes + PackHeader.chunkBytes - 1) / PackHeader.chunkBytes else {
            throw .damaged(reason: "it has too few checksums, or too many")
        }
        var entries: [String: PackEntry] = [:]
        var end = PackHeader.pageBytes
        for entry in table.entries {
            guard entry.offset >= end, entry.offset % PackHeader.pageBytes == 0,
                entry.offset + entry.byteCount <= dataEnd,
                entries.updateValue(entry, forKey: entry.name) == nil
            else { throw .damaged(reason: "\(entry.name) lies where it cannot be") }
            end = entry.offset + entry.byteCount
        }
        return entries
    }

    private static func failure(_ operation: String, _ path: String) -> PackError {
        .system(operation: operation, path: path, reason: String(cString: strerror(errno)))
    }
}
