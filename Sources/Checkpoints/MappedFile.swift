import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A whole file in memory for reading, until the last reference goes: mapped, or copied.
///
/// The size is taken once, when the file is opened. A file that somebody shortens in place while it is mapped would end
/// the process with SIGBUS at the next read behind its new end; no check of ours can prevent that. Replace model files
/// by renaming a new one over the old one, as the model store does: the mapping then keeps the old contents. Files that
/// others write to while the server runs are copied instead.
final class MappedFile: Sendable {
    /// The path as it was given, for messages.
    let path: String
    /// The contents. Valid as long as this object lives.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
    let count: Int

    /// Device and inode: what was opened, whatever has its path now.
    private let origin: (device: dev_t, inode: ino_t)

    // The memory is private and never changes between init and deinit.
    private nonisolated(unsafe) let base: UnsafeRawPointer?
    /// Of a file that is copied: its memory, and where that goes in the end.
    private let copy: (memory: ReservedMemory, spare: SpareMemory?)?

    /// Maps the regular file at `path`, or copies it; symbolic links are followed.
    ///
    /// - Parameter copying: how it is copied; nil for a file that is mapped.
    init(path: String, copying: FileCopying? = nil) throws(CheckpointError) {
        // Without O_NONBLOCK, opening a named pipe would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "it is not a regular file")
        }
        guard let size = Int(exactly: status.st_size), size >= 0 else {
            throw .unreadable(path: path, reason: "its size cannot be told")
        }
        if let copying, size > copying.byteLimit {
            let (value, limit) = (UInt64(size), UInt64(copying.byteLimit))
            throw .tooLarge(file: path, field: "the file's size", offset: 0, value: value, limit: limit)
        }
        self.path = path
        origin = (status.st_dev, status.st_ino)
        count = size
        guard size > 0 else {  // an empty mapping is an error to mmap
            (base, copy) = (nil, nil)
            return
        }
        guard let copying else {
            let mapping = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
            guard let mapping, mapping != MAP_FAILED else { throw Self.failure(path, errno) }
            (base, copy) = (UnsafeRawPointer(mapping), nil)
            return
        }
        guard let memory = copying.spare?.take(bytes: size) ?? ReservedMemory(offered: size, isFilled: true) else {
            throw Self.failure(path, ENOMEM)
        }
        (base, copy) = (UnsafeRawPointer(memory.start), (memory, copying.spare))
        let target = UnsafeMutableRawBufferPointer(start: memory.start, count: size)
        try Self.copy(descriptor, to: target, path, copying.pace)
    }

    /// Whether the file still has its path. While it is open, no other can get its inode.
    var isInPlace: Bool {
        var status = stat()
        return stat(path, &status) == 0 && (status.st_dev, status.st_ino) == origin
    }

    /// Fills `memory` with what the file holds.
    private static func copy(
        _ descriptor: Int32,
        to memory: UnsafeMutableRawBufferPointer,
        _ path: String,
        _ pace: WorkPace?
    ) throws(CheckpointError) {
        var position = 0
        while position < memory.count {
            let piece = UnsafeMutableRawBufferPointer(rebasing: memory[position...].prefix(copyPieceBytes))
            let count = pread(descriptor, piece.baseAddress, piece.count, off_t(position))
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw failure(path, errno) }
            if count == 0 { throw .unreadable(path: path, reason: "it was shortened while it was read") }
            position += count
            pace?.pause()
        }
    }

    /// What is copied in a fraction of a millisecond.
    private static let copyPieceBytes = 1 << 20

    /// Lets go of the memory that reading a mapped file has filled. What is read again comes back from the system's cache
    /// or the disk.
    func releasePages() {
        // The mapping is never written, so there is nothing to lose.
        if let base, copy == nil { madvise(UnsafeMutableRawPointer(mutating: base), count, MADV_DONTNEED) }
    }

    deinit {
        if let copy {
            copy.spare?.keep(copy.memory)
        } else if let base {
            munmap(UnsafeMutableRawPointer(mutating: base), count)
        }
    }

    private static func failure(_ path: String, _ code: Int32) -> CheckpointError {
        code == ENOENT || code == ENOTDIR
            ? .notFound(path: path) : .unreadable(path: path, reason: String(cString: strerror(code)))
    }
}
