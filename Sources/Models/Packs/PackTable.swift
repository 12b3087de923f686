import Tensors

/// One learned parameter in a pack.
struct PackEntry: Sendable, Equatable {
    /// The stored tensors' names, with commas between them.
    var name: String
    /// What is packed under one another; empty for a vector of float32.
    var parts: [PackedMatrix.Part]
    /// Width of the matrix, or length of the vector.
    var inputs: Int
    /// From the start of the file; a multiple of `PackHeader.pageBytes`.
    var offset: Int
    var byteCount: Int
}

/// What says who a pack belongs to.
package struct PackIdentity: Sendable, Equatable {
    /// Bytes that are equal only for equal checkpoints: a SHA-256.
    package var digest: [UInt8]
    /// Where the checkpoint came from, one line each: the name in the store, or the paths of the files.
    package var origins: [String]

    package init(digest: [UInt8], origins: [String]) {
        precondition(digest.count == 32, "PackIdentity: a digest of \(digest.count) bytes")
        self.digest = digest
        self.origins = origins
    }
}

/// The list at the end of a pack: whose it is, what is in it, and checksums of the data.
struct PackTable: Sendable, Equatable {
    var origins: [String] = []
    var entries: [PackEntry] = []
    /// `ByteChecksum` of every `PackHeader.chunkBytes` of the data, the last one shorter.
    var checksums: [UInt64] = []

    /// The table as bytes, little-endian, texts and lists with their length before them.
    var bytes: [UInt8] {
        var writer = PackBytes()
        writer.integer(UInt32(origins.count))
        for origin in origins { writer.text(origin) }
        writer.integer(UInt32(entries.count))
        for entry in entries {
            writer.text(entry.name)
            for number in [entry.inputs, entry.offset, entry.byteCount] { writer.integer(UInt64(number)) }
            writer.integer(UInt32(entry.parts.count))
            for part in entry.parts {
                writer.integer(part.elementType.rawValue)
                writer.integer(UInt64(part.outputs))
            }
        }
        writer.integer(UInt32(checksums.count))
        for checksum in checksums { writer.integer(checksum) }
        return writer.bytes
    }

    init(origins: [String]) { self.origins = origins }

    /// Reads what `bytes` gives.
    init(_ bytes: UnsafeRawBufferPointer) throws(PackError) {
        var reader = PackReader(bytes: bytes)
        for _ in 0..<(try reader.count(of: 4)) { origins.append(try reader.text()) }
        for _ in 0..<(try reader.count(of: 32)) { entries.append(try Self.entry(&reader)) }
        for _ in 0..<(try reader.count(of: 8)) { checksums.append(try reader.integer(UInt64.self)) }
        if !reader.isAtEnd { throw .damaged(reason: "its table has bytes behind its end") }
    }

    private static func entry(_ reader: inout PackReader) throws(PackError) -> PackEntry {
        let name = try reader.text()
        let inputs = try reader.size()
        let offset = try reader.size()
        let byteCount = try reader.size()
        var parts: [PackedMatrix.Part] = []
        for _ in 0..<(try reader.count(of: 12)) {
            guard let type = ElementType(rawValue: try reader.integer(UInt32.self)) else {
                throw .damaged(reason: "its table names an unknown element type")
            }
            parts.append(PackedMatrix.Part(elementType: type, outputs: try reader.size()))
        }
        return PackEntry(name: name, parts: parts, inputs: inputs, offset: offset, byteCount: byteCount)
    }
}

/// Appends values to bytes.
struct PackBytes {
    private(set) var bytes: [UInt8] = []

    mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func text(_ text: String) {
        integer(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
}

/// Takes values from bytes that may hold anything.
struct PackReader {
    let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(PackError) -> Value {
        let taken = try take(MemoryLayout<Value>.size)
        return Value(littleEndian: taken.loadUnaligned(as: Value.self))
    }

    /// A number of bytes or elements: not negative, and small enough to be multiplied.
    mutating func size() throws(PackError) -> Int {
        let value = try integer(UInt64.self)
        guard value < 1 << 48 else { throw .damaged(reason: "its table has a size that cannot be") }
        return Int(value)
    }

    /// A list's length: no more elements of at least `leastBytes` than there are bytes for.
    mutating func count(of leastBytes: Int) throws(PackError) -> Int {
        let count = Int(try integer(UInt32.self))
        guard count <= (bytes.count - position) / leastBytes else {
            throw .damaged(reason: "its table has a list longer than itself")
        }
        return count
    }

    mutating func text() throws(PackError) -> String {
        let length = Int(try integer(UInt32.self))
        return String(decoding: try take(length), as: UTF8.self)
    }

    mutating func take(_ count: Int) throws(PackError) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - position else { throw .damaged(reason: "its table ends too early") }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    }
}
