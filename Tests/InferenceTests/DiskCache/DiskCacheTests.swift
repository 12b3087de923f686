import Foundation
import Models
import Testing
import Tokenization

@testable import Inference

/// The store without an engine: files, budgets, pins, and what other processes do.
@Suite struct DiskCacheTests {
    let folder = TemporaryFolder()

    @Test func `a block comes back bit for bit, in another process, too`() async throws {
        let memory = BlockMemory(blockCount: 8)
        let first = try cache()
        await memory.save([0, 1, 2], to: first)
        let expected = memory.bytes(0) + memory.bytes(1) + memory.bytes(2)
        let second = try cache()
        #expect(await memory.restore([0, 1, 2], into: [5, 6, 7], from: second) == 3)
        #expect(memory.bytes(5) + memory.bytes(6) + memory.bytes(7) == expected)
    }

    @Test func `a restore ends at the first block that is not there`() async throws {
        let memory = BlockMemory(blockCount: 8)
        let cache = try cache()
        await memory.save([0, 1, 3], to: cache)
        #expect(await memory.restore([0, 1, 2, 3], into: [4, 5, 6, 7], from: cache) == 2)
        #expect(cache.statistics.absentBlocks == 1)
    }

    @Test func `the folder never takes more than its budget`() async throws {
        let memory = BlockMemory(blockCount: 40)
        let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        let cache = try cache(byteLimit: 10 * fileBytes)
        for block in 0..<40 {
            await memory.save([block], to: cache)
            #expect(folder.blockFiles.count <= 10)
        }
        #expect(folder.blockFiles.count == 10)
        #expect(cache.contains(memory.content(39).hash))
        #expect(!cache.contains(memory.content(0).hash))
        #expect(cache.statistics.evictedBlocks == 30)
    }

    @Test func `a smaller budget is met at the start`() async throws {
        let memory = BlockMemory(blockCount: 12)
        await memory.save(Array(0..<12), to: try cache())
        let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        _ = try cache(byteLimit: 3 * fileBytes)
        #expect(folder.blockFiles.count == 3)
    }

    @Test func `the end of a chain is evicted before its beginning`() async throws {
        let memory = BlockMemory(blockCount: 6)
        let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        let cache = try cache(byteLimit: 5 * fileBytes)
        await memory.save([0, 1, 2, 3, 4], to: cache)
        cache.touch((0..<5).map { memory.content($0).hash })
        await memory.save([5], to: cache)
        #expect((0..<5).map { cache.contains(memory.content($0).hash) } == [true, true, true, true, false])
    }

    @Test func `a chain that was just written is evicted from its end, by the next process, too`() async throws {
        let (chain, stranger) = (BlockMemory(blockCount: 5, isChain: true), BlockMemory(blockCount: 10))
        let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        let first = try cache(byteLimit: 5 * fileBytes)
        await chain.save(Array(0..<5), to: first)
        await stranger.save([9], to: first)
        #expect((0..<5).map { first.contains(chain.content($0).hash) } == [true, true, true, true, false])
        let second = try cache(byteLimit: 3 * fileBytes)
        #expect((0..<5).map { second.contains(chain.content($0).hash) } == [true, true, false, false, false])
        #expect(second.contains(stranger.content(9).hash))
    }

    @Test func `of a chain that is longer than the budget the beginning is kept`() async throws {
        let chain = BlockMemory(blockCount: 20, isChain: true)
        let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        let cache = try cache(byteLimit: 5 * fileBytes)
        await chain.save(Array(0..<20), to: cache)
        #expect((0..<20).map { cache.contains(chain.content($0).hash) } == (0..<20).map { $0 < 5 })
        #expect(cache.statistics.savedBlocks == 5 && cache.statistics.failedSaves == 15)
    }

    @Test func `blocks that were read go before those in memory that they follow`() async throws {
        let (chain, stranger) = (BlockMemory(blockCount: 6, isChain: true), BlockMemory(blockCount: 10))
        let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        let cache = try cache(byteLimit: 4 * fileBytes)
        await chain.save(Array(0..<4), to: cache)
        cache.touch((0..<2).map { chain.content($0).hash })
        #expect(await chain.restore([2, 3], into: [4, 5], from: cache) == 2)
        await stranger.save([8, 9], to: cache)
        #expect((0..<4).map { cache.contains(chain.content($0).hash) } == [true, true, false, false])
    }

    @Test func `a file that tells an old use is dated anew, though the block was used a moment ago`() async throws {
        let memory = BlockMemory(blockCount: 1)
        let cache = try cache()
        await memory.save([0], to: cache)
        let file = folder.blockFiles[0]
        let past = Date(timeIntervalSinceNow: -300)
        try FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: file)
        await cache.sweepNow()
        cache.touch([memory.content(0).hash])
        await cache.sweepNow()
        let date = try FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date
        #expect((date ?? past).timeIntervalSince(past) > 200)
    }

    @Test func `what is pinned survives budget and age, and leaves when it is unpinned`() async throws {
        let memory = BlockMemory(blockCount: 30)
        let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        let cache = try cache(byteLimit: 5 * fileBytes)
        await memory.save([0, 1], to: cache)
        let folders = CacheFolders(root: folder.path)
        let hashes = [memory.content(0).hash, memory.content(1).hash]
        try folders.pin(PinnedPrefix(name: "policy", hashes: hashes), of: Self.form.digest)
        await cache.sweepNow()
        await memory.save(Array(2..<30), to: cache)
        #expect(hashes.allSatisfy(cache.contains))
        #expect(try folders.pins(of: Self.form.digest).map(\.name) == ["policy"])
        #expect(try folders.unpin("policy") == 1)
        await cache.sweepNow()
        await memory.save(Array(2..<29), to: cache)
        #expect(!hashes.contains(where: cache.contains))
    }

    @Test func `pinned blocks alone may fill the budget, and nothing else is written then`() async throws {
        let memory = BlockMemory(blockCount: 4)
        let fileBytes = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        let cache = try cache(byteLimit: 2 * fileBytes)
        await memory.save([0, 1], to: cache)
        let hashes = [memory.content(0).hash, memory.content(1).hash]
        try CacheFolders(root: folder.path).pin(PinnedPrefix(name: "all", hashes: hashes), of: Self.form.digest)
        await cache.sweepNow()
        await memory.save([2], to: cache)
        #expect(cache.statistics.failedSaves == 1)
        #expect(hashes.allSatisfy(cache.contains))
    }

    @Test func `what a killed process left unfinished is never read and goes after a while`() async throws {
        let memory = BlockMemory(blockCount: 4)
        let cache = try cache()
        await memory.save([0], to: cache)
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.blockFiles[0]))
        let unfinished = folder.path + "/" + Self.form.digest.name + "/unfinished/"
        for (name, age) in [("123-fresh", 0.0), ("123-old", 3_600)] {
            try whole.prefix(100).write(to: URL(fileURLWithPath: unfinished + name))
            let date = Date(timeIntervalSinceNow: -age)
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: unfinished + name)
        }
        let next = try self.cache()
        #expect(next.statistics.blockCount == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: unfinished) == ["123-fresh"])
    }

    @Test func `a sweep removes unfinished keys and nothing that people keep beside the key`() async throws {
        let cache = try cache()
        let kept = ["key", "key.bak", "key.12", "key.12-", "key.12-34.bak", "key.old-1", "keys", "key.1-2-3"]
        let date = Date(timeIntervalSinceNow: -3_600)
        for name in kept.dropFirst() + ["key.12-34"] {
            try Data(name.utf8).write(to: URL(fileURLWithPath: folder.path + "/" + name))
        }
        for name in kept + ["key.12-34"] {
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: folder.path + "/" + name)
        }
        await cache.sweepNow()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.filter { $0.hasPrefix("key") }.sorted() == kept.sorted())
    }

    @Test func `a file that the system cannot read is a miss and not damage`() async throws {
        let memory = BlockMemory(blockCount: 2)
        await memory.save([0], to: try cache())
        let blocks = BlockFolder(root: folder.path, form: Self.form)
        let content = memory.content(0)
        let runs = memory.access.runs(of: BlockID(rawValue: 1))
        // One that can be looked at and not read, and one that cannot even be looked at.
        let unreadable = open(blocks.file(of: content.hash), O_WRONLY | O_CLOEXEC)
        #expect(unreadable >= 0)
        #expect(blocks.read(unreadable, content, into: runs) == .absent)
        #expect(blocks.read(.max, content, into: runs) == .absent)
        #expect(blocks.read(blocks.open(content.hash), memory.content(1), into: runs) == .damaged)
        let size = BlockFile.byteCount(tokenCount: 4, payloadBytes: BlockMemory.blockBytes)
        #expect(blocks.read(blocks.open(content.hash), content, into: runs) == .whole(bytes: size))
        #expect(memory.bytes(1) == memory.bytes(0))
    }

    @Test func `two processes see each other's blocks and removals at the next sweep`() async throws {
        let memory = BlockMemory(blockCount: 4)
        let (first, second) = (try cache(), try cache())
        await memory.save([0, 1], to: first)
        #expect(!second.contains(memory.content(0).hash))
        await second.sweepNow()
        #expect(second.contains(memory.content(0).hash))
        #expect(try CacheFolders(root: folder.path).clear(Self.form.digest, includingPinned: false).blockCount == 2)
        #expect(await memory.restore([0], into: [2], from: second) == 0)
        await first.sweepNow()
        #expect(!first.contains(memory.content(1).hash))
    }

    @Test func `every process finds the same key, whoever makes it`() async throws {
        let keys = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<16 { group.addTask { [path = folder.path] in try CacheFolders(root: path + "/sub").key() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(keys).count == 1)
        #expect(keys[0].count == 32)
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder.path + "/sub/key"))
        #expect(throws: DiskCacheError.self) { try CacheFolders(root: folder.path + "/sub").key() }
    }

    @Test func `nobody else may read what prompts said`() async throws {
        let memory = BlockMemory(blockCount: 1)
        await memory.save([0], to: try cache())
        for path in folder.blockFiles + [folder.path + "/key"] {
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test func `a folder that cannot be used is told at the start`() throws {
        let file = folder.path + "/file"
        try Data().write(to: URL(fileURLWithPath: file))
        let configuration = try DiskCacheConfiguration(folder: file, byteLimit: 1)
        #expect(throws: DiskCacheError.self) { try DiskCache(configuration, form: Self.form) }
        #expect(throws: DiskCacheError.self) { try DiskCacheConfiguration(folder: "relative", byteLimit: 1) }
        #expect(throws: DiskCacheError.self) { try DiskCacheConfiguration(folder: "/x", byteLimit: 0) }
    }
}

extension DiskCacheTests {
    static let form = CacheForm(modelName: "test", facts: ["weights=1"])

    func cache(byteLimit: Int = 1 << 20) throws -> DiskCache {
        // Long enough that no sweep happens by itself.
        let configuration = try DiskCacheConfiguration(
            folder: folder.path,
            byteLimit: byteLimit,
            sweepInterval: .seconds(3_600)
        )
        return try DiskCache(configuration, form: Self.form)
    }
}

/// Blocks of random bytes in two runs, as a model of two layers has them.
///
/// `@unchecked Sendable`: each test uses its own, one operation after the other.
final class BlockMemory: @unchecked Sendable {
    static let blockBytes = 2 * 160
    private let layers: [UnsafeMutableRawBufferPointer]
    /// Whether each block follows the one before it; otherwise they have nothing to do with each other.
    private let isChain: Bool

    init(blockCount: Int, isChain: Bool = false) {
        self.isChain = isChain
        var random = SeededGenerator(blockCount)
        layers = (0..<2).map { _ in
            let layer = UnsafeMutableRawBufferPointer.allocate(byteCount: 160 * blockCount, alignment: 64)
            for index in layer.indices { layer[index] = UInt8.random(in: 0 ... .max, using: &random) }
            return layer
        }
    }

    deinit { layers.forEach { $0.deallocate() } }

    var access: CacheBlockMemory {
        CacheBlockMemory(blockBytes: Self.blockBytes) { [self] block in
            layers.map { layer in
                let start = Int(block.rawValue) * 160
                return UnsafeMutableRawBufferPointer(rebasing: layer[start..<start + 160])
            }
        }
    }

    func bytes(_ block: Int) -> [UInt8] { layers.flatMap { Array($0[block * 160..<(block + 1) * 160]) } }

    /// What block `number` is said to hold.
    func content(_ number: Int) -> BlockContent {
        BlockContent(
            hash: hash(number),
            parent: isChain && number > 0 ? hash(number - 1) : BlockHash(first: UInt64(number), second: 8),
            tokens: tokens(from: number, count: 4)
        )
    }

    private func hash(_ number: Int) -> BlockHash {
        BlockHash(first: UInt64(number) << 60 | UInt64(number), second: 7)
    }

    /// Returns when the cache is done with the blocks.
    func save(_ numbers: [Int], to cache: DiskCache) async {
        let places = numbers.map { PlacedBlock(block: BlockID(rawValue: Int32($0)), content: content($0)) }
        let reports = AsyncStream<Int> { continuation in
            cache.save(places, in: access) { report in
                if case .saved(let blocks) = report { continuation.yield(blocks.count) }
            }
        }
        var count = 0
        for await saved in reports {
            count += saved
            if count == numbers.count { break }
        }
    }

    /// The number of blocks that came back.
    func restore(_ numbers: [Int], into blocks: [Int], from cache: DiskCache) async -> Int {
        let places = zip(numbers, blocks).map { number, block in
            PlacedBlock(block: BlockID(rawValue: Int32(block)), content: content(number))
        }
        return await withCheckedContinuation { continuation in
            cache.restore(BlockRestore(ticket: 1, blocks: places), in: access) { report in
                if case .restored(_, let count) = report { continuation.resume(returning: count) }
            }
        }
    }
}
