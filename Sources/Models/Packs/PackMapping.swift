import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A part of a file mapped for reading and shared with every process that maps it, as long as this object lives.
///
/// Removing or replacing the file changes nothing here. Packs are never written after they got their name; whoever
/// shortens one in place ends the processes that read it, as with every mapped file.
final class PackMapping: Sendable {
    /// The bytes. Nothing ever writes them.
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    /// Bytes of the mapping before them, which begins with a page of the system.
    private let margin: Int

    /// - Parameter pageBytes: the system's page.
    init(
        descriptor: Int32,
        offset: Int,
        byteCount: Int,
        path: String,
        pageBytes: Int = Int(sysconf(Int32(_SC_PAGESIZE)))
    ) throws(PackError) {
        margin = offset % pageBytes
        guard byteCount > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let start = off_t(offset - margin)
        let address = mmap(nil, byteCount + margin, PROT_READ, MAP_SHARED, descriptor, start)
        guard let address, address != MAP_FAILED else {
            throw .system(operation: "map", path: path, reason: String(cString: strerror(errno)))
        }
        // What is not in memory yet is then read in huge pages, where the file system has them.
        HugePages.advise(address, bytes: byteCount + margin)
        bytes = UnsafeRawBufferPointer(start: address + margin, count: byteCount)
    }

    deinit {
        guard let base = bytes.baseAddress else { return }
        munmap(UnsafeMutableRawPointer(mutating: base - margin), bytes.count + margin)
    }
}
