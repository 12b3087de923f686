import Foundation
import Models
import Synchronization

/// Where blocks are kept on disk, and how much of it they may take.
package struct DiskCacheConfiguration: Sendable, Equatable {
    /// A folder of the cache's own; made when it does not exist. Several processes may share it.
    package let folder: String
    /// Most bytes of all blocks, of all models and processes that share the folder.
    package let byteLimit: Int
    /// How long a block lives after its last use; nil without end.
    package let timeToLive: Duration?
    /// Time between two looks at what other processes did to the folder.
    package let sweepInterval: Duration

    package init(
        folder: String,
        byteLimit: Int,
        timeToLive: Duration? = nil,
        sweepInterval: Duration = .seconds(60)
    ) throws(DiskCacheError) {
        if !folder.hasPrefix("/") { throw .settingInvalid(reason: "the folder \"\(folder)\" is no absolute path") }
        if byteLimit < 1 { throw .settingInvalid(reason: "\(byteLimit) bytes hold no block") }
        if let timeToLive, timeToLive <= .zero { throw .settingInvalid(reason: "blocks would not live at all") }
        self.folder = folder
        self.byteLimit = byteLimit
        self.timeToLive = timeToLive
        self.sweepInterval = sweepInterval
    }
}

/// What a disk cache has done since it was opened, and holds.
package struct DiskCacheStatistics: Sendable, Equatable {
    /// Blocks on disk, of all models that share the folder, as far as known.
    package var blockCount = 0
    /// Their bytes.
    package var bytes = 0
    package var savedBlocks: UInt64 = 0
    package var savedBytes: UInt64 = 0
    /// Blocks the disk would not take.
    package var failedSaves: UInt64 = 0
    package var restoredBlocks: UInt64 = 0
    package var restoredBytes: UInt64 = 0
    /// Blocks that were thought to be there and were not.
    package var absentBlocks: UInt64 = 0
    /// Blocks that were there and did not hold what they should; they are removed.
    package var damagedBlocks: UInt64 = 0
    /// Blocks removed for room or age.
    package var evictedBlocks: UInt64 = 0

    package init() {}
}

/// Keeps full blocks of one model's KV cache on disk and brings them back, on two threads of its own.
///
/// The engine never waits here: it asks the index what is there (memory only), hands over blocks and gets a report. From
/// `save` or `restore` until the report a block belongs to the cache's threads: the engine must not let anybody write it.
/// What is on disk outlives the process; see `BlockFolder` for how processes share it.
package final class DiskCache: Sendable {
    package let configuration: DiskCacheConfiguration
    /// How blocks are named, the same in every process that shares the folder and runs the same form.
    package let hasher: BlockHasher

    private let folder: BlockFolder
    private let folders: CacheFolders
    private let index: Mutex<DiskIndex>
    private let counters = Mutex(DiskCacheStatistics())
    /// After this moment nothing more is written.
    private let savingEnd = Mutex<ContinuousClock.Instant?>(nil)
    private let reader = DiskThread<ReadJob>()
    private let writer = DiskThread<WriteJob>()

    private struct ReadJob: Sendable {
        let restore: BlockRestore
        let memory: CacheBlockMemory
        let report: @Sendable (DiskReport) -> Void
    }

    private enum WriteJob: Sendable {
        case save([PlacedBlock], CacheBlockMemory, report: @Sendable (DiskReport) -> Void)
        case remove([BlockHash])
        case touch([BlockHash])
        case perform(@Sendable () -> Void)
    }

    /// Opens the cache for one form and looks at what is there. Waits for the disk.
    package init(_ configuration: DiskCacheConfiguration, form: CacheForm) throws(DiskCacheError) {
        self.configuration = configuration
        folders = CacheFolders(root: configuration.folder)
        folder = BlockFolder(root: configuration.folder, form: form)
        try folder.prepare()
        hasher = BlockHasher(secret: try folders.key(), form: form.digest)
        index = Mutex(DiskIndex(byteLimit: configuration.byteLimit, timeToLive: configuration.timeToLive))
        sweep()
        reader.start(name: "hearth-disk-in", interval: .seconds(3_600), onInterval: {}) { [weak self] in self?.run($0) }
        writer.start(
            name: "hearth-disk-out",
            interval: configuration.sweepInterval,
            onInterval: { [weak self] in self?.sweep() },
            run: { [weak self] in self?.run($0) }
        )
    }

    deinit {
        reader.stop()
        writer.stop()
    }

    /// Whether the block is thought to be on disk. Memory only.
    package func contains(_ hash: BlockHash) -> Bool {
        let now = DiskInstant.now
        return index.withLock { $0.contains(stored(hash), at: now) }
    }

    /// What the cache has done so far.
    package var statistics: DiskCacheStatistics {
        var statistics = counters.withLock { $0 }
        (statistics.blockCount, statistics.bytes) = index.withLock { ($0.count, $0.bytes) }
        return statistics
    }

    /// Writes blocks behind; reports each of them as `saved` once, some at a time.
    func save(_ blocks: [PlacedBlock], in memory: CacheBlockMemory, report: @escaping @Sendable (DiskReport) -> Void) {
        for first in stride(from: 0, to: blocks.count, by: 8) {
            writer.append(.save(Array(blocks[first..<min(first + 8, blocks.count)]), memory, report: report))
        }
    }

    /// Reads blocks until one is not to be had; reports `restored`.
    func restore(
        _ restore: BlockRestore,
        in memory: CacheBlockMemory,
        report: @escaping @Sendable (DiskReport) -> Void
    ) {
        reader.append(ReadJob(restore: restore, memory: memory, report: report))
    }

    /// Notes that blocks have been used, wherever they were found, the first of the chain first.
    func touch(_ hashes: [BlockHash]) {
        if !hashes.isEmpty { writer.append(.touch(hashes)) }
    }

    /// Forgets blocks, once everything handed over before is done.
    func remove(_ hashes: [BlockHash]) {
        if !hashes.isEmpty { writer.append(.remove(hashes)) }
    }

    /// Writes nothing more after `instant`; saves are still reported.
    func endSaving(at instant: ContinuousClock.Instant) { savingEnd.withLock { $0 = instant } }

    /// Looks at the folder anew, as happens now and then by itself, once everything handed over before is done.
    package func sweepNow() async {
        await withCheckedContinuation { continuation in
            writer.append(
                .perform { [weak self] in
                    self?.sweep()
                    continuation.resume()
                }
            )
        }
    }

    private func stored(_ hash: BlockHash) -> StoredBlock { StoredBlock(form: folder.form.digest, hash: hash) }
}

// MARK: - On the reading thread

extension DiskCache {
    private func run(_ job: ReadJob) {
        var opened: [Int32] = []
        let blocks = job.restore.blocks
        var count = 0
        // The system fetches some files ahead while this thread checks the present one.
        let aheadCount = 8
        while count < blocks.count {
            while opened.count < blocks.count, opened.count <= count + aheadCount {
                opened.append(folder.open(blocks[opened.count].content.hash))
            }
            if !read(blocks[count], from: opened[count], in: job.memory) { break }
            count += 1
        }
        for descriptor in opened.dropFirst(count + 1) where descriptor >= 0 { close(descriptor) }
        // The request computes the rest anew in any case, and what is not in the index is written anew.
        index.withLock { index in
            for block in blocks.dropFirst(count) { index.remove(stored(block.content.hash)) }
        }
        job.report(.restored(ticket: job.restore.ticket, count: count))
        touch(blocks.prefix(count).map(\.content.hash))
    }

    private func read(_ block: PlacedBlock, from descriptor: Int32, in memory: CacheBlockMemory) -> Bool {
        let hash = block.content.hash
        switch folder.read(descriptor, block.content, into: memory.runs(of: block.block)) {
        case .whole(let bytes):
            counters.withLock {
                $0.restoredBlocks += 1
                $0.restoredBytes += UInt64(bytes)
            }
            return true
        case .absent:
            counters.withLock { $0.absentBlocks += 1 }
        case .damaged:
            counters.withLock { $0.damagedBlocks += 1 }
            folder.remove(hash)
        }
        return false
    }
}

// MARK: - On the writing thread

extension DiskCache {
    private func run(_ job: WriteJob) {
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
        case .perform(let action): action()
        }
    }

    private func save(_ block: PlacedBlock, in memory: CacheBlockMemory) {
        let hash = block.content.hash
        if contains(hash) { return }
        let size = BlockFile.byteCount(tokenCount: block.content.tokens.count, payloadBytes: memory.blockBytes)
        if let end = savingEnd.withLock({ $0 }), ContinuousClock.now >= end { return }
        guard makeRoom(size), folder.write(block.content, from: memory.runs(of: block.block)) else {
            counters.withLock { $0.failedSaves += 1 }
            return
        }
        index.withLock { $0.insert(stored(hash), bytes: size, lastUse: .now) }
        counters.withLock {
            $0.savedBlocks += 1
            $0.savedBytes += UInt64(size)
        }
    }

    /// Evicts until `size` bytes are free; false when pinned blocks leave no room for them.
    private func makeRoom(_ size: Int) -> Bool {
        guard index.withLock({ $0.canHold(size) }) else { return false }
        evict(reserve: size)
        return true
    }

    private func evict(reserve: Int = 0) {
        let now = DiskInstant.now
        let victims = index.withLock { index in
            index.evict(at: now, reserve: reserve)
        }
        // What another process has used since stays; the next sweep finds it again.
        let removedCount = victims.count { folders.remove($0.block, unlessUsedAfter: $0.lastUse) }
        if removedCount > 0 { counters.withLock { $0.evictedBlocks += UInt64(removedCount) } }
    }

    /// Notes uses in the index and, where the disk's note is older than a minute, on disk.
    ///
    /// The end of a chain counts as used a little earlier than its beginning, so that it is evicted first: without its
    /// beginning the rest of a chain is worth nothing.
    private func noteUse(_ hashes: [BlockHash]) {
        let now = DiskInstant.now
        for (place, hash) in hashes.enumerated() {
            let use = DiskInstant(rawValue: now.rawValue - Int64(place) * 1_000)
            let isStale = index.withLock { index in
                guard let known = index.lastUse(of: stored(hash)) else { return false }
                index.touch(stored(hash), at: use)
                return known.advanced(by: .seconds(60)) < use
            }
            if isStale { folder.touch(hash, at: use) }
        }
    }

    /// Takes in what other processes and people did to the folder, and removes what has to go.
    private func sweep() {
        let begin = DiskInstant.now
        folders.removeUnfinished(at: begin)
        let (found, pinned) = (folders.blocks(), folders.pinnedBlocks())
        index.withLock { index in
            index.replace(with: found, sweptAt: begin)
            index.pin(pinned)
        }
        evict()
    }
}
