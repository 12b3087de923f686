#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Memory the system has promised and commits when it is first touched; zeros until written.
///
/// Unchecked: who reads and writes it when is the business of its owner.
package final class ReservedMemory: @unchecked Sendable {
    package let start: UnsafeMutableRawPointer
    /// Bytes from `start` on, those aside that only prefetches meet.
    var capacity: Int { bytes - (start - address) - Self.pageBytes }
    private let address: UnsafeMutableRawPointer
    private let bytes: Int

    private static let pageBytes = 4096

    /// - Parameters:
    ///   - bytes: how many.
    ///   - offset: where `start` is to lie in its huge page; nil does not care.
    convenience init(bytes: Int, hugePageOffset offset: Int? = nil) {
        guard let mapping = Self.map(bytes, offset) else {
            preconditionFailure("Tensors: the system refused to reserve \(bytes) bytes of address space")
        }
        self.init(mapping, offset)
    }

    /// The same; nil where the system refuses.
    ///
    /// - Parameter isFilled: whether all of it will be written, so that the system is to refuse what it has not got.
    package convenience init?(offered bytes: Int, hugePageOffset offset: Int? = nil, isFilled: Bool = false) {
        guard let mapping = Self.map(bytes, offset, isFilled: isFilled) else { return nil }
        self.init(mapping, offset)
    }

    private static func map(_ bytes: Int, _ offset: Int?, isFilled: Bool = false) -> UnsafeMutableRawBufferPointer? {
        if bytes > Int.max - 2 * HugePages.byteCount { return nil }
        // Kernels may prefetch, never read, past the end; a page more keeps even that inside.
        let size = (bytes + 2 * pageBytes - 1) / pageBytes * pageBytes + (offset == nil ? 0 : HugePages.byteCount)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | (isFilled ? 0 : lazyFlag)
        let address = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address, address != MAP_FAILED else { return nil }
        return UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    private init(_ mapping: UnsafeMutableRawBufferPointer, _ offset: Int?) {
        guard let address = mapping.baseAddress else { preconditionFailure("ReservedMemory: an empty mapping") }
        let size = mapping.count
        self.address = address
        bytes = size
        let distance = offset.map { ($0 - Int(bitPattern: address)) & (HugePages.byteCount - 1) } ?? 0
        start = address + distance
        HugePages.advise(address, bytes: size)
    }

    deinit { munmap(address, bytes) }

    /// Whether the system would promise so many bytes now: a limit on address space (`ulimit -v`) may forbid it.
    package static func isAvailable(bytes: Int) -> Bool {
        let address = mmap(nil, max(bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | lazyFlag, -1, 0)
        guard let address, address != MAP_FAILED else { return false }
        munmap(address, max(bytes, 1))
        return true
    }

    /// Commits what holds `bytes` from `offset` on, contents as they are; where the system cannot, nothing happens.
    func commit(_ bytes: Int, at offset: Int) {
        #if os(Linux)
            let populateWrite: Int32 = 23  // MADV_POPULATE_WRITE, since Linux 5.14.
            let first = Int(bitPattern: start + offset)
            let begin = first / Self.pageBytes * Self.pageBytes
            _ = madvise(UnsafeMutableRawPointer(bitPattern: begin), first + bytes - begin, populateWrite)
        #endif
    }

    /// Gives back the huge pages that lie within `bytes` from `offset` on, whole ones so that none is split: zeros when they are touched
    /// again.
    func discard(_ bytes: Int, at offset: Int) {
        #if os(Linux)
            let first = Int(bitPattern: start + offset)
            let begin = (first + HugePages.byteCount - 1) / HugePages.byteCount * HugePages.byteCount
            let end = (first + bytes) / HugePages.byteCount * HugePages.byteCount
            if begin < end { madvise(UnsafeMutableRawPointer(bitPattern: begin), end - begin, MADV_DONTNEED) }
        #endif
    }

    #if os(Linux)
        private static let lazyFlag = MAP_NORESERVE
    #else
        private static let lazyFlag: Int32 = 0
    #endif
}
