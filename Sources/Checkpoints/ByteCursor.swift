/// Reads little-endian fields one after the other and never past the end.
struct ByteCursor {
    let bytes: UnsafeRawBufferPointer
    /// The file's path, for errors.
    let file: String
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer, file: String) {
        self.bytes = bytes
        self.file = file
    }

    var remaining: Int { bytes.count - offset }

    /// Reads one integer.
    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self,
        field: @autoclosure () -> String
    ) throws(CheckpointError) -> Value {
        try require(MemoryLayout<Value>.size, field: field())
        defer { offset += MemoryLayout<Value>.size }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// Reads the bytes of a string: its length as 64 bits, then the bytes.
    mutating func lengthAndBytes(
        limit: Int? = nil,
        field: @autoclosure () -> String
    ) throws(CheckpointError) -> UnsafeRawBufferPointer {
        let start = offset
        let length = try integer(UInt64.self, field: "the length of " + field())
        if let limit, length > UInt64(limit) {
            throw .tooLarge(
                file: file,
                field: "the length of " + field(),
                offset: start,
                value: length,
                limit: UInt64(limit)
            )
        }
        return try take(length, field: field())
    }

    /// Reads a string as `lengthAndBytes` and repairs what is not UTF-8 with U+FFFD.
    mutating func string(field: @autoclosure () -> String) throws(CheckpointError) -> String {
        String(decoding: try lengthAndBytes(field: field()), as: UTF8.self)
    }

    /// Reads a string that must be UTF-8, because other things are found by it.
    mutating func name(limit: Int, field: @autoclosure () -> String) throws(CheckpointError) -> String {
        let start = offset
        let bytes = try lengthAndBytes(limit: limit, field: field())
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .damaged(file: file, field: field(), offset: start, problem: "is not UTF-8")
        }
        return text
    }

    /// The next `count` bytes.
    mutating func take(_ count: UInt64, field: @autoclosure () -> String) throws(CheckpointError)
        -> UnsafeRawBufferPointer
    {
        try require(count, field: field())
        let length = Int(count)  // fits: no more than what remains
        defer { offset += length }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])
    }

    /// Throws unless `count` more bytes are there.
    func require<Count: BinaryInteger>(_ count: Count, field: @autoclosure () -> String) throws(CheckpointError) {
        guard count <= remaining else {
            throw .truncated(
                file: file,
                field: field(),
                offset: offset,
                needed: UInt64(clamping: count),
                available: remaining
            )
        }
    }
}
