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

    /// - Parameter offset: a multiple of the system's page.
    init(descriptor: Int32, offset: Int, byteCount: Int, path: String) throws(PackError) {
        guard byteCount > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let address = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, off_t(offset))
        guard let address, address != MAP_FAILED else {
            throw .system(operation: "map", path: path, reason: String(cString: strerror(errno)))
        }
        bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
    }

    deinit {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }
}
