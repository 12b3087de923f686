package import Models

/// The KV cache's blocks: who holds them, and in which order the free ones are reused.
///
/// A block is free when nobody holds it. Free blocks stand in one list: those whose content is worth nothing at its
/// front, latest first, and behind them those whose content may be wanted again, longest unused first. So a block
/// that another request could still hit is reused only when nothing else is left, and then the oldest one. Every
/// operation takes constant time.
///
/// Not copyable: two copies would hand out the same block twice.
package struct BlockPool: ~Copyable {
    /// Number of blocks; ids run from 0.
    package let blockCount: Int
    /// `[blocks]`: how many sequences hold each block.
    private var holderCounts: [Int32]
    private var free: FreeBlockList

    /// - Parameter blockCount: at least 1.
    package init(blockCount: Int) {
        precondition(blockCount > 0, "BlockPool: \(blockCount) blocks")
        self.blockCount = blockCount
        holderCounts = Array(repeating: 0, count: blockCount)
        free = FreeBlockList(capacity: blockCount)
        for block in 0..<blockCount { free.append(Int32(block)) }
    }

    /// Number of blocks that nobody holds.
    package var freeCount: Int { free.count }

    /// Number of blocks that somebody holds.
    package var usedCount: Int { blockCount - free.count }

    /// How many sequences hold `block`.
    package func holderCount(of block: BlockID) -> Int { Int(holderCounts[Int(block.rawValue)]) }

    /// The block that `allocate` would take; nil when none is free.
    package var nextFree: BlockID? { free.first.map { BlockID(rawValue: $0) } }

    /// The free blocks in the order in which `allocate` would take them. Linear; for tests.
    package var freeBlocks: [BlockID] { free.elements.map { BlockID(rawValue: $0) } }

    /// Takes the first free block, with one holder; nil when none is free. What it held is lost.
    package mutating func allocate() -> BlockID? {
        guard let block = free.popFirst() else { return nil }
        holderCounts[Int(block)] = 1
        return BlockID(rawValue: block)
    }

    /// Adds a holder to a block that is held, or free with its content intact.
    package mutating func retain(_ block: BlockID) {
        let index = Int(block.rawValue)
        if holderCounts[index] == 0 { free.remove(block.rawValue) }
        holderCounts[index] += 1
    }

    /// Takes one holder from a held block.
    ///
    /// - Parameter keepsContent: whether the content may be wanted again once nobody holds the block.
    package mutating func release(_ block: BlockID, keepsContent: Bool) {
        let index = Int(block.rawValue)
        precondition(holderCounts[index] > 0, "BlockPool: block \(index) is released but not held")
        holderCounts[index] -= 1
        if holderCounts[index] > 0 { return }
        if keepsContent { free.append(block.rawValue) } else { free.prepend(block.rawValue) }
    }

    /// What is wrong with the pool's books, in words; empty when nothing is. Linear.
    package func invariantViolations() -> [String] {
        var violations: [String] = []
        let listed = free.elements
        if listed.count != free.count { violations.append("free list has \(listed.count) of \(free.count) blocks") }
        if Set(listed).count != listed.count { violations.append("a block is twice in the free list") }
        let unheld = holderCounts.indices.filter { holderCounts[$0] == 0 }
        if Set(listed) != Set(unheld.map(Int32.init)) { violations.append("the free list is not what nobody holds") }
        if holderCounts.contains(where: { $0 < 0 }) { violations.append("a block has less than no holder") }
        return violations
    }
}

/// A doubly linked list over block numbers, in two arrays.
private struct FreeBlockList {
    private(set) var count = 0
    /// `[blocks + 1]`: the neighbours of each block; the last entry is both ends. -1 marks a block not in the list.
    private var next: [Int32]
    private var previous: [Int32]
    private var end: Int { next.count - 1 }

    init(capacity: Int) {
        next = Array(repeating: -1, count: capacity + 1)
        previous = Array(repeating: -1, count: capacity + 1)
        next[capacity] = Int32(capacity)
        previous[capacity] = Int32(capacity)
    }

    var elements: [Int32] {
        var result: [Int32] = []
        var element = next[end]
        while element != Int32(end), result.count < next.count {
            result.append(element)
            element = next[Int(element)]
        }
        return result
    }

    mutating func append(_ element: Int32) { insert(element, after: previous[end]) }
    mutating func prepend(_ element: Int32) { insert(element, after: Int32(end)) }

    var first: Int32? { next[end] == Int32(end) ? nil : next[end] }

    mutating func popFirst() -> Int32? {
        guard let first else { return nil }
        remove(first)
        return first
    }

    mutating func remove(_ element: Int32) {
        let index = Int(element)
        precondition(next[index] >= 0, "BlockPool: block \(element) is not in the free list")
        next[Int(previous[index])] = next[index]
        previous[Int(next[index])] = previous[index]
        next[index] = -1
        previous[index] = -1
        count -= 1
    }

    private mutating func insert(_ element: Int32, after left: Int32) {
        let index = Int(element)
        precondition(next[index] < 0, "BlockPool: block \(element) is in the free list already")
        let right = next[Int(left)]
        next[index] = right
        previous[index] = left
        next[Int(left)] = element
        previous[Int(right)] = element
        count += 1
    }
}
