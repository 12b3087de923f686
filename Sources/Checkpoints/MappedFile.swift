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
    private let isCopy: Bool

    /// Maps the regular file at `path`, or copies it; symbolic links are followed.
    ///
    /// - Parameter copyLimit: bytes that a file may have which is copied; nil for one that is mapped.
    init(path: String, copyLimit: Int? = nil) throws(CheckpointError) {
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
        if let copyLimit, size > copyLimit {
            let (value, limit) = (UInt64(size), UInt64(copyLimit))
            throw .tooLarge(file: path, field: "the file's size", offset: 0, value: value, limit: limit)
        }
        self.path = path
        origin = (status.st_dev, status.st_ino)
        count = size
        isCopy = copyLimit != nil
        guard size > 0 else {  // an empty mapping is an error to mmap
            base = nil
            return
        }
        let mapping =
            copyLimit == nil
            ? mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
            : mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapping, mapping != MAP_FAILED else { throw Self.failure(path, errno) }
        base = UnsafeRawPointer(mapping)
        if !isCopy { return }
        // Thousands of small pages, each cleared by itself, take as long again as the copy.
        ReservedMemory.adviseHugePages(mapping, bytes: size)
        try Self.copy(descriptor, to: UnsafeMutableRawBufferPointer(start: mapping, count: size), path)
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
        _ path: String
    ) throws(CheckpointError) {
        var position = 0
        while position < memory.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: memory[position...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(position))
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw failure(path, errno) }
            if count == 0 { throw .unreadable(path: path, reason: "it was shortened while it was read") }
            position += count
        }
    }

    /// Lets go of the memory that reading a mapped file has filled. What is read again comes back from the system's cache
    /// or the disk.
    func releasePages() {
        // The mapping is never written, so there is nothing to lose.
        if let base, !isCopy { madvise(UnsafeMutableRawPointer(mutating: base), count, MADV_DONTNEED) }
    }

    deinit {
        if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    }

    private static func failure(_ path: String, _ code: Int32) -> CheckpointError {
        code == ENOENT || code == ENOTDIR
            ? .notFound(path: path) : .unreadable(path: path, reason: String(cString: strerror(code)))
    }
}
