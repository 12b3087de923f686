import Foundation

/// A moment as files know it: nanoseconds since 1970.
package struct DiskInstant: RawRepresentable, Hashable, Comparable, Sendable {
    package var rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// The present, by the system's clock: what other processes and the next start compare with.
    package static var now: DiskInstant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return DiskInstant(time)
    }

    /// Later than every use.
    static let distantFuture = DiskInstant(rawValue: .max)

    package static func < (left: DiskInstant, right: DiskInstant) -> Bool { left.rawValue < right.rawValue }

    init(_ time: timespec) { rawValue = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }

    var timeSpecification: timespec {
        timespec(tv_sec: Int(rawValue / 1_000_000_000), tv_nsec: Int(rawValue % 1_000_000_000))
    }

    /// The moment `duration` later.
    func advanced(by duration: Duration) -> DiskInstant {
        let (seconds, attoseconds) = duration.components
        let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflows { return DiskInstant(rawValue: .max) }
        let (sum, overflowsToo) = rawValue.addingReportingOverflow(whole &+ attoseconds / 1_000_000_000)
        return DiskInstant(rawValue: overflowsToo ? .max : sum)
    }
}

/// Names a block file among those of all forms.
struct StoredBlock: Hashable, Sendable {
    var form: CacheForm.Digest
    var hash: BlockHash
}

/// One block's file as a sweep of the folders found it, or as the index knew it.
struct FoundBlock: Sendable, Equatable {
    var block: StoredBlock
    var bytes: Int
    var lastUse: DiskInstant
}

/// Something that a sweep found otherwise than the index knew it.
struct IndexChange: Sendable, Equatable {
    var block: StoredBlock
    /// The last use that the index knew; nil when it did not know the block. With any other the change is outdated.
    var knownUse: DiskInstant?
    /// What is there; nil when nothing is.
    var entry: DiskIndex.Entry?
}

/// What is on disk, how large it is and when it was used last: decides what can be hit and what has to go. Pure: knows
/// neither files nor clock.
///
/// The index may be wrong about the disk, because other processes write and remove there, too: a hit that is not there
/// is a miss, and a block it does not know of is computed once more.
struct DiskIndex: Sendable {
    /// Most bytes of all blocks of all forms together.
    let byteLimit: Int
    /// How long a block lives after its last use; nil without end.
    let timeToLive: Duration?
    /// Bytes of all blocks.
    private(set) var bytes = 0
    private var entries: [StoredBlock: Entry] = [:]
    private var pinned: Set<StoredBlock> = []
    /// Blocks by their last use. An element that does not match its entry any more counts for nothing.
    private var queue = OldestFirst()
    /// Blocks that had to go or were not taken, the latest of them.
    private var lost = LatestBlocks()

    /// One block that is there.
    struct Entry: Sendable, Equatable {
        var bytes: Int
        var lastUse: DiskInstant
        /// The last use that the file tells: it is not dated anew for each.
        var noted: DiskInstant
        /// The hash of the chain before it; nil while only a sweep has seen the block.
        var parent: BlockHash?
    }

    init(byteLimit: Int, timeToLive: Duration?) {
        self.byteLimit = byteLimit
        self.timeToLive = timeToLive
    }

    /// Number of blocks.
    var count: Int { entries.count }

    /// Bytes of blocks that are pinned.
    var pinnedBytes: Int { pinned.reduce(0) { $0 + (entries[$1]?.bytes ?? 0) } }

    /// Whether the block can be hit at `now`.
    func contains(_ block: StoredBlock, at now: DiskInstant) -> Bool {
        guard let entry = entries[block] else { return false }
        return !hasExpired(block, entry, at: now)
    }

    /// When the block was used last; nil when it is not there.
    func lastUse(of block: StoredBlock) -> DiskInstant? { entries[block]?.lastUse }

    /// Notes that the block was written, and used at `instant`.
    ///
    /// Behind a block that is there it counts as used a little earlier than that one, so that it is evicted first.
    ///
    /// - Parameter parent: the hash of the chain before it.
    /// - Returns: the last use that its file is to tell.
    @discardableResult
    mutating func insert(
        _ block: StoredBlock,
        bytes size: Int,
        lastUse instant: DiskInstant,
        after parent: BlockHash? = nil
    ) -> DiskInstant {
        var entry = Entry(bytes: size, lastUse: instant, noted: instant, parent: parent)
        if let parent, let previous = entries[StoredBlock(form: block.form, hash: parent)] {
            entry.lastUse = min(instant, previous.lastUse.advanced(by: .microseconds(-1)))
            // The files keep this order as well: the next process knows nothing else.
            entry.noted = min(entry.lastUse, previous.noted.advanced(by: .microseconds(-1)))
        }
        put(block, entry)
        return entry.noted
    }

    /// Notes a use of a block that is there; one that is older than the known one changes nothing.
    ///
    /// - Returns: whether its file tells a use that is older by more than a minute.
    @discardableResult
    mutating func touch(_ block: StoredBlock, at instant: DiskInstant) -> Bool {
        guard var entry = entries[block] else { return false }
        entry.lastUse = max(entry.lastUse, instant)
        put(block, entry)
        return entry.noted.advanced(by: .seconds(60)) < entry.lastUse
    }

    /// Notes that the block's file is dated anew, and gives the date; nil when the block is not there.
    mutating func dateFile(of block: StoredBlock) -> DiskInstant? {
        guard let lastUse = entries[block]?.lastUse else { return nil }
        entries[block]?.noted = lastUse
        return lastUse
    }

    /// Notes which block one that is there follows.
    mutating func link(_ block: StoredBlock, to parent: BlockHash) { entries[block]?.parent = parent }

    /// The blocks before `block`, the first of the chain first, and itself: what has to be there for it to be hit. Nil
    /// where nobody has said yet what comes before.
    func chain(to block: StoredBlock) -> [StoredBlock]? {
        var chain: [StoredBlock] = []
        var next = block
        while let entry = entries[next] {
            chain.append(next)
            guard let parent = entry.parent else { return nil }
            next = StoredBlock(form: block.form, hash: parent)
        }
        return chain.reversed()
    }

    /// The chain to `block` if that was used last more than ten seconds ago, else none: a chain that is being written
    /// would otherwise be gone through for each of its blocks.
    func idleChain(to block: StoredBlock, at now: DiskInstant) -> [StoredBlock] {
        guard let entry = entries[block], entry.lastUse.advanced(by: .seconds(10)) < now else { return [] }
        return chain(to: block) ?? []
    }

    /// Notes that the block was not taken.
    mutating func lose(_ block: StoredBlock) { lost.insert(block) }

    /// Whether the block is known to be missing: what follows it could not be hit.
    func isLost(_ block: StoredBlock) -> Bool { entries[block] == nil && lost.contains(block) }

    /// Notes that the block is gone.
    mutating func remove(_ block: StoredBlock) {
        guard let entry = entries.removeValue(forKey: block) else { return }
        bytes -= entry.bytes
    }

    /// How the folders, as a sweep from `begin` to `end` found them, differ from the index. Blocks used meanwhile stay.
    ///
    /// No use is later than `end`: after a clock was set back, or for files that came with dates of their own, a use to
    /// come would outlive every other. Takes long; ask a copy.
    func changes(to found: [FoundBlock], since begin: DiskInstant, until end: DiskInstant) -> [IndexChange] {
        var missing = entries
        var changes: [IndexChange] = []
        for block in found {
            let known = missing.removeValue(forKey: block.block)
            let noted = min(block.lastUse, end)
            let lastUse = min(max(noted, known?.lastUse ?? noted), end)
            let entry = Entry(bytes: block.bytes, lastUse: lastUse, noted: noted, parent: known?.parent)
            if entry == known { continue }
            changes.append(IndexChange(block: block.block, knownUse: known?.lastUse, entry: entry))
        }
        for (block, entry) in missing where entry.lastUse < begin || entry.lastUse > end {
            changes.append(IndexChange(block: block, knownUse: entry.lastUse, entry: nil))
        }
        return changes
    }

    /// Takes in changes, except those of blocks that have been used, written or removed since they were worked out.
    mutating func apply(_ changes: some Sequence<IndexChange>) {
        for change in changes where entries[change.block]?.lastUse == change.knownUse {
            if let entry = change.entry {
                put(change.block, entry)
            } else {
                remove(change.block)
            }
        }
    }

    /// Sets which blocks neither age nor room can remove.
    mutating func pin(_ blocks: Set<StoredBlock>) {
        let freed = pinned.subtracting(blocks)
        pinned = blocks
        for block in freed { if let entry = entries[block] { enqueue(block, entry.lastUse) } }
    }

    /// Whether `size` more bytes can be had without touching pinned blocks.
    func canHold(_ size: Int) -> Bool { pinnedBytes + size <= byteLimit }

    /// Whether the blocks take no more than `target` bytes and none has expired. May say no too often, never yes.
    func isInOrder(at now: DiskInstant, downTo target: Int) -> Bool {
        if bytes > target { return false }
        guard let timeToLive, let oldest = queue.first else { return true }
        return oldest.lastUse.advanced(by: timeToLive) > now
    }

    /// Takes out what has to go: expired blocks, then the longest unused ones until the rest takes `target` bytes.
    ///
    /// - Parameters:
    ///   - limit: what was used then or later stays, unless it has expired, even where the rest takes more.
    ///   - steps: most elements of the queue to look at, outdated ones among them: the engine may be waiting.
    /// - Returns: what was taken out, and whether nothing more has to go.
    mutating func evict(
        at now: DiskInstant,
        downTo target: Int,
        usedBefore limit: DiskInstant = .distantFuture,
        steps: Int = .max
    ) -> (victims: [FoundBlock], isDone: Bool) {
        var victims: [FoundBlock] = []
        for _ in 0..<steps {
            guard let oldest = queue.first else { return (victims, true) }
            // Others are gone, used since, or pinned: unpinning puts them back.
            if let entry = entries[oldest.block], entry.lastUse == oldest.lastUse, !pinned.contains(oldest.block) {
                let mayStay = bytes <= target || entry.lastUse >= limit
                if mayStay, !hasExpired(oldest.block, entry, at: now) { return (victims, true) }
                remove(oldest.block)
                lost.insert(oldest.block)
                victims.append(FoundBlock(block: oldest.block, bytes: entry.bytes, lastUse: entry.lastUse))
            }
            queue.removeFirst()
        }
        return (victims, false)
    }

    private func hasExpired(_ block: StoredBlock, _ entry: Entry, at now: DiskInstant) -> Bool {
        guard let timeToLive, !pinned.contains(block) else { return false }
        return entry.lastUse.advanced(by: timeToLive) <= now
    }

    private mutating func put(_ block: StoredBlock, _ entry: Entry) {
        let known = entries.updateValue(entry, forKey: block)
        bytes += entry.bytes - (known?.bytes ?? 0)
        if known?.lastUse != entry.lastUse { enqueue(block, entry.lastUse) }
    }

    private mutating func enqueue(_ block: StoredBlock, _ instant: DiskInstant) {
        // Keeps outdated elements to a constant share of the memory.
        if queue.count > 4 * entries.count + 64 {
            queue = OldestFirst(entries.map { QueuedBlock(block: $0.key, lastUse: $0.value.lastUse) })
        }
        queue.insert(QueuedBlock(block: block, lastUse: instant))
    }

    /// What is wrong with the index's books, in words; empty when nothing is. Linear.
    func invariantViolations() -> [String] {
        var violations: [String] = []
        if entries.values.reduce(0, { $0 + $1.bytes }) != bytes {
            violations.append("the bytes are not those of blocks")
        }
        let queued = Set(queue.elements)
        for (block, entry) in entries where !pinned.contains(block) {
            if !queued.contains(QueuedBlock(block: block, lastUse: entry.lastUse)) {
                violations.append("block \(block.hash.name) can never be evicted")
            }
        }
        return violations
    }
}

/// A block and the use it was queued for.
private struct QueuedBlock: Hashable, Sendable {
    var block: StoredBlock
    var lastUse: DiskInstant
}

/// The latest of many blocks: the last 4,096 at least, and never more than twice as many.
private struct LatestBlocks: Sendable {
    private var young: Set<StoredBlock> = []
    private var old: Set<StoredBlock> = []

    func contains(_ block: StoredBlock) -> Bool { young.contains(block) || old.contains(block) }

    mutating func insert(_ block: StoredBlock) {
        if young.count == 4_096 { (old, young) = (young, []) }
        young.insert(block)
    }
}

/// A binary heap with the longest unused block on top.
private struct OldestFirst: Sendable {
    private(set) var elements: [QueuedBlock] = []

    init(_ elements: [QueuedBlock] = []) {
        self.elements = elements
        // From the last parent up, which is linear: the engine may be waiting.
        for parent in stride(from: elements.count / 2 - 1, through: 0, by: -1) { sink(parent) }
    }

    var count: Int { elements.count }
    var first: QueuedBlock? { elements.first }

    mutating func insert(_ element: QueuedBlock) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, elements[child].lastUse < elements[(child - 1) / 2].lastUse {
            elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() {
        elements.swapAt(0, elements.count - 1)
        elements.removeLast()
        sink(0)
    }

    private mutating func sink(_ element: Int) {
        var parent = element
        while 2 * parent + 1 < elements.count {
            var child = 2 * parent + 1
            if child + 1 < elements.count, elements[child + 1].lastUse < elements[child].lastUse { child += 1 }
            if elements[parent].lastUse <= elements[child].lastUse { return }
            elements.swapAt(parent, child)
            parent = child
        }
    }
}
