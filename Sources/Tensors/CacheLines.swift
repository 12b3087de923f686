/// A buffer of whole cache lines, so that nothing else lies in a line that the threads of a region write.
extension UnsafeMutableRawBufferPointer {
    private static var lineBytes: Int { 64 }

    /// Room for `byteCount` bytes and one line at least; contents are undefined.
    static func allocateLines(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        let lineCount = Swift.max(1, (byteCount + lineBytes - 1) / lineBytes)
        return .allocate(byteCount: lineCount * lineBytes, alignment: lineBytes)
    }

    /// Becomes a larger buffer, whose contents are undefined, unless it has room for `byteCount` bytes already.
    mutating func growLines(to byteCount: Int) {
        guard count < byteCount else { return }
        deallocate()
        self = .allocateLines(byteCount)
    }
}
