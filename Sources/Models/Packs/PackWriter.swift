import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes a pack while a checkpoint is loaded, and maps what it wrote: the weights are never in memory twice.
///
/// The file has no name that anybody would open until `finish`, which brings it to the disk first. One writer at a time
/// for a path: whoever uses it holds a lock.
///
/// Unchecked: it belongs to the thread that loads, which makes it, hands it to a decoder's init and finishes it.
package final class PackWriter: @unchecked Sendable {
    private let path: String
    private let temporaryPath: String
    private let digest: [UInt8]
    /// Negative once it is closed.
    private var descriptor: Int32
    private var table: PackTable
    private var offset = PackHeader.pageBytes
    /// Bytes of the file until it is finished: whole huge pages, the last of which ends in zeros.
    private var fileEnd = 0
    private var checksum = ChunkChecksums()
    private var isFinished = false

    /// Begins a pack that will be at `path`. What an interrupted writer left there is removed.
    package init(path: String, identity: PackIdentity) throws(PackError) {
        self.path = path
        temporaryPath = path + ".partial"
        digest = identity.digest
        table = PackTable(origins: identity.origins)
        unlink(temporaryPath)
        descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw Self.failure("write", temporaryPath, code: errno) }
    }

    deinit { end() }

    /// Closes the file. One that was not finished goes away, and its disk space with it once nothing is mapped from it.
    private func end() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        if !isFinished { unlink(temporaryPath) }
    }

    /// Writes a matrix and gives it back mapped from the file. After an error the file is gone, and with it what was kept
    /// before: load anew.
    func keep(_ matrix: PackedMatrix, name: String, parts: [PackedMatrix.Part]) throws(PackError) -> PackedMatrix {
        let start = offset
        try append(matrix.panelBytes, name: name, parts: parts, inputs: matrix.inputs)
        do {
            let count = matrix.byteCount
            let mapping = try PackMapping(descriptor: descriptor, offset: start, byteCount: count, path: path)
            return try PackedMatrix(panels: mapping.bytes, of: parts, inputs: matrix.inputs, owner: mapping)
        } catch let error as PackError {
            throw error
        } catch {
            throw .damaged(reason: "\(error)")
        }
    }

    /// Writes a vector.
    func keep(_ vector: [Float], name: String) throws(PackError) {
        try vector.withUnsafeBufferPointer { (values) throws(PackError) in
            try append(UnsafeRawBufferPointer(values), name: name, parts: [], inputs: vector.count)
        }
    }

    /// Gives the pack its name. Not before this does it exist for anybody else.
    ///
    /// When this fails, nothing is left on the disk, and what was kept must not be used: the system may have dropped
    /// pages that it could not write.
    package func finish() throws(PackError) {
        precondition(descriptor >= 0, "PackWriter: finished twice, or after an error")
        defer { end() }
        table.checksums = checksum.finish()
        let bytes = table.bytes
        let tableOffset = offset
        let header = PackHeader(
            digest: digest,
            fileBytes: tableOffset + bytes.count,
            tableOffset: tableOffset,
            tableChecksum: bytes.withUnsafeBytes { ByteChecksum.of($0) }
        )
        let page = header.page(PanelLayout.fingerprint)
        if let code = bytes.withUnsafeBytes({ write($0, at: tableOffset) })
            ?? page.withUnsafeBytes({ write($0, at: 0) })
        {
            throw Self.failure("write", temporaryPath, code: code)
        }
        if ftruncate(descriptor, off_t(header.fileBytes)) != 0 {
            throw Self.failure("write", temporaryPath, code: errno)
        }
        if fsync(descriptor) != 0 { throw Self.failure("write", temporaryPath, code: errno) }
        if rename(temporaryPath, path) != 0 { throw Self.failure("write", path, code: errno) }
        isFinished = true
        syncFolder()
    }

    private func append(
        _ bytes: UnsafeRawBufferPointer,
        name: String,
        parts: [PackedMatrix.Part],
        inputs: Int
    ) throws(PackError) {
        precondition(descriptor >= 0, "PackWriter: used after its end")
        let padding = -bytes.count & (PackHeader.pageBytes - 1)
        let zeros = [UInt8](repeating: 0, count: padding)
        let code = write(bytes, at: offset) ?? zeros.withUnsafeBytes { write($0, at: offset + bytes.count) }
        if let code {
            end()
            throw Self.failure("write", temporaryPath, code: code)
        }
        checksum.take(bytes)
        zeros.withUnsafeBytes { checksum.take($0) }
        let count = bytes.count
        table.entries.append(PackEntry(name: name, parts: parts, inputs: inputs, offset: offset, byteCount: count))
        offset += count + padding
    }

    /// Writes all of `bytes`, at most a huge page behind the file's end; the error's code when that failed.
    ///
    /// File systems that have pages of several sizes in memory (XFS, ext4 since Linux 6.16) take for a call the largest that it
    /// fills. So the file grows by calls that fill huge pages: with data, or with zeros where the data ends within one.
    private func write(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Int32? {
        var written = 0
        while written < bytes.count {
            let (position, left) = (start + written, bytes.count - written)
            let pageCount = min(left / HugePages.byteCount, Self.mostPages)
            var end = fileEnd
            if position == fileEnd, pageCount > 0 {
                end += pageCount * HugePages.byteCount
            } else if position >= fileEnd {
                let zeros = [UInt8](repeating: 0, count: HugePages.byteCount)
                if let code = zeros.withUnsafeBytes({ call($0, at: fileEnd) }) { return code }
                end += HugePages.byteCount
            }
            let count = min(left, end - position)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[written..<written + count])
            if let code = call(piece, at: position) { return code }
            fileEnd = end
            written += count
        }
        return nil
    }

    /// Huge pages that one call writes.
    private static let mostPages = 32

    /// Writes all of `bytes` with as few calls as the system allows; the error's code when that failed.
    private func call(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Int32? {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(start + written))
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return count == 0 ? ENOSPC : errno }
            written += count
        }
        return nil
    }

    /// Brings the rename to the disk. File systems that cannot do this lose at most the pack, never half of it.
    private func syncFolder() {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folderDescriptor >= 0 {
            fsync(folderDescriptor)
            close(folderDescriptor)
        }
    }

    private static func failure(_ operation: String, _ path: String, code: Int32) -> PackError {
        .system(operation: operation, path: path, reason: String(cString: strerror(code)))
    }
}

/// Checksums of a stream of bytes, one for every `PackHeader.chunkBytes`.
private struct ChunkChecksums {
    private var chunk: [UInt8] = []
    private var checksums: [UInt64] = []

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(PackHeader.chunkBytes - chunk.count)
            rest = rest.dropFirst(piece.count)
            // A chunk that lies in one run of bytes need not be copied.
            if chunk.isEmpty, piece.count == PackHeader.chunkBytes {
                checksums.append(ByteChecksum.of(UnsafeRawBufferPointer(rebasing: piece)))
                continue
            }
            chunk.append(contentsOf: piece)
            if chunk.count == PackHeader.chunkBytes { close() }
        }
    }

    mutating func finish() -> [UInt64] {
        if !chunk.isEmpty { close() }
        return checksums
    }

    private mutating func close() {
        checksums.append(chunk.withUnsafeBytes { ByteChecksum.of($0) })
        chunk.removeAll(keepingCapacity: true)
    }
}
