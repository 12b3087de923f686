import Crypto
import Foundation
import Models
import Testing

@testable import Deployments

/// Folders of links: what a loader finds is what the manifest names.
@Suite struct ModelStoreSnapshotsTests {
    private let fixture: StoreFixture
    private var store: ModelStore { fixture.store }

    init() throws { fixture = try StoreFixture() }

    private func links() -> [String] { fixture.folder.files(under: "home/snapshots/m") }

    private func commitSharded() async throws -> StoredModel? {
        let files = [
            try await fixture.blob("{}", as: "config.json"),
            try await fixture.blob("index", as: "model.safetensors.index.json"),
            try await fixture.blob("one", as: "model-00001-of-00002.safetensors"),
            try await fixture.blob("two", as: "model-00002-of-00002.safetensors"),
            try await fixture.blob("mean", as: "1_Pooling/config.json"),
        ]
        return try await fixture.commit("m", files)
    }

    @Test func `a model that has changed keeps no link to what it had`() async throws {
        _ = try await commitSharded()
        #expect(links().count == 5)
        let files = [
            try await fixture.blob("{}", as: "config.json"), try await fixture.blob("whole", as: "model.safetensors"),
        ]
        let model = try #require(try await fixture.commit("m", files))
        #expect(links() == ["config.json", "model.safetensors"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: model.path).sorted() == links())
        #expect(try store.model(named: "m") == model)
    }

    @Test func `links that an earlier version or an interruption left go when the model is opened`() async throws {
        let model = try #require(try await commitSharded())
        let old = try await fixture.blob("old")
        for name in ["chat_template.jinja", "model.safetensors.77.partial", "2_Dense/config.json"] {
            let link = "\(model.path)/\(name)"
            try AtomicFile.makeFolder((link as NSString).deletingLastPathComponent)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: store.blobPath(old.hash))
        }
        try Data().write(to: URL(fileURLWithPath: model.path + "/notes.txt"))
        unlink(model.path + "/model-00001-of-00002.safetensors")
        #expect(try store.model(named: "m") == model)
        // A file that is no link is not ours to remove.
        let expected = [
            "1_Pooling/config.json", "config.json", "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors", "model.safetensors.index.json", "notes.txt",
        ]
        #expect(links() == expected)
        #expect(!FileManager.default.fileExists(atPath: model.path + "/2_Dense"))
    }

    @Test func `a file becomes a folder, and a folder a file`() async throws {
        let config = try await fixture.blob("{}", as: "config.json")
        for path in ["a", "a/b", "a/b/c", "a"] {
            let model = try #require(try await fixture.commit("m", [config, fixture.blob("x", as: path)]))
            #expect(links() == [path, "config.json"])
            #expect(try String(contentsOfFile: "\(model.path)/\(path)", encoding: .utf8) == "x")
        }
    }

    @Test func `a link that replaced a folder is not followed`() async throws {
        let model = try #require(try await commitSharded())
        let elsewhere = fixture.folder.path + "/elsewhere"
        try AtomicFile.makeFolder(elsewhere)
        try FileManager.default.removeItem(atPath: model.path + "/1_Pooling")
        try FileManager.default.createSymbolicLink(atPath: model.path + "/1_Pooling", withDestinationPath: elsewhere)
        #expect(try store.model(named: "m") == model)
        #expect(try String(contentsOfFile: model.path + "/1_Pooling/config.json", encoding: .utf8) == "mean")
        #expect(fixture.folder.files(under: "elsewhere").isEmpty)
    }

    @Test func `opening a model whose links are right waits for nobody`() async throws {
        let model = try #require(try await commitSharded())
        let held = try await store.lock("store") {}
        #expect(try store.model(named: "m") == model)
        withExtendedLifetime(held) {}
    }

    @Test func `packs that were made of links as they were before are not taken`() async throws {
        let model = try #require(try await commitSharded())
        let lines = model.manifest.files.map { "\($0.path) \($0.hash.hex)" }.sorted().joined(separator: "\n")
        let before = Array(SHA256.hash(data: Data(("store\n" + lines).utf8)))
        #expect(PackStore.identity(of: model.manifest).digest != before)
    }
}
