/// Finds the id of a piece by its bytes.
///
/// Open addressing over a seeded hash of the bytes, eight at a time; no `String` is made or hashed. Of two pieces with
/// the same bytes the first one added is found, and an empty piece never.
struct PieceTable: Sendable {
    private(set) var pieces: PieceStore
    /// Id plus one; 0 is an empty slot. At most half of them are in use.
    private var slots: [UInt32]
    private let seed: UInt64
    /// Bytes of the longest piece in the table.
    private(set) var longestByteCount = 0

    /// A table over `pieces` that holds those ids which `add` puts in.
    init(_ pieces: PieceStore) {
        self.pieces = pieces
        var capacity = 64
        while capacity < pieces.count * 2 { capacity *= 2 }
        slots = Array(repeating: 0, count: capacity)
        seed = UInt64.random(in: .min ... .max)
    }

    /// Makes the piece of that id findable; false when its bytes are already in the table, or none.
    @discardableResult
    mutating func add(_ id: Int) -> Bool {
        let length = pieces.byteCount(of: id)
        guard length > 0 else { return false }
        let slot = pieces[id].withUnsafeBufferPointer { self.slot(of: $0) }
        guard slots[slot] == 0 else { return false }
        slots[slot] = UInt32(id) + 1
        longestByteCount = max(longestByteCount, length)
        return true
    }

    /// The id of the piece with these bytes, or nil.
    @inline(__always)
    func find(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
        guard bytes.count <= longestByteCount, !bytes.isEmpty else { return nil }
        let found = slots[slot(of: bytes)]
        return found == 0 ? nil : Int32(found) - 1
    }

    func find(_ bytes: some Sequence<UInt8>) -> Int32? {
        Array(bytes).withUnsafeBufferPointer { find($0) }
    }

    /// The slot that holds these bytes, or the empty one where they belong.
    private func slot(of bytes: UnsafeBufferPointer<UInt8>) -> Int {
        slots.withUnsafeBufferPointer { slots in
            var index = Int(truncatingIfNeeded: hash(bytes)) & (slots.count - 1)
            while slots[index] != 0, !pieces.equals(Int(slots[index]) - 1, bytes) {
                index = (index + 1) & (slots.count - 1)
            }
            return index
        }
    }

    private func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var state = seed ^ UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
        let raw = UnsafeRawBufferPointer(bytes)
        var offset = 0
        while offset + 8 <= raw.count {
            state = Self.mix(state ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < raw.count {
            rest = rest << 8 | UInt64(raw[offset])
            offset += 1
        }
        return Self.mix(state ^ rest)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        return product.high ^ product.low ^ value >> 32
    }
}
