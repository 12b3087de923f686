import Checkpoints
import Crypto
import Foundation
import Models
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Deployments

/// Packs from the first start to the last: made, used, refused, made anew, collected.
@Suite struct PackedLoadingTests {
    private let folder: TemporaryFolder
    private let checkpointPath: String
    private var store: PackStore { PackStore(home: folder.path + "/home") }

    init() throws {
        folder = try TemporaryFolder()
        checkpointPath = folder.path + "/model.gguf"
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-q4_0.gguf"), toPath: checkpointPath)
    }

    @Test func `the first start makes a pack, the second one uses it`() throws {
        #expect(try load().notices == [])
        let made = try packs()
        #expect(made.count == 1)
        let inode = try self.inode(made[0])
        let second = try load()
        #expect(second.notices == [])
        #expect(second.logits == (try load(at: nil).logits))
        #expect(try self.inode(made[0]) == inode)
        #expect(folder.files(under: "home/packs") == [made[0], made[0] + ".checked"])
    }

    @Test func `a damaged pack is made anew with a notice`() throws {
        let expected = try load().logits
        let path = folder.path + "/home/packs/" + (try packs())[0]
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for index in [9, 20, 17_000, whole.count - 3] {
            var bytes = whole
            bytes[index] ^= 4
            try bytes.write(to: URL(fileURLWithPath: path))
            let (logits, notices) = try load()
            #expect(logits == expected)
            #expect(notices.count == 1 && notices[0].hasSuffix("It is made anew."))
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
        }
        try whole.prefix(5000).write(to: URL(fileURLWithPath: path))
        #expect(try load().notices.count == 1)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
    }

    @Test func `a changed checkpoint does not get the old pack, which is collected`() throws {
        _ = try load()
        let old = try packs()
        let handle = try #require(FileHandle(forUpdatingAtPath: checkpointPath))
        let end = try handle.seekToEnd()
        try handle.seek(toOffset: end - 1)
        try handle.write(contentsOf: Data([0]))
        try handle.close()
        #expect(try load().logits == (try load(at: nil).logits))
        #expect(try packs().count == 1)
        #expect(try packs() != old)
        try FileManager.default.removeItem(atPath: checkpointPath)
        #expect(store.collect(keeping: []) > 0)
        #expect(try packs() == [])
        #expect(folder.files(under: "home/packs") == [])
    }

    @Test func `a pack is read whole once, and again when somebody wrote to it`() throws {
        _ = try load()
        let path = folder.path + "/home/packs/" + (try packs())[0]
        #expect(!FileManager.default.fileExists(atPath: path + ".checked"))
        _ = try load()
        let checked = try Data(contentsOf: URL(fileURLWithPath: path + ".checked"))
        _ = try load()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + ".checked")) == checked)
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: 17_000)
        try handle.write(contentsOf: Data([0x5A, 0xA5, 0x5A]))
        try handle.close()
        #expect(try load().notices.count == 1)
        #expect(try load().notices == [])
    }

    @Test func `a pack with another matrix in it is made anew with one notice`() throws {
        let checkpoint = try Checkpoint.open(path: checkpointPath)
        let identity = try PackStore.identity(of: checkpoint, stored: nil)
        try FileManager.default.createDirectory(atPath: store.root, withIntermediateDirectories: true)
        try PackWriter(path: store.path(of: identity), identity: identity).finish()
        let (logits, notices) = try load()
        #expect(logits == (try load(at: nil).logits))
        #expect(notices.count == 1 && notices[0].hasSuffix("It is made anew."))
        #expect(try load().notices == [])
    }

    @Test func `where nothing can be written weights stay in memory, with one notice`() throws {
        let (logits, notices) = try load(at: PackStore(home: "/proc/hearth"))
        #expect(logits == (try load(at: nil).logits))
        #expect(notices.count == 1 && notices[0].hasSuffix("The packed weights are kept in memory only."))
    }

    @Test func `several loads at once make one whole pack and the same numbers`() async throws {
        let expected = try load(at: nil).logits
        try await withThrowingTaskGroup(of: [UInt32].self) { group in
            for _ in 0..<4 { group.addTask { try load().logits } }
            for try await logits in group { #expect(logits == expected) }
        }
        #expect(try packs().count == 1)
        #expect(folder.files(under: "home/packs").filter { !$0.hasSuffix(".checked") } == (try packs()))
    }

    @Test func `merged weights have a pack of their own, which goes with their adapter or their base`() throws {
        let adapter = folder.path + "/adapter.gguf"
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter.gguf"), toPath: adapter)
        let plain = try load()
        let made = try packs()
        let merged = try load(at: store, merging: adapter)
        #expect(merged.logits != plain.logits && merged.notices == [])
        let both = try packs()
        #expect(both.count == 2 && Set(both).isSuperset(of: made))
        #expect(try load(at: store, merging: adapter).logits == merged.logits)
        #expect(try load(at: nil, merging: adapter).logits == merged.logits)
        #expect(try load().logits == plain.logits)
        #expect(try packs() == both && store.collect(keeping: []) == 0)
        // Another adapter at the same place has other weights.
        try FileManager.default.removeItem(atPath: adapter)
        #expect(store.collect(keeping: []) > 0)
        #expect(try packs() == made)
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter.gguf"), toPath: adapter)
        _ = try load(at: store, merging: adapter)
        #expect(try packs().count == 2)
        try FileManager.default.removeItem(atPath: checkpointPath)
        #expect(store.collect(keeping: []) > 0)
        #expect(try packs() == [])
    }

    @Test func `what was opened gets no pack under the name of what took its place`() throws {
        let opened = try Checkpoint.open(path: checkpointPath)
        #expect(throws: Never.self) { try PackStore.identity(of: opened, stored: nil) }
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-q8_0.gguf"), toPath: checkpointPath + ".new")
        #expect(rename(checkpointPath + ".new", checkpointPath) == 0)
        #expect(throws: PackError.replaced(path: checkpointPath)) { try PackStore.identity(of: opened, stored: nil) }
        let next = try Checkpoint.open(path: checkpointPath)
        #expect(throws: Never.self) { try PackStore.identity(of: next, stored: nil) }
    }

    @Test func `a model of the store gets a pack only where its files are the store's`() async throws {
        let fixture = try StoreFixture()
        let paths = try ["llama-q4_0", "llama-q8_0"].map { try TestData.tiny("\($0).gguf") }
        try AtomicFile.makeFolder(fixture.store.root + "/blobs")
        let files = try paths.map { path in
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            let hash = ContentHash(SHA256.hash(data: data))
            try data.write(to: URL(fileURLWithPath: fixture.store.blobPath(hash)))
            return ModelManifest.File(path: "model.gguf", hash: hash, byteCount: data.count)
        }
        let old = try #require(try await fixture.commit("m", [files[0]]))
        #expect(throws: Never.self) { try PackStore.identity(of: Checkpoint.open(path: old.path), stored: old) }
        // Another process refreshes the model after its manifest was read.
        let new = try #require(try await fixture.commit("m", [files[1]]))
        let opened = try Checkpoint.open(path: old.path)
        #expect(throws: PackError.self) { try PackStore.identity(of: opened, stored: old) }
        #expect(throws: Never.self) { try PackStore.identity(of: opened, stored: new) }
    }

    @Test func `what a killed writer left is collected, what a living one writes is not`() throws {
        let checkpoint = try Checkpoint.open(path: checkpointPath)
        let identity = try PackStore.identity(of: checkpoint, stored: nil)
        let partial = store.path(of: identity) + ".partial"
        do {
            guard let lock = try store.lock(identity) else { throw CancellationError() }
            try Data([1]).write(to: URL(fileURLWithPath: partial))
            #expect(store.collect(keeping: []) == 0)
            withExtendedLifetime(lock) {}
        }
        #expect(store.collect(keeping: []) == 1)
    }

    @Test func `weights in fewer bits have packs of their own, each of its type, which go with their files`() throws {
        try FileManager.default.removeItem(atPath: checkpointPath)
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-f16.gguf"), toPath: checkpointPath)
        let adapter = folder.path + "/adapter.gguf"
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter.gguf"), toPath: adapter)
        let forms: [(adapter: String?, type: ElementType?)] = [
            (nil, nil), (nil, .q8_0), (nil, .q4_0), (adapter, nil), (adapter, .q8_0),
        ]
        let made = try forms.map { try load(at: store, merging: $0.adapter, weightsAs: $0.type) }
        #expect(Set(made.map(\.logits)).count == forms.count && made.allSatisfy { $0.notices == [] })
        let all = try packs()
        #expect(all.count == forms.count)
        for (form, first) in zip(forms, made) {
            #expect(try load(at: store, merging: form.adapter, weightsAs: form.type).logits == first.logits)
            #expect(try load(at: nil, merging: form.adapter, weightsAs: form.type).logits == first.logits)
        }
        #expect(try packs() == all && store.collect(keeping: []) == 0)
        try FileManager.default.removeItem(atPath: adapter)
        #expect(store.collect(keeping: []) > 0)
        #expect(try packs().count == 3)
        try FileManager.default.removeItem(atPath: checkpointPath)
        #expect(store.collect(keeping: []) > 0)
        #expect(try packs() == [])
    }

    @Test func `where no weights are floats the pack is the file's own, and the user is told`() throws {
        try FileManager.default.removeItem(atPath: checkpointPath)
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-q4_0.gguf"), toPath: checkpointPath)
        let plain = try load()
        let (logits, notices) = try load(at: store, weightsAs: .q8_0)
        #expect(logits == plain.logits)
        #expect(notices == ["test has no weights in floats: they stay as they are, not Q8_0."])
        #expect(try packs().count == 1)
    }

    /// Logits of a few tokens, as bits, and what the user was told.
    private func load() throws -> (logits: [UInt32], notices: [String]) { try load(at: store) }

    private func load(
        at store: PackStore?,
        merging adapter: String? = nil,
        weightsAs type: ElementType? = nil
    ) throws -> (logits: [UInt32], notices: [String]) {
        let notices = Notices()
        var configuration = DeploymentConfiguration(name: "test", path: checkpointPath)
        configuration.packs = store.map { PackSetting(store: $0, stored: nil) }
        configuration.mergedAdapter = adapter.map { AdapterReference(name: "a", path: $0) }
        configuration.weightType = type
        configuration.notice = { notices.add($0) }
        let workers = WorkerPool(threadCount: 2)
        let served = try ServedCheckpoint(Checkpoint.open(path: checkpointPath), configuration, on: workers)
        let decoder = try Deployment.loadDecoder(served, configuration, workers: workers)
        decoder.allocateCache(blockCount: 1, blockSize: 32)
        let row = ForwardRow(firstPosition: 0, tokenCount: 4, blockTable: [BlockID(rawValue: 0)], logitCount: 1)
        let tokens = (1...4).map { TokenID(rawValue: $0) }
        let logits = decoder.forward(ForwardBatch(tokens: tokens, rows: [row])).row(0).map(\.bitPattern)
        return (logits, notices.all)
    }

    private func packs() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: store.root).filter { $0.hasSuffix(".pack") }.sorted()
    }

    private func inode(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: "\(store.root)/\(name)")[.systemFileNumber] as? Int
    }
}
