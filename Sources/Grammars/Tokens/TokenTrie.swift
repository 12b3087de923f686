/// The texts of a vocabulary as a tree, so that what tokens begin with alike is followed once.
///
/// Nodes are numbered in the order of a walk from the root down; the nodes below one are those that follow it, up to its
/// end. Node 0 is the root.
struct TokenTrie: Sendable {
    /// The byte that leads to each node.
    private(set) var bytes: [UInt8] = [0]
    /// How many bytes lead to it.
    private(set) var depths: [UInt16] = [0]
    /// The first node that is not below it.
    private(set) var ends: [Int32] = []
    /// Where the tokens of each node begin in `tokens`; one more than there are nodes.
    private(set) var tokenStarts: [Int32] = [0]
    private(set) var tokens: [Int32] = []

    /// Bytes of the longest token; longer ones are left out.
    private(set) var depth = 0
    private static let longestToken = 4096

    /// - Parameter texts: ids and texts; tokens without a text are left out, and so never allowed.
    init(_ texts: [(id: Int32, bytes: [UInt8])]) {
        let sorted = texts.filter { !$0.bytes.isEmpty && $0.bytes.count <= Self.longestToken }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        var path: [Int] = [0]
        var previous: [UInt8] = []
        ends = [0]
        for (id, text) in sorted {
            let common = zip(previous, text).prefix { $0 == $1 }.count
            while path.count > common + 1 { ends[path.removeLast()] = Int32(bytes.count) }
            for byte in text[common...] {
                tokenStarts.append(Int32(tokens.count))
                path.append(bytes.count)
                bytes.append(byte)
                depths.append(UInt16(path.count - 1))
                ends.append(0)
            }
            tokens.append(id)
            depth = max(depth, text.count)
            previous = text
        }
        while let node = path.popLast() { ends[node] = Int32(bytes.count) }
        tokenStarts.append(Int32(tokens.count))
    }

    /// The tables by themselves, for loops that go through many nodes.
    struct Tables {
        var bytes: UnsafeBufferPointer<UInt8>
        var depths: UnsafeBufferPointer<UInt16>
        var ends: UnsafeBufferPointer<Int32>
        var tokenStarts: UnsafeBufferPointer<Int32>
    }

    func withTables<Result>(_ body: (Tables) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { bytes in
            depths.withUnsafeBufferPointer { depths in
                ends.withUnsafeBufferPointer { ends in
                    tokenStarts.withUnsafeBufferPointer { starts in
                        body(Tables(bytes: bytes, depths: depths, ends: ends, tokenStarts: starts))
                    }
                }
            }
        }
    }

    /// The bytes from a node to one below it.
    func path(from start: Int, to node: Int) -> [UInt8] {
        var path: [UInt8] = []
        var current = start
        while current < node {
            var child = current + 1
            while Int(ends[child]) <= node { child = Int(ends[child]) }
            path.append(bytes[child])
            current = child
        }
        return path
    }

    /// The node of a text below `node`; nil when no token goes on so.
    func descend(_ node: Int, _ text: some Sequence<UInt8>) -> Int? {
        var current = node
        for byte in text {
            var child = current + 1
            while child < Int(ends[current]), bytes[child] != byte { child = Int(ends[child]) }
            guard child < Int(ends[current]) else { return nil }
            current = child
        }
        return current
    }
}
