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

    private struct Entry {
        var bytes: Int
        var lastUse: DiskInstant
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

    /// Notes that the block is there and was used at `instant`; a use that is older than the known one changes nothing.
    mutating func insert(_ block: StoredBlock, bytes size: Int, lastUse instant: DiskInstant) {
        let known = entries[block]
        let use = max(instant, known?.lastUse ?? instant)
        bytes += size - (known?.bytes ?? 0)
        entries[block] = Entry(bytes: size, lastUse: use)
        if known?.lastUse != use { enqueue(block, use) }
    }

    /// Notes a use of a block that is there.
    mutating func touch(_ block: StoredBlock, at instant: DiskInstant) {
        guard let entry = entries[block] else { return }
        insert(block, bytes: entry.bytes, lastUse: instant)
    }

    /// Notes that the block is gone.
    mutating func remove(_ block: StoredBlock) {
        guard let entry = entries.removeValue(forKey: block) else { return }
        bytes -= entry.bytes
    }

    /// Replaces what is known by what a sweep that began at `instant` has found. Blocks used since then stay.
    mutating func replace(with found: [FoundBlock], sweptAt instant: DiskInstant) {
        let seen = Set(found.map(\.block))
        for (block, entry) in entries where !seen.contains(block) && entry.lastUse < instant { remove(block) }
        for block in found { insert(block.block, bytes: block.bytes, lastUse: block.lastUse) }
    }

    /// Sets which blocks neither age nor room can remove.
    mutating func pin(_ blocks: Set<StoredBlock>) {
        let freed = pinned.subtracting(blocks)
        pinned = blocks
        for block in freed { if let entry = entries[block] { enqueue(block, entry.lastUse) } }
    }

    /// Whether `size` more bytes can be had without touching pinned blocks.
    func canHold(_ size: Int) -> Bool { pinnedBytes + size <= byteLimit }

    /// Takes out what has to go: expired blocks, then the longest unused ones until the rest fits.
    ///
    /// - Parameter reserve: bytes to have free afterwards.
    mutating func evict(at now: DiskInstant, reserve: Int = 0) -> [FoundBlock] {
        var victims: [FoundBlock] = []
        while let oldest = queue.first {
            guard let entry = entries[oldest.block], entry.lastUse == oldest.lastUse, !pinned.contains(oldest.block)
            else {
                queue.removeFirst()  // gone, used since, or pinned: unpinning puts it back
                continue
            }
            if bytes + reserve <= byteLimit, !hasExpired(oldest.block, entry, at: now) { break }
            queue.removeFirst()
            remove(oldest.block)
            victims.append(FoundBlock(block: oldest.block, bytes: entry.bytes, lastUse: entry.lastUse))
        }
        return victims
    }

    private func hasExpired(_ block: StoredBlock, _ entry: Entry, at now: DiskInstant) -> Bool {
        guard let timeToLive, !pinned.contains(block) else { return false }
        return entry.lastUse.advanced(by: timeToLive) <= now
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

/// A binary heap with the longest unused block on top.
private struct OldestFirst: Sendable {
    private(set) var elements: [QueuedBlock] = []

    init(_ elements: [QueuedBlock] = []) {
        // A sorted list is a heap.
        self.elements = elements.sorted { $0.lastUse < $1.lastUse }
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
        var parent = 0
        while 2 * parent + 1 < elements.count {
            var child = 2 * parent + 1
            if child + 1 < elements.count, elements[child + 1].lastUse < elements[child].lastUse { child += 1 }
            if elements[parent].lastUse <= elements[child].lastUse { return }
            elements.swapAt(parent, child)
            parent = child
        }
    }
}
