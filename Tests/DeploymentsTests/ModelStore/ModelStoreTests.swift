import Crypto
import Foundation
import JSON
import Testing

@testable import Deployments

/// The store without any network: blobs, manifests, snapshots, locks.
@Suite struct ModelStoreTests {
    private let fixture: StoreFixture
    private var folder: TemporaryFolder { fixture.folder }
    private var store: ModelStore { fixture.store }

    init() throws { fixture = try StoreFixture() }

    private func blob(_ text: String) async throws -> ModelManifest.File { try await fixture.blob(text) }

    private func commit(_ name: String, _ files: [ModelManifest.File]) async throws -> StoredModel? {
        try await fixture.commit(name, files)
    }

    @Test func `a stored model is listed, opened under its file's name and survives a new process's view`() async throws
    {
        let model = try #require(try await commit("hf:owner/x:Q8_0", [blob("weights")]))
        #expect(try String(contentsOfFile: model.path, encoding: .utf8) == "weights")
        #expect(model.path.hasSuffix("/snapshots/hf%3aowner%2fx%3aQ8_0/weights.gguf"))
        let again = ModelStore(root: folder.path + "/home")
        #expect(try again.models() == [model])
        #expect(try again.model(named: "hf:owner/x:Q8_0") == model)
        #expect(try again.model(named: "other") == nil)
    }

    @Test func `removing a model keeps what others use and frees the rest`() async throws {
        let shared = try await blob("shared")
        let alone = try await blob("only here")
        _ = try await commit("one", [shared, alone])
        let other = try #require(try await commit("two", [shared]))
        #expect(try await store.remove(named: "one").freedBytes == "only here".utf8.count)
        #expect(try store.models() == [other])
        #expect(folder.files(under: "home/blobs") == ["sha256-\(shared.hash)"])
        #expect(try await store.remove(named: "two").freedBytes == "shared".utf8.count)
        #expect(folder.files(under: "home/blobs").isEmpty)
        #expect(folder.files(under: "home/locks").isEmpty)
    }

    @Test func `removing what is not there suggests what is`() async throws {
        _ = try await commit("smollm2-135m", [blob("w")])
        let expected = StoreError.modelUnknown(name: "smollm-135m", suggestions: ["smollm2-135m"])
        await #expect(throws: expected) { try await store.remove(named: "smollm-135m") }
    }

    @Test func `a model whose blob is gone or cut short is not taken for whole`() async throws {
        let file = try await blob("weights")
        _ = try await commit("m", [file])
        try Data("wei".utf8).write(to: URL(fileURLWithPath: store.blobPath(file.hash)))
        #expect(try store.model(named: "m") == nil)
        #expect(try await commit("m", [file]) == nil)
        unlink(store.blobPath(file.hash))
        #expect(try store.model(named: "m") == nil)
    }

    @Test func `a lost link is made again`() async throws {
        let model = try #require(try await commit("m", [blob("weights")]))
        unlink(model.path)
        #expect(try store.model(named: "m")?.path == model.path)
        #expect(try String(contentsOfFile: model.path, encoding: .utf8) == "weights")
    }

    @Test(arguments: [
        "", "{", "[]", "{\"name\": \"m\"}", "{\"name\":\"m\",\"source\":\"s\",\"created\":1,\"files\":[]}",
    ])
    func `a damaged manifest is named, not guessed at`(text: String) throws {
        try fixture.writeManifest("m", text)
        #expect {
            try store.model(named: "m")
        } throws: { error in
            guard case StoreError.damagedManifest(let path, _) = error else { return false }
            return path.hasSuffix("/models/m.json")
        }
    }

    @Test func `a manifest cannot lead out of its folder`() throws {
        let hash = String(repeating: "a", count: 64)
        let text = """
            {"name":"m","source":"s","created":1,"files":[{"path":"../../x","sha256":"\(hash)","size":1}]}
            """
        try fixture.writeManifest("m", text)
        #expect(throws: StoreError.self) { try store.model(named: "m") }
        #expect(try store.inventory().faults.count == 1)
    }

    @Test func `what arrives with another hash is deleted`() async throws {
        let wanted = ContentHash(SHA256.hash(data: Data("right".utf8)))
        let request = BlobRequest(name: "file", byteCount: 5, check: .sha256(wanted))
        let actual = ContentHash(SHA256.hash(data: Data("wrong".utf8)))
        let expected = PullError.store(.hashMismatch(file: "file", expected: wanted.hex, actual: actual.hex))
        await #expect(throws: expected) {
            try await store.fetchBlob(request, report: { _ in }) { (partial) async throws(PullError) in
                try StoreFixture.append("wrong", to: partial)
            }
        }
        #expect(folder.files(under: "home/blobs").isEmpty)
    }

    @Test func `a file larger than the disk is refused before it is begun`() async throws {
        let hash = ContentHash(SHA256.hash(data: Data()))
        let request = BlobRequest(name: "huge", byteCount: 1 << 60, check: .sha256(hash))
        await #expect {
            try await store.fetchBlob(request, report: { _ in }) { (_) async throws(PullError) in
                Issue.record("the download was begun")
            }
        } throws: { error in
            guard case PullError.store(.diskFull(_, let needed, _)) = error else { return false }
            return needed == 1 << 60
        }
    }

    @Test func `a home that cannot be made is explained`() async throws {
        try Data().write(to: URL(fileURLWithPath: folder.path + "/file"))
        let broken = ModelStore(root: folder.path + "/file/home")
        await #expect {
            _ = try await broken.lock("x") {}
        } throws: { error in
            guard case StoreError.fileSystem(_, let path, _) = error else { return false }
            return path.hasSuffix("/file")
        }
        #expect(try broken.models().isEmpty)
    }

    @Test func `errors of the file system become sentences that say what to do`() {
        #expect(StoreError.system("write", "/x", code: ENOSPC).description.contains("is full"))
        #expect(StoreError.system("write", "/x", code: EROFS).description.contains("HEARTH_HOME"))
        #expect(StoreError.system("write", "/x", code: EACCES).description.contains("HEARTH_HOME"))
        #expect(
            StoreError.system("read", "/x", code: EIO)
                == .fileSystem(operation: "read", path: "/x", reason: "Input/output error")
        )
    }

    @Test func `sizes read as people write them`() {
        let shown = [0, 1, 999, 1000, 98_362_432, 999_960, 1_500_000_000].map { ByteCount($0).description }
        #expect(shown == ["0 bytes", "1 byte", "999 bytes", "1.0 kB", "98.4 MB", "1.0 MB", "1.5 GB"])
    }

    @Test(arguments: [
        [-1], [1_125_899_906_842_625], [Int.max], [Int.max, Int.max],
        [Int](repeating: 1_125_899_906_842_624, count: 1025),
    ])
    func `a manifest with sizes that no files have is damaged`(sizes: [Int]) throws {
        let hash = String(repeating: "a", count: 64)
        let files = sizes.map { "{\"path\":\"x\",\"sha256\":\"\(hash)\",\"size\":\($0)}" }.joined(separator: ",")
        try fixture.writeManifest("m", "{\"name\":\"m\",\"source\":\"s\",\"created\":1,\"files\":[\(files)]}")
        let inventory = try store.inventory()
        #expect(inventory.models.isEmpty)
        guard case .damagedManifest(_, let reason) = inventory.faults.first else {
            return #expect(Bool(false), "\(inventory.faults)")
        }
        #expect(reason.contains("size"))
    }

    @Test func `the largest sizes that are taken can be added up and shown`() throws {
        let hash = try #require(ContentHash(hex: String(repeating: "a", count: 64)))
        let files = Array(repeating: ModelManifest.File(path: "x", hash: hash, byteCount: 1 << 50), count: 1024)
        let manifest = ModelManifest(name: "m", source: "s", licence: nil, created: Date(), files: files)
        #expect(try ModelManifest(json: manifest.json).byteCount == 1 << 60)
        try AtomicFile.makeFolder(store.root)
        #expect(throws: StoreError.self) { try store.requireSpace(Int.max) }
    }

    @Test func `room is needed for all files of a model together, and once for equal ones`() throws {
        try AtomicFile.makeFolder(store.root)
        let half = try #require(AtomicFile.availableBytes(at: store.root)) / 10 * 6
        func origin(_ name: String) -> (check: ContentCheck, byteCount: Int?) { (.origin(name), half) }
        try store.requireSpace(for: [origin("a"), origin("a")])
        #expect(throws: StoreError.self) { try store.requireSpace(for: [origin("a"), origin("b")]) }
    }

    @Test func `what an earlier version wrote down of a hub is shown without control characters`() throws {
        let hash = try #require(ContentHash(hex: String(repeating: "a", count: 64)))
        let file = ModelManifest.File(path: "x", hash: hash, byteCount: 1)
        let manifest = ModelManifest(name: "m", source: "a\u{1B}[2Jb", licence: "m\nit", created: Date(), files: [file])
        let read = try ModelManifest(json: manifest.json)
        #expect(read.source == "a\u{FFFD}[2Jb")
        #expect(read.licence == "m\u{FFFD}it")
    }

    @Test func `a name that is too long for a file is cut, and stays apart from others`() async throws {
        let stem = "hf:owner/" + String(repeating: "a", count: 180)
        let names = [stem + "b", stem + "c", stem + "b:Q8_0"]
        let components = names.map(StoredPath.component)
        #expect(components.allSatisfy { $0.utf8.count == 180 })
        #expect(Set(components).count == 3)
        let digits = ContentHash(SHA256.hash(data: Data(names[0].utf8))).hex.prefix(16)
        #expect(components[0].hasPrefix("hf%3aowner%2faaa") && components[0].hasSuffix("a~\(digits)"))
        // What fits stays as it was, and nothing that fits has the mark.
        #expect(StoredPath.component(String(repeating: "a", count: 180)) == String(repeating: "a", count: 180))
        #expect(StoredPath.component("a~b") == "a%7eb")
        let long = "hf:owner/model:" + String(repeating: "ä/", count: 200) + "x.gguf"
        let model = try #require(try await commit(long, [blob("weights")]))
        #expect(try store.model(named: long) == model)
        #expect(try String(contentsOfFile: model.path, encoding: .utf8) == "weights")
        #expect(try await store.remove(named: long).freedBytes == "weights".utf8.count)
    }

    @Test func `different names never share a file`() {
        let names = ["a/b", "a%2fb", "a:b", ".hidden", "%2ehidden", "a b", "ä"]
        #expect(Set(names.map(StoredPath.component)).count == names.count)
        #expect(names.map(StoredPath.component).allSatisfy { !$0.contains("/") && !$0.hasPrefix(".") })
    }
}
