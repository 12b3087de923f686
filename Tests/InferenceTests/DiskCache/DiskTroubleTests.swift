import Foundation
import Testing

@testable import Inference

/// What people, clocks and full disks do to a cache that runs.
@Suite struct DiskTroubleTests {
    let folder = TemporaryFolder()

    @Test func `a pin holds from the moment it is made, and no longer than it is there`() async throws {
        let memory = BlockMemory(blockCount: 32)
        let cache = try cache(byteLimit: 5 * Self.fileBytes)
        await memory.save([0, 1], to: cache)
        try pin([0], of: memory, as: "first")
        await memory.save(Array(2..<15), to: cache)
        #expect(cache.contains(memory.content(0).hash))
        // Within the grain of the folder's time.
        try pin([14], of: memory, as: "second")
        await memory.save(Array(15..<30), to: cache)
        #expect([0, 14].allSatisfy { cache.contains(memory.content($0).hash) })
        #expect(folder.blockFiles.count == 5)
        #expect(try CacheFolders(root: folder.path).unpin("first") == 1)
        await memory.save([30], to: cache)
        #expect([0, 14].map { cache.contains(memory.content($0).hash) } == [false, true])
    }

    @Test func `a pin on blocks that fill the budget keeps others out at once`() async throws {
        let memory = BlockMemory(blockCount: 3)
        let cache = try cache(byteLimit: 2 * Self.fileBytes)
        await memory.save([0, 1], to: cache)
        try pin([0, 1], of: memory, as: "all")
        await memory.save([2], to: cache)
        #expect(cache.statistics.failedSaves == 1)
        #expect([0, 1].allSatisfy { cache.contains(memory.content($0).hash) })
    }

    @Test func `files with a date to come are evicted before new blocks`() async throws {
        let memory = BlockMemory(blockCount: 6)
        await memory.save([0, 1, 2], to: try cache())
        let tomorrow = Date(timeIntervalSinceNow: 86_400)
        for file in folder.blockFiles {
            try FileManager.default.setAttributes([.modificationDate: tomorrow], ofItemAtPath: file)
        }
        let next = try cache(byteLimit: 3 * Self.fileBytes)
        await memory.save([3, 4, 5], to: next)
        #expect((0..<6).map { next.contains(memory.content($0).hash) } == [false, false, false, true, true, true])
        #expect(folder.blockFiles.count == 3)
    }

    @Test func `on a full disk the oldest blocks make room, though the budget would allow more`() async throws {
        let memory = BlockMemory(blockCount: 10)
        let cache = try cache(onDiskOf: 4)
        await memory.save(Array(0..<10), to: cache)
        #expect((0..<10).map { cache.contains(memory.content($0).hash) } == (0..<10).map { $0 >= 6 })
        #expect(folder.blockFiles.count == 4)
        #expect(cache.statistics.failedSaves == 0)
        #expect(cache.statistics.evictedBlocks == 6)
    }

    @Test func `on a full disk the beginning of a chain does not make room for its end`() async throws {
        let chain = BlockMemory(blockCount: 7, isChain: true)
        let cache = try cache(onDiskOf: 4)
        await chain.save(Array(0..<7), to: cache)
        #expect((0..<7).map { cache.contains(chain.content($0).hash) } == (0..<7).map { $0 < 4 })
        #expect(cache.statistics.evictedBlocks == 0)
    }

    @Test func `while pins cannot be read nothing is removed, and what is known stays`() async throws {
        let memory = BlockMemory(blockCount: 12)
        let cache = try cache(byteLimit: 5 * Self.fileBytes)
        await memory.save([0, 1], to: cache)
        try pin([0], of: memory, as: "first")
        let pins = folder.path + "/" + DiskCacheTests.form.digest.name + "/pins"
        try FileManager.default.moveItem(atPath: pins, toPath: pins + ".away")
        try FileManager.default.createSymbolicLink(atPath: pins, withDestinationPath: pins)
        await memory.save(Array(2..<10), to: cache)
        await cache.sweepNow()
        #expect((0..<10).map { cache.contains(memory.content($0).hash) } == (0..<10).map { $0 < 5 })
        #expect(cache.statistics.failedSaves == 5 && folder.blockFiles.count == 5)
        try FileManager.default.removeItem(atPath: pins)
        try FileManager.default.moveItem(atPath: pins + ".away", toPath: pins)
        await memory.save([10], to: cache)
        #expect([0, 1, 10].map { cache.contains(memory.content($0).hash) } == [true, false, true])
    }

    @Test func `a file of a size that no block has is left alone`() async throws {
        let cache = try cache()
        let path = BlockFolder(root: folder.path, form: DiskCacheTests.form).file(of: BlockHash(first: 1, second: 1))
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        // Where the file system has no files of two tebibytes there is nothing to see.
        if truncate(path, 1 << 41) == 0 {
            await cache.sweepNow()
            #expect(cache.statistics.blockCount == 0)
        }
    }

    @Test func `not even a full disk removes what is pinned`() async throws {
        let memory = BlockMemory(blockCount: 5)
        let cache = try cache(onDiskOf: 4)
        await memory.save([0, 1, 2, 3], to: cache)
        try pin([0, 1, 2, 3], of: memory, as: "all")
        await memory.save([4], to: cache)
        #expect(cache.statistics.failedSaves == 1)
        #expect((0..<5).map { cache.contains(memory.content($0).hash) } == [true, true, true, true, false])
    }

    @Test func `a trouble that lasts is told once, and one that comes and goes once a sweep`() {
        var alarm = DiskAlarm()
        var told = [alarm.noteFailure(), alarm.noteFailure()]
        alarm.noteSweep()
        told.append(alarm.noteFailure())
        alarm.noteSuccess()
        told.append(alarm.noteFailure())
        alarm.noteSuccess()
        alarm.noteSweep()
        told.append(alarm.noteFailure())
        #expect(told == [true, false, false, false, true])
        let keys = [true, false, false, true, false].map { alarm.noteKey(isOwn: $0) }
        #expect(keys == [false, true, false, false, true])
    }

    @Test func `a folder that was removed is made again with the same key`() async throws {
        let memory = BlockMemory(blockCount: 4)
        let cache = try cache()
        await memory.save([0, 1], to: cache)
        let key = try CacheFolders(root: folder.path).key()
        try FileManager.default.removeItem(atPath: folder.path)
        await memory.save([2], to: cache)
        #expect(cache.statistics.failedSaves == 0)
        #expect(cache.statistics.blockCount == 1)
        #expect(try CacheFolders(root: folder.path).key() == key)
        let later = try self.cache()
        #expect(await memory.restore([2], into: [3], from: later) == 1)
    }

    @Test func `a sweep makes again what was removed, though nothing is written`() async throws {
        let memory = BlockMemory(blockCount: 1)
        let cache = try cache()
        await memory.save([0], to: cache)
        let key = try CacheFolders(root: folder.path).key()
        unlink(folder.path + "/key")
        await cache.sweepNow()
        #expect(try CacheFolders(root: folder.path).key() == key)
        try FileManager.default.removeItem(atPath: folder.path)
        await cache.sweepNow()
        #expect(cache.statistics.blockCount == 0)
        #expect(try CacheFolders(root: folder.path).key() == key)
        #expect(CacheFolders(root: folder.path).about(DiskCacheTests.form.digest).first == "test")
    }

    @Test func `more blocks than are taken in at a time are all found, and all forgotten`() async throws {
        let cache = try cache()
        let blocks = BlockFolder(root: folder.path, form: DiskCacheTests.form)
        let paths = (0..<2_300).map { number in
            blocks.file(of: BlockHash(first: UInt64(number) << 60 | UInt64(number), second: 1))
        }
        for path in paths { #expect(FileManager.default.createFile(atPath: path, contents: Data([1]))) }
        await cache.sweepNow()
        #expect(cache.statistics.blockCount == 2_300)
        #expect(cache.statistics.bytes == 2_300)
        for path in paths.dropFirst(7) { unlink(path) }
        await cache.sweepNow()
        #expect(cache.statistics.blockCount == 7)
    }

    @Test func `a cache without a limit leaves alone what is there`() async throws {
        let memory = BlockMemory(blockCount: 8)
        await memory.save(Array(0..<7), to: try cache())
        let unlimited = try cache(byteLimit: .max)
        await memory.save([7], to: unlimited)
        #expect(unlimited.statistics.blockCount == 8)
        #expect(folder.blockFiles.count == 8)
    }

    @Test func `an idle thread does what is due again and again`() async {
        let thread = DiskThread<Int>()
        let calls = AsyncStream<Void> { continuation in
            thread.start(
                name: "test",
                interval: .milliseconds(1),
                onInterval: { continuation.yield() },
                run: { _ in }
            )
        }
        var count = 0
        for await _ in calls {
            count += 1
            if count == 3 { break }
        }
        thread.stop()
        #expect(count == 3)
    }
}

extension DiskTroubleTests {
    private static let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)

    private func pin(_ numbers: [Int], of memory: BlockMemory, as name: String) throws {
        let hashes = numbers.map { memory.content($0).hash }
        let prefix = PinnedPrefix(name: name, hashes: hashes)
        try CacheFolders(root: folder.path).pin(prefix, of: DiskCacheTests.form.digest)
    }

    private func cache(byteLimit: Int = 1 << 20) throws -> DiskCache {
        try DiskCache(configuration(byteLimit: byteLimit), form: DiskCacheTests.form)
    }

    /// On a disk that has room for so many blocks.
    private func cache(onDiskOf blockCount: Int) throws -> DiskCache {
        var blocks = BlockFolder(root: folder.path, form: DiskCacheTests.form)
        blocks.transfer = { [folder] descriptor, runs in
            folder.blockFiles.count < blockCount ? Transfer.write(descriptor, runs) : ENOSPC
        }
        return try DiskCache(configuration(byteLimit: 1 << 20), folder: blocks)
    }

    private func configuration(byteLimit: Int) throws -> DiskCacheConfiguration {
        // Long enough that no sweep happens by itself.
        try DiskCacheConfiguration(folder: folder.path, byteLimit: byteLimit, sweepInterval: .seconds(3_600))
    }
}
