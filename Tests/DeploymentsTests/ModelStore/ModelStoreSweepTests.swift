import Foundation
import Testing

@testable import Deployments

/// What is deleted, when, and what is not.
@Suite struct ModelStoreSweepTests {
    private let fixture: StoreFixture
    private var store: ModelStore { fixture.store }

    init() throws { fixture = try StoreFixture() }

    @Test func `a model that has changed gives back what it had and nobody else has`() async throws {
        let shared = try await fixture.blob("shared")
        _ = try await fixture.commit("other", [shared])
        _ = try await fixture.commit("m", [shared, fixture.blob("old"), fixture.blob("kept")])
        _ = try await fixture.commit("m", [fixture.blob("kept"), fixture.blob("new")])
        #expect(try fixture.blobTexts() == ["kept", "new", "shared"])
    }

    @Test func `what an interrupted pull has fetched stays for a day`() async throws {
        let file = try await fixture.blob("fetched")
        let partial = "\(store.root)/blobs/sha256-\(String(repeating: "a", count: 64)).partial"
        try Data("half".utf8).write(to: URL(fileURLWithPath: partial))
        let other = try await fixture.blob("other")
        _ = try await fixture.commit("other", [other])
        #expect(try fixture.blobTexts() == ["fetched", "half", "other"])
        try fixture.age(file)
        try fixture.age(other)
        _ = try await fixture.commit("third", [fixture.blob("third")])
        #expect(try fixture.blobTexts() == ["half", "other", "third"])
        // A part, too, unless a pull works on it.
        let date = Date(timeIntervalSinceNow: -2 * 86_400)
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: partial)
        do {
            let name = "blob-" + ((partial as NSString).lastPathComponent as NSString).deletingPathExtension
            let pulling = try await store.lock(name) {}
            _ = try await fixture.commit("fourth", [fixture.blob("fourth")])
            #expect(try fixture.blobTexts() == ["fourth", "half", "other", "third"])
            withExtendedLifetime(pulling) {}
        }
        _ = try await fixture.commit("fifth", [fixture.blob("fifth")])
        #expect(try fixture.blobTexts() == ["fifth", "fourth", "other", "third"])
    }

    @Test func `what a pull under way relies on stays, however old it is and whoever else had it`() async throws {
        let file = try await fixture.blob("weights")
        _ = try await fixture.commit("m", [file])
        try fixture.age(file)
        do {
            let pulling = try await store.lock(store.lockName(ofModel: "pulled")) {}
            // One that was there already, and one that has come.
            _ = try await fixture.blob("weights", for: "pulled")
            try await fixture.age(fixture.blob("fetched", for: "pulled"))
            #expect(try await store.remove(named: "m") == ModelRemoval(freedBytes: 0, faults: []))
            _ = try await fixture.commit("other", [fixture.blob("other")])
            #expect(try fixture.blobTexts() == ["fetched", "other", "weights"])
            withExtendedLifetime(pulling) {}
        }
        _ = try await fixture.commit("other", [fixture.blob("other")])
        #expect(try fixture.blobTexts() == ["other"])
        #expect(fixture.folder.files(under: "home/locks").isEmpty)
    }

    @Test func `notes of a pull that was killed are void`() async throws {
        let file = try await fixture.blob("weights")
        _ = try await fixture.commit("m", [file])
        try Data((file.hash.hex + "\n").utf8)
            .write(to: URL(fileURLWithPath: store.lockPath(store.lockName(ofModel: "m"))))
        #expect(try await store.remove(named: "m").freedBytes == "weights".utf8.count)
        #expect(fixture.folder.files(under: "home/locks").isEmpty)
    }

    @Test func `a blob that somebody works on stays`() async throws {
        let file = try await fixture.blob("weights")
        _ = try await fixture.commit("m", [file])
        let working = try await store.lock("blob-sha256-" + file.hash.hex) {}
        #expect(try await store.remove(named: "m").freedBytes == 0)
        withExtendedLifetime(working) {}
        #expect(try fixture.blobTexts() == ["weights"])
    }

    @Test func `a manifest that cannot be read hides no other model, and nothing it may name goes`() async throws {
        let good = try #require(try await fixture.commit("good", [fixture.blob("good")]))
        _ = try await fixture.commit("bad", [fixture.blob("bad")])
        try fixture.writeManifest("bad", "{")
        let inventory = try store.inventory()
        #expect(inventory.models == [good])
        #expect(try store.models() == [good])
        #expect(inventory.faults.count == 1)
        #expect(inventory.faults.first?.description.contains("/models/bad.json") ?? false)

        _ = try await fixture.commit("good", [fixture.blob("better")])
        #expect(try fixture.blobTexts() == ["bad", "better", "good"])
        let removal = try await store.remove(named: "good")
        #expect(removal == ModelRemoval(freedBytes: 0, faults: inventory.faults))
        #expect(try store.models().isEmpty)
        #expect(try fixture.blobTexts() == ["bad", "better", "good"])

        // With it go its own files and those of the model that was removed meanwhile; what that one had earlier has no
        // link any more and goes after a day.
        let freed = try await store.remove(named: "bad")
        #expect(freed == ModelRemoval(freedBytes: "bad".utf8.count + "better".utf8.count, faults: []))
        #expect(try fixture.blobTexts() == ["good"])
        #expect(fixture.folder.files(under: "home/snapshots").isEmpty)
    }

    @Test func `an interrupted removal is completed by the next`() async throws {
        _ = try await fixture.commit("m", [fixture.blob("weights")])
        unlink(store.root + "/models/m.json")
        _ = try await fixture.commit("other", [fixture.blob("other")])
        #expect(try fixture.blobTexts() == ["other"])
        #expect(!FileManager.default.fileExists(atPath: store.root + "/snapshots/m"))
    }

    @Test func `where models cannot be listed nothing is removed`() async throws {
        _ = try await fixture.commit("m", [fixture.blob("weights")])
        let models = store.root + "/models"
        try FileManager.default.moveItem(atPath: models, toPath: models + ".away")
        #expect(try store.inventory() == StoreInventory())
        try Data().write(to: URL(fileURLWithPath: models))
        #expect(throws: StoreError.self) { try store.inventory() }
        await #expect(throws: StoreError.self) { try await store.remove(named: "m") }
        #expect(try fixture.blobTexts() == ["weights"])
    }
}
