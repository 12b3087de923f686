/// A trie over pieces, for finding every piece that begins at a place of a text.
struct PieceTrie: Sendable {
    private var children: IntegerTable
    /// The piece that ends at a node, or -1.
    private var terminals: [Int32] = [-1]
    /// Whether a piece begins with a byte: 256 bits.
    private var firstBytes: SIMD4<UInt64> = .zero

    init(capacity: Int = 64) {
        children = IntegerTable(capacity: capacity)
    }

    var isEmpty: Bool { firstBytes == .zero }

    /// Adds a piece; the first of two with the same bytes stays, and an empty one is left out.
    mutating func insert(_ bytes: some Sequence<UInt8>, id: Int32) {
        var node: UInt64 = 0
        for byte in bytes {
            if node == 0 { firstBytes[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
            let key = node << 8 | UInt64(byte)
            if let child = children[key] {
                node = child
            } else {
                let child = UInt64(terminals.count)
                terminals.append(-1)
                children.insert(key, child)
                node = child
            }
        }
        if node != 0, terminals[Int(node)] < 0 { terminals[Int(node)] = id }
    }

    /// Whether some piece begins with the byte.
    @inline(__always)
    func mayBegin(with byte: UInt8) -> Bool { firstBytes[Int(byte >> 6)] >> UInt64(byte & 63) & 1 != 0 }

    /// Calls `body` with the id and the end of every piece at `start`, shortest first.
    @inline(__always)
    func forEachMatch(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ body: (Int32, Int) -> Void
    ) {
        var node: UInt64 = 0
        var position = start
        while position < end, let child = children[node << 8 | UInt64(text[position])] {
            node = child
            position += 1
            let terminal = terminals[Int(node)]
            if terminal >= 0 { body(terminal, position) }
        }
    }
}
