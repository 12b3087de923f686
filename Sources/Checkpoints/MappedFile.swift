#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A whole file mapped into memory for reading, unmapped when the last reference goes.
///
/// The size is taken once, when the file is opened. A file that somebody shortens in place while it is mapped would end
/// the process with SIGBUS at the next read behind its new end; no check of ours can prevent that. Replace model files
/// by renaming a new one over the old one, as the model store does: the mapping then keeps the old contents.
final class MappedFile: Sendable {
    /// The path as it was given, for messages.
    let path: String
    /// The contents. Valid as long as this object lives.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
    let count: Int

    // The mapping is private, read-only and never changes between init and deinit.
    private nonisolated(unsafe) let base: UnsafeRawPointer?

    /// Maps the regular file at `path`; symbolic links are followed.
    init(path: String) throws(CheckpointError) {
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
        self.path = path
        count = size
        guard size > 0 else {  // an empty mapping is an error to mmap
            base = nil
            return
        }
        guard let mapping = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), mapping != MAP_FAILED else {
            throw Self.failure(path, errno)
        }
        base = UnsafeRawPointer(mapping)
    }

    /// Lets go of the memory that reading has filled. What is read again comes back from the system's cache or the disk.
    func releasePages() {
        // The mapping is never written, so there is nothing to lose.
        if let base { madvise(UnsafeMutableRawPointer(mutating: base), count, MADV_DONTNEED) }
    }

    deinit {
        if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    }

    private static func failure(_ path: String, _ code: Int32) -> CheckpointError {
        code == ENOENT || code == ENOTDIR
            ? .notFound(path: path) : .unreadable(path: path, reason: String(cString: strerror(code)))
    }
}
