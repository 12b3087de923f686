import Foundation
package import Logging
import Models
import Synchronization

/// Keeps full blocks of one model's KV cache on disk and brings them back, on two threads of its own.
///
/// The engine never waits here: it asks the index what is there (memory only), hands over blocks and gets a report. From
/// `save` or `restore` until the report a block belongs to the cache's threads: the engine must not let anybody write it.
/// What is on disk outlives the process; see `BlockFolder` for how processes share it.
package final class DiskCache: Sendable {
    package let configuration: DiskCacheConfiguration
    /// How blocks are named, the same in every process that shares the folder and runs the same form.
    package let hasher: BlockHasher

    let folder: BlockFolder
    let folders: CacheFolders
    /// The secret that names of blocks depend on.
    let key: [UInt8]
    let logger: Logger
    let index: Mutex<DiskIndex>
    let counters = Mutex(DiskCacheStatistics())
    let alarm = Mutex(DiskAlarm())
    /// Of the pins that the index knows.
    let pinTimes = Mutex(PinTimes())
    /// After this moment nothing more is written.
    let savingEnd = Mutex<ContinuousClock.Instant?>(nil)
    private let reader = DiskThread<ReadJob>()
    private let writer = DiskThread<WriteJob>()

    private struct ReadJob: Sendable {
        let restore: BlockRestore
        let memory: CacheBlockMemory
        let report: @Sendable (DiskReport) -> Void
    }

    enum WriteJob: Sendable {
        case save([PlacedBlock], CacheBlockMemory, report: @Sendable (DiskReport) -> Void)
        case remove([BlockHash])
        case touch([BlockHash])
        case noteRestore([BlockContent])
        case perform(@Sendable () -> Void)
    }

    /// Opens the cache for one form and looks at what is there. Waits for the disk.
    ///
    /// - Parameter logger: gets what an operator should know: a full disk, a folder that somebody removed.
    package convenience init(
        _ configuration: DiskCacheConfiguration,
        form: CacheForm,
        logger: Logger = Engine.silentLogger
    ) throws(DiskCacheError) {
        let folder = BlockFolder(root: configuration.folder, form: form)
        try self.init(configuration, folder: folder, logger: logger)
    }

    /// - Parameter folder: of one form, in the folder that the configuration names.
    init(
        _ configuration: DiskCacheConfiguration,
        folder: BlockFolder,
        logger: Logger = Engine.silentLogger
    ) throws(DiskCacheError) {
        self.configuration = configuration
        self.folder = folder
        self.logger = logger
        folders = CacheFolders(root: configuration.folder)
        try folder.prepare()
        key = try folders.key()
        hasher = BlockHasher(secret: key, form: folder.form.digest)
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

    func stored(_ hash: BlockHash) -> StoredBlock { StoredBlock(form: folder.form.digest, hash: hash) }
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
        if count > 0 { writer.append(.noteRestore(blocks.prefix(count).map(\.content))) }
        job.report(.restored(ticket: job.restore.ticket, count: count))
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
