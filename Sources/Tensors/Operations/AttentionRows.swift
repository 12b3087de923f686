/// One sequence's share of a step, as attention sees it.
package struct AttentionRow: Sendable, Equatable {
    /// Index of its first new token among the step's tokens.
    package var firstToken: Int
    /// Number of new tokens.
    package var tokenCount: Int
    /// Position of the first new token in its sequence.
    package var firstPosition: Int
    /// Cache blocks of positions `0 ..< firstPosition + tokenCount`, in order.
    package var blockTable: [Int32]

    package init(firstToken: Int, tokenCount: Int, firstPosition: Int, blockTable: [Int32]) {
        self.firstToken = firstToken
        self.tokenCount = tokenCount
        self.firstPosition = firstPosition
        self.blockTable = blockTable
    }
}

/// A row where the pool's threads read it: numbers and an address, no reference whose count they would take from one another.
struct PlacedRow {
    var firstToken: Int
    var tokenCount: Int
    var firstPosition: Int
    /// Its cache blocks, in order.
    var blockTable: UnsafePointer<Int32>
}

/// Rows as threads read them, in memory that grows to the largest seen.
final class RowPlaces {
    private var rows = UnsafeMutablePointer<PlacedRow>.allocate(capacity: 1)
    private var capacity = 1
    private var count = 0
    /// Every row's blocks, one row after the other.
    private var blocks = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    private var blockCapacity = 1

    deinit {
        rows.deallocate()
        blocks.deallocate()
    }

    /// Valid until they are placed anew.
    var all: UnsafeBufferPointer<PlacedRow> { UnsafeBufferPointer(start: rows, count: count) }

    /// Becomes the places of `source`.
    func place(_ source: [AttentionRow]) {
        count = source.count
        reserve(blockCount: source.reduce(0) { $0 + $1.blockTable.count })
        var next = blocks
        for (index, row) in source.enumerated() {
            let place = PlacedRow(
                firstToken: row.firstToken,
                tokenCount: row.tokenCount,
                firstPosition: row.firstPosition,
                blockTable: UnsafePointer(next)
            )
            (rows + index).initialize(to: place)
            for block in row.blockTable {
                next.initialize(to: block)
                next += 1
            }
        }
    }

    private func reserve(blockCount: Int) {
        if count > capacity {
            rows.deallocate()
            capacity = 2 * count
            rows = .allocate(capacity: capacity)
        }
        if blockCount > blockCapacity {
            blocks.deallocate()
            // Room for answers that go on, and so for many steps.
            blockCapacity = max(2 * blockCount, 1024)
            blocks = .allocate(capacity: blockCapacity)
        }
    }
}

/// The rows of a step and how their attention is shared out, worked out once for all layers of a kind.
///
/// Kept from step to step: a step of as many rows and blocks as one before it asks for no memory. It belongs to the one
/// thread that runs steps; the pool's threads read it only inside a region.
package final class AttentionRows {
    /// In the order of their tokens.
    package private(set) var all: [AttentionRow]
    private let places = RowPlaces()
    /// Index after the last token of a row.
    package private(set) var tokenEnd = 0
    /// A plan for every kind of layer seen so far; the first `currentPlanCount` are of the rows as they are.
    private var plans: [AttentionPlan] = []
    private var currentPlanCount = 0
    /// The cache that the block tables were checked against.
    private var checkedCache: ObjectIdentifier?

    package init(_ rows: [AttentionRow] = []) {
        all = rows
        update { _ in }
    }

    /// The rows as threads read them, valid until the next `update`.
    var placed: UnsafeBufferPointer<PlacedRow> { places.all }

    /// Changes the rows; what was worked out from them is forgotten.
    package func update(_ change: (inout [AttentionRow]) -> Void) {
        change(&all)
        places.place(all)
        tokenEnd = all.reduce(0) { max($0, $1.firstToken + $1.tokenCount) }
        currentPlanCount = 0
        checkedCache = nil
    }

    /// The plan for layers of this kind.
    func plan(for attention: Attention, cache: KVStore, threadCount: Int) -> AttentionPlan {
        let kind = AttentionPlan.Kind(attention, cache, threadCount: threadCount)
        var index = 0
        while index < plans.count, plans[index].kind != kind { index += 1 }
        if index < currentPlanCount { return plans[index] }
        if index == plans.count { plans.append(AttentionPlan(kind)) }
        plans.swapAt(index, currentPlanCount)
        let plan = plans[currentPlanCount]
        currentPlanCount += 1
        plan.make(all, cache.descriptor(layer: 0))
        return plan
    }

    /// Requires that every row has the blocks that it needs, and that they are in the cache. Checks once a step.
    func check(_ cache: KVStore) {
        if checkedCache == ObjectIdentifier(cache) { return }
        for row in all {
            let blocks = (row.firstPosition + row.tokenCount + cache.blockSize - 1) / cache.blockSize
            precondition(row.blockTable.count >= blocks, "attend: \(row.blockTable.count) blocks for \(blocks)")
            for block in row.blockTable {
                precondition(
                    block >= 0 && Int(block) < cache.blockCount,
                    "attend: a block table names a block outside the cache"
                )
            }
        }
        checkedCache = ObjectIdentifier(cache)
    }
}
