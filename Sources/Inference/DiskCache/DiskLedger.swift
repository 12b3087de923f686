package import Models

/// Which blocks the disk cache holds, and what it is to do next: the books beside `BlockLedger`'s.
///
/// A block that the disk reads or writes has a holder more than its sequences, so that it is not handed out meanwhile,
/// whatever becomes of them.
struct DiskLedger {
    /// Blocks the disk holds, and how often.
    private(set) var heldBlocks: [BlockID: Int] = [:]
    /// Blocks handed over for writing that have not come back.
    private(set) var savingCount = 0
    /// Most blocks that are handed over for writing at a time: a slow disk must not keep the pool from requests.
    private let savingLimit: Int
    /// Blocks that became full or were hit without being on disk, oldest first. Some may be used for other things by
    /// now.
    private var offered: [BlockID] = []
    private var isOffered: [Bool]
    private var removals: [BlockHash] = []
    private var touches: [BlockHash] = []
    private var nextTicket: UInt64 = 1
    /// The blocks of restores under way, by ticket.
    private var restores: [UInt64: [PlacedBlock]] = [:]

    init(blockCount: Int) {
        savingLimit = max(1, min(32, blockCount / 4))
        isOffered = Array(repeating: false, count: blockCount)
    }

    /// How often the disk holds the block.
    func holdCount(of block: BlockID) -> Int { heldBlocks[block] ?? 0 }

    /// Whether anything is to be written or being written.
    var hasUnsavedBlocks: Bool { savingCount > 0 || !offered.isEmpty }

    /// Notes a block whose content is worth keeping.
    mutating func offer(_ block: BlockID) {
        let index = Int(block.rawValue)
        if isOffered[index] { return }
        isOffered[index] = true
        offered.append(block)
    }

    /// Notes that blocks have been hit.
    mutating func touch(_ hashes: some Sequence<BlockHash>) { touches += hashes }

    /// Notes that blocks must not be found on disk.
    mutating func forget(_ hashes: [BlockHash]) { removals += hashes }

    mutating func hold(_ block: BlockID) { heldBlocks[block, default: 0] += 1 }

    mutating func release(_ block: BlockID) {
        let count = heldBlocks[block] ?? 0
        precondition(count > 0, "DiskLedger: block \(block.rawValue) comes back from disk but was not there")
        heldBlocks[block] = count > 1 ? count - 1 : nil
    }

    /// Opens a restore.
    mutating func begin(_ blocks: [PlacedBlock]) -> BlockRestore {
        let restore = BlockRestore(ticket: nextTicket, blocks: blocks)
        restores[nextTicket] = blocks
        nextTicket += 1
        return restore
    }

    /// Closes a restore and gives its blocks.
    mutating func end(_ ticket: UInt64) -> [PlacedBlock] { restores.removeValue(forKey: ticket) ?? [] }

    /// The next blocks to write, as many as may be handed over.
    mutating func takeOffered() -> [BlockID] {
        let count = min(max(savingLimit - savingCount, 0), offered.count)
        let taken = Array(offered.prefix(count))
        offered.removeFirst(count)
        for block in taken { isOffered[Int(block.rawValue)] = false }
        return taken
    }

    mutating func noteHandedOver(_ count: Int) { savingCount += count }

    mutating func noteSaved(_ count: Int) {
        savingCount -= count
        precondition(savingCount >= 0, "DiskLedger: more blocks were written than handed over")
    }

    mutating func takeNotes() -> (removals: [BlockHash], touches: [BlockHash]) {
        defer { (removals, touches) = ([], []) }
        return (removals, touches)
    }
}

/// What the disk cache is to do.
package struct DiskWork: Sendable, Equatable {
    /// Blocks to write; the disk holds them until it has reported them saved.
    package var saves: [PlacedBlock] = []
    /// Blocks that must not be found on disk.
    package var removals: [BlockHash] = []
    /// Blocks that were hit in memory, the first of a chain first.
    package var touches: [BlockHash] = []
}

extension Scheduler {
    /// Whether something is to be written or being written.
    package var hasUnsavedBlocks: Bool { blocks.disk?.hasUnsavedBlocks ?? false }

    /// Blocks that the disk cache holds just now.
    package var diskHeldBlockCount: Int { blocks.disk?.heldBlocks.count ?? 0 }

    /// Takes what the disk cache is to do.
    package mutating func takeDiskWork(isStored: (BlockHash) -> Bool) -> DiskWork {
        guard blocks.disk != nil else { return DiskWork() }
        var work = DiskWork()
        while let offered = blocks.disk?.takeOffered(), !offered.isEmpty {
            // What was reused since it was offered is lost to the disk; what is there already need not be written.
            let wanted = offered.compactMap { block in
                blocks.cache.content(of: block).map { PlacedBlock(block: block, content: $0) }
            }.filter { !isStored($0.content.hash) }
            for place in wanted { blocks.holdForDisk(place.block) }
            blocks.disk?.noteHandedOver(wanted.count)
            work.saves += wanted
        }
        if let notes = blocks.disk?.takeNotes() { (work.removals, work.touches) = notes }
        return work
    }

    /// Takes blocks back that were handed over for writing.
    package mutating func endSaves(_ saved: [BlockID]) {
        for block in saved { blocks.releaseFromDisk(block) }
        blocks.disk?.noteSaved(saved.count)
    }

    /// Takes the blocks of a restore back, of which the first `count` hold what they should.
    ///
    /// - Returns: the request that goes on now; nil when it was cancelled or preempted meanwhile.
    package mutating func endRestore(_ ticket: UInt64, count: Int) -> Admission? {
        let places = blocks.disk?.end(ticket) ?? []
        defer { for place in places { blocks.releaseFromDisk(place.block) } }
        guard let index = running.firstIndex(where: { $0.restoreTicket == ticket }) else { return nil }
        running[index].restoreTicket = nil
        running[index].computedCount += count * blocks.blockSize
        blocks.registerFullBlocks(of: &running[index])
        var admission = start(index)
        admission.restoredTokenCount = count * blocks.blockSize
        return admission
    }

    /// Opens a restore for the sequence that was admitted last, when the disk has what follows its hits in memory.
    mutating func beginRestore(isStored: (BlockHash) -> Bool) -> BlockRestore? {
        guard blocks.disk != nil, let sequence = running.last else { return nil }
        let first = sequence.registeredCount
        blocks.disk?.touch(sequence.hashes[..<first])
        for block in sequence.blocks[..<first] { blocks.disk?.offer(block) }
        var places: [PlacedBlock] = []
        for index in first..<max(first, sequence.hittableCount(blockSize: blocks.blockSize)) {
            let hash = sequence.hashes[index]
            if !isStored(hash) { break }
            let held = sequence.tokens[index * blocks.blockSize..<(index + 1) * blocks.blockSize]
            let parent = sequence.parentHash(ofBlock: index)
            let content = BlockContent(hash: hash, parent: parent, tokens: Array(held))
            places.append(PlacedBlock(block: sequence.blocks[index], content: content))
        }
        if places.isEmpty { return nil }
        for place in places { blocks.holdForDisk(place.block) }
        let restore = blocks.disk?.begin(places)
        running[running.count - 1].restoreTicket = restore?.ticket
        return restore
    }
}
