/// Byte strings numbered from 0, in one piece of memory.
struct PieceStore: Sendable, Equatable {
    private var storage: [UInt8] = []
    private var ends: [Int] = []

    init() {}

    init(_ pieces: some Sequence<String>) {
        for piece in pieces { append(piece.utf8) }
    }

    var count: Int { ends.count }

    mutating func reserve(pieces: Int, bytes: Int) {
        ends.reserveCapacity(pieces)
        storage.reserveCapacity(bytes)
    }

    mutating func append(_ bytes: some Sequence<UInt8>) {
        storage.append(contentsOf: bytes)
        ends.append(storage.count)
    }

    /// Replaces one piece; takes time in the size of the store.
    mutating func replace(_ index: Int, with bytes: [UInt8]) {
        let range = range(of: index)
        storage.replaceSubrange(range, with: bytes)
        let difference = bytes.count - range.count
        for later in index..<ends.count { ends[later] += difference }
    }

    @inline(__always)
    private func range(of index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    @inline(__always)
    subscript(index: Int) -> ArraySlice<UInt8> { storage[range(of: index)] }

    func byteCount(of index: Int) -> Int { range(of: index).count }

    @inline(__always)
    func equals(_ index: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let range = range(of: index)
        guard range.count == bytes.count else { return false }
        return storage.withUnsafeBufferPointer { storage in
            for offset in 0..<bytes.count where storage[range.lowerBound + offset] != bytes[offset] { return false }
            return true
        }
    }
}
