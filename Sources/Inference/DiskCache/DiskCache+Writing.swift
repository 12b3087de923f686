import Logging
import Models
import Synchronization

/// What the writing thread does, one thing after the other: nobody else writes files, evicts, or puts anything into the
/// index.
extension DiskCache {
    /// Most entries of the index that are changed under its lock at a time, for which the engine may have to wait.
    private static let batchCount = 1_000

    func run(_ job: WriteJob) {
        switch job {
        case .save(let blocks, let memory, let report):
            for block in blocks { save(block, in: memory) }
            report(.saved(blocks.map(\.block)))
        case .remove(let hashes):
            for hash in hashes {
                index.withLock { $0.remove(stored(hash)) }
                folder.remove(hash)
            }
        case .touch(let hashes): noteUse(hashes)
        case .noteRestore(let contents): noteRestore(contents)
        case .perform(let action): action()
        }
    }

    private func save(_ block: PlacedBlock, in memory: CacheBlockMemory) {
        let content = block.content
        if contains(content.hash) { return }
        let size = BlockFile.byteCount(tokenCount: content.tokens.count, payloadBytes: memory.blockBytes)
        if let end = savingEnd.withLock({ $0 }), ContinuousClock.now >= end { return }
        guard keep(content, of: size, from: memory.runs(of: block.block)) else {
            index.withLock { $0.lose(stored(content.hash)) }
            counters.withLock { $0.failedSaves += 1 }
            return
        }
        let noted = index.withLock {
            $0.insert(stored(content.hash), bytes: size, lastUse: .now, after: content.parent)
        }
        folder.touch(content.hash, at: noted)
        counters.withLock {
            $0.savedBlocks += 1
            $0.savedBytes += UInt64(size)
        }
    }

    /// Writes a block unless it could not be hit or its own chain would have to make room for it; whether it is there.
    private func keep(_ content: BlockContent, of size: Int, from runs: [UnsafeMutableRawBufferPointer]) -> Bool {
        let parent = stored(content.parent)
        if index.withLock({ $0.isLost(parent) }) { return false }
        // Or the block would be dated before others that were used while its request went on.
        let chain = index.withLock { $0.idleChain(to: parent, at: .now) }
        noteUse(chain.map(\.hash))
        let limit: DiskInstant = index.withLock { $0.lastUse(of: parent) } ?? .distantFuture
        return makeRoom(size, usedBefore: limit) && write(content, of: size, from: runs, usedBefore: limit)
    }

    /// Writes a block; whether it is there. Tries once more where it can help: after making room on a full disk, and
    /// after making the folders again.
    private func write(
        _ content: BlockContent,
        of size: Int,
        from runs: [UnsafeMutableRawBufferPointer],
        usedBefore limit: DiskInstant
    ) -> Bool {
        guard let failure = folder.write(content, from: runs) else {
            alarm.withLock { $0.noteSuccess() }
            return true
        }
        if failure.lacksFolder, keepFolders() {
            sweep()  // what the index knows is gone as well
        } else {
            tell(failure)
            if !failure.lacksRoom || !refreshPins() { return false }
            evict(downTo: index.withLock { $0.bytes } - size, usedBefore: limit)
        }
        guard let second = folder.write(content, from: runs) else { return true }
        tell(second)
        return false
    }

    private func tell(_ failure: WriteFailure) {
        guard alarm.withLock({ $0.noteFailure() }) else { return }
        warn(
            failure.lacksRoom
                ? "the disk is full before the disk cache is: its oldest blocks make room for new ones"
                : "the disk cache cannot write",
            failure.reason
        )
    }

    private func warn(_ message: String, _ reason: String) {
        logger.warning("\(message)", metadata: [LogKeys.error: "\(reason)", "folder": "\(configuration.folder)"])
    }

    /// Notes that blocks were read, and with them the ones before them: those were found in memory at the same time,
    /// and would count as used earlier if their note came first.
    private func noteRestore(_ contents: [BlockContent]) {
        for content in contents { index.withLock { $0.link(stored(content.hash), to: content.parent) } }
        guard let last = contents.last else { return }
        let chain = index.withLock { $0.chain(to: stored(last.hash)) }
        noteUse(chain?.map(\.hash) ?? contents.map(\.hash))
    }

    /// Notes uses in the index and, where the disk's note is older than a minute, on disk.
    ///
    /// The end of a chain counts as used a little earlier than its beginning, so that it is evicted first: without its
    /// beginning the rest of a chain is worth nothing.
    private func noteUse(_ hashes: [BlockHash]) {
        let now = DiskInstant.now
        var staleCount = 0
        for (place, hash) in hashes.enumerated() {
            let use = DiskInstant(rawValue: now.rawValue - Int64(place) * 1_000)
            if index.withLock({ $0.touch(stored(hash), at: use) }) { staleCount = place + 1 }
        }
        // All up to the last stale one: the files, too, have to tell later uses of the beginning than of the end.
        for hash in hashes.prefix(staleCount) {
            if let use = index.withLock({ $0.dateFile(of: stored(hash)) }) { folder.touch(hash, at: use) }
        }
    }
}

// MARK: - Room and pins

extension DiskCache {
    /// Evicts what was used before `limit` until `size` bytes are free; false when the rest leaves no room for them.
    private func makeRoom(_ size: Int, usedBefore limit: DiskInstant) -> Bool {
        let (now, target) = (DiskInstant.now, configuration.byteLimit - size)
        if index.withLock({ $0.isInOrder(at: now, downTo: target) }) { return true }
        guard refreshPins(), index.withLock({ $0.canHold(size) }) else { return false }
        evict(downTo: target, usedBefore: limit)
        return index.withLock { $0.bytes } <= target
    }

    /// Removes what has expired, and the longest unused blocks until the others take `target` bytes or were all used at
    /// `limit` or later.
    private func evict(downTo target: Int, usedBefore limit: DiskInstant = .distantFuture) {
        let now = DiskInstant.now
        var isDone = false
        while !isDone {
            let eviction = index.withLock {
                $0.evict(at: now, downTo: target, usedBefore: limit, steps: Self.batchCount)
            }
            // What another process has used since stays; the next sweep finds it again.
            let removedCount = eviction.victims.count { folders.remove($0.block, unlessUsedAfter: $0.lastUse) }
            if removedCount > 0 { counters.withLock { $0.evictedBlocks += UInt64(removedCount) } }
            isDone = eviction.isDone
        }
    }

    /// Learns of pins that have changed; whether it could. Asked before anything is evicted, so that a pin holds as soon as it
    /// is there.
    private func refreshPins() -> Bool {
        couldRead { () throws(DiskCacheError) in
            let times = try folders.pinTimes(at: .now)
            let isKnown = times.isSettled && pinTimes.withLock { $0 == times }
            if !isKnown { try readPins(of: times) }
        }
    }

    private func readPins(of times: PinTimes) throws(DiskCacheError) {
        let pinned = try folders.pinnedBlocks()
        index.withLock { $0.pin(pinned) }
        pinTimes.withLock { $0 = times }
    }

    /// Whether `body` could read the folders. Where it could not, as without a free file descriptor, nothing may be removed:
    /// it could be pinned.
    private func couldRead(_ body: () throws(DiskCacheError) -> Void) -> Bool {
        do throws(DiskCacheError) {
            try body()
            return true
        } catch {
            if alarm.withLock({ $0.noteFailure() }) {
                warn("the disk cache cannot be looked through, and nothing is removed from it", error.description)
            }
            return false
        }
    }
}

// MARK: - What others do

extension DiskCache {
    /// Takes in what other processes and people did to the folder, and removes what has to go.
    func sweep() {
        keepFolders()
        let begin = DiskInstant.now
        folders.removeUnfinished(at: begin)
        let isKnown = couldRead { () throws(DiskCacheError) in
            takeIn(try folders.blocks(), since: begin)
            try readPins(of: folders.pinTimes(at: .now))
        }
        if isKnown { evict(downTo: configuration.byteLimit) }
        alarm.withLock { $0.noteSweep() }
    }

    /// Takes in the blocks that a sweep has found.
    ///
    /// The engine asks the index when it plans a step, so what differs is worked out from a copy.
    private func takeIn(_ found: [FoundBlock], since begin: DiskInstant) {
        let now = DiskInstant.now
        // A date to come would keep the file from being evicted.
        for block in found where block.lastUse > now { folders.setLastUse(of: block.block, to: now) }
        let changes = index.withLock { $0 }.changes(to: found, since: begin, until: now)
        for first in stride(from: 0, to: changes.count, by: Self.batchCount) {
            let batch = changes[first..<min(first + Self.batchCount, changes.count)]
            index.withLock { $0.apply(batch) }
        }
    }

    /// Makes again what somebody has removed: the key, so that others name blocks as this process does, and the folders
    /// of the form. Whether they are there.
    @discardableResult
    private func keepFolders() -> Bool {
        if let present = try? folders.key(orElse: key), alarm.withLock({ $0.noteKey(isOwn: present == key) }) {
            warn(
                "the disk cache has another key now: what is warmed or pinned is not found before a restart",
                "the folder was removed, and made again by another process"
            )
        }
        if folder.isPrepared { return true }
        do throws(DiskCacheError) {
            try folder.prepare()
        } catch {
            return false  // which the next block to write tells
        }
        warn("the folder of the disk cache is made again", "it was removed")
        return true
    }
}
