import Tensors

/// The first page of a pack.
struct PackHeader: Sendable, Equatable {
    /// Raise it when header or table change. Panels have `PanelLayout` for that.
    static let formatVersion: UInt32 = 1
    /// Entries begin on whole pages of every system there is, so that they can be mapped one by one.
    static let pageBytes = 16_384
    /// Data that one checksum covers.
    static let chunkBytes = 4 << 20
    private static let magic = Array("HEARTHPK".utf8)
    private static let fieldBytes = 96

    /// The checkpoint's digest.
    var digest: [UInt8]
    var fileBytes: Int
    /// From the start of the file; the data ends there.
    var tableOffset: Int
    var tableChecksum: UInt64

    /// The page as it is written: fields, their checksum, zeros.
    func page(_ fingerprint: UInt64) -> [UInt8] {
        var writer = PackBytes()
        writer.append(Self.magic)
        writer.integer(Self.formatVersion)
        writer.integer(PanelLayout.version)
        writer.integer(fingerprint)
        writer.append(digest)
        writer.integer(UInt64(fileBytes))
        writer.integer(UInt64(tableOffset))
        writer.integer(tableChecksum)
        writer.append([UInt8](repeating: 0, count: Self.fieldBytes - writer.bytes.count))
        writer.integer(writer.bytes.withUnsafeBytes { ByteChecksum.of($0) })
        writer.append([UInt8](repeating: 0, count: Self.pageBytes - writer.bytes.count))
        return writer.bytes
    }

    /// Reads the first page of a file of `file.count` bytes.
    init(_ file: UnsafeRawBufferPointer, fingerprint: UInt64) throws(PackError) {
        guard file.count >= Self.pageBytes else { throw .damaged(reason: "it is shorter than its header") }
        guard file.prefix(8).elementsEqual(Self.magic) else { throw .damaged(reason: "it does not begin like a pack") }
        var reader = PackReader(bytes: UnsafeRawBufferPointer(rebasing: file[8..<Self.pageBytes]))
        guard try reader.integer(UInt32.self) == Self.formatVersion else {
            throw .stale(reason: "another version of Hearth wrote it")
        }
        let fields = UnsafeRawBufferPointer(rebasing: file[..<Self.fieldBytes])
        let rest = UnsafeRawBufferPointer(rebasing: file[Self.fieldBytes..<Self.pageBytes])
        guard UInt64(littleEndian: rest.loadUnaligned(as: UInt64.self)) == ByteChecksum.of(fields),
            !rest[8...].contains(where: { $0 != 0 })
        else { throw .damaged(reason: "its header is not what was written") }
        guard try reader.integer(UInt32.self) == PanelLayout.version, try reader.integer(UInt64.self) == fingerprint
        else { throw .stale(reason: "its weights have the layout of another version") }
        digest = Array(try reader.take(32))
        fileBytes = try reader.size()
        tableOffset = try reader.size()
        tableChecksum = try reader.integer(UInt64.self)
        if fileBytes != file.count { throw .damaged(reason: "it has \(file.count) bytes instead of \(fileBytes)") }
        guard tableOffset >= Self.pageBytes, tableOffset <= fileBytes, tableOffset % Self.pageBytes == 0 else {
            throw .damaged(reason: "its table lies outside")
        }
    }

    init(digest: [UInt8], fileBytes: Int, tableOffset: Int, tableChecksum: UInt64) {
        self.digest = digest
        self.fileBytes = fileBytes
        self.tableOffset = tableOffset
        self.tableChecksum = tableChecksum
    }
}
