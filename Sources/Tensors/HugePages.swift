#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Memory that the system keeps, and translates addresses of, in pieces of 2 MiB instead of 4 KiB, where it grants that.
package enum HugePages {
    /// Bytes of one: what the system commits, and clears, at a time.
    package static let byteCount = 2 << 20

    /// Asks for huge pages where there are any. Advice only: where they are off nothing changes.
    package static func advise(_ address: UnsafeMutableRawPointer, bytes: Int) {
        #if os(Linux)
            let hugePages: Int32 = 14  // MADV_HUGEPAGE, which Glibc's module does not show.
            _ = madvise(address, bytes, hugePages)
        #endif
    }
}
