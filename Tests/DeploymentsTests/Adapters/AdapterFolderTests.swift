import Checkpoints
import Foundation
import InMemoryLogging
import Logging
import Models
import TestModels
import Testing

@testable import Deployments

@Suite struct AdapterFolderTests {
    private let folder = AdapterFolder(
        path: FileManager.default.temporaryDirectory.appendingPathComponent("adapters-" + UUID().uuidString).path
    )

    private func base() throws -> AdapterBase {
        try AdapterBase(Checkpoint.open(path: TestData.tiny("llama-f32.gguf")))
    }

    private func add(_ name: String, _ file: String = "llama-adapter") throws {
        try folder.add(AdapterReference(name: name, path: TestData.tiny(file)), for: base())
    }

    /// As if nobody had written to the files for a minute.
    private func settle() throws {
        let old = Date(timeIntervalSinceNow: -60)
        for reference in folder.references {
            let inside = (try? FileManager.default.contentsOfDirectory(atPath: reference.path)) ?? []
            for path in [reference.path] + inside.map({ "\(reference.path)/\($0)" }) {
                try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
            }
        }
    }

    @Test func `adapters of both formats are added and removed, and nothing else is one`() throws {
        #expect(folder.references == [])
        try add("b", "llama-adapter.gguf")
        try add("a")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let expected = [("a", "a"), ("b", "b.gguf")].map { AdapterReference(name: $0, path: "\(folder.path)/\($1)") }
        #expect(folder.references == expected)
        for name in ["a", "b", "x/y", ".x", ""] { #expect(throws: AdapterError.self) { try add(name) } }
        #expect(throws: AdapterError.self) { try add("c", "gemma3-adapter") }
        let absent = AdapterReference(name: "c", path: folder.path + "/no such file")
        #expect(throws: AdapterError.self) { try folder.add(absent, for: base()) }
        try FileManager.default.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: false)
        try Data().write(to: URL(fileURLWithPath: folder.path + "/notes.txt"))
        #expect(folder.references == expected)
        try folder.remove("b")
        #expect(folder.references == [expected[0]])
        #expect(throws: AdapterError.self) { try folder.remove("b") }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a", "empty", "notes.txt"]
        )
    }

    @Test func `what an ended copy left goes with a copy a day later, and nothing else does`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try add("a")
        let names = [".b.\(UUID().uuidString)", ".c.\(UUID().uuidString)", ".hidden", ".git.old"]
        for name in names {
            let path = "\(folder.path)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            if name == names[1] { continue }
            let old = Date(timeIntervalSinceNow: -90_000)
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
        }
        try add("d", "llama-adapter.gguf")
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(left) == Set(names.dropFirst() + ["a", "d.gguf"]))
    }

    @Test func `what comes into the folder can be named, what leaves it cannot`() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let registry = AdapterRegistry(model: "tiny", base: try base())
        let watch = AdapterFolderWatch(folder: folder, registry: registry, logger: Logger(label: "test"))
        await watch.scan()
        #expect(registry.names == [])
        try add("a")
        // It might still be being written: only when it stays as it is, it is whole.
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: 3_600)],
            ofItemAtPath: folder.path + "/a/adapter_config.json"
        )
        await watch.scan()
        #expect(registry.names == [])
        await watch.scan()
        #expect(registry.names == ["a"])
        try add("b", "llama-adapter.gguf")
        try settle()
        await watch.scan()
        #expect(registry.names == ["b", "a"] || registry.names == ["a", "b"])
        let old = try await registry.lease("a")
        try folder.remove("a")
        await watch.scan()
        #expect(registry.names == ["b"])
        // A file that cannot be read is told once, and the one before it stays.
        let before = try await registry.lease("b").adapter
        try Data("GGUF".utf8).write(to: URL(fileURLWithPath: folder.path + "/b.gguf"))
        try settle()
        for _ in 0..<2 { await watch.scan() }
        #expect(try await registry.lease("b").adapter === before)
        withExtendedLifetime(old) {}
    }

    @Test func `a folder that cannot be listed has what it had`() async throws {
        let files = FileManager.default
        let logs = InMemoryLogHandler()
        let registry = AdapterRegistry(model: "tiny", base: try base())
        let watch = AdapterFolderWatch(folder: folder, registry: registry, logger: Logger(label: "test") { _ in logs })
        try add("a")
        defer { try? files.removeItem(atPath: folder.path) }
        try settle()
        await watch.scan()
        #expect(registry.names == ["a"])
        // A link to itself is neither a folder nor nothing.
        try files.moveItem(atPath: folder.path, toPath: folder.path + ".aside")
        try files.createSymbolicLink(atPath: folder.path, withDestinationPath: folder.path)
        for _ in 0..<2 { await watch.scan() }
        #expect(registry.names == ["a"])
        #expect(logs.entries.filter { $0.message == "adapter folder not read" }.count == 1)
        try files.removeItem(atPath: folder.path)
        try files.moveItem(atPath: folder.path + ".aside", toPath: folder.path)
        await watch.scan()
        #expect(registry.names == ["a"] && registry.statistics.loads == 1)
        try files.removeItem(atPath: folder.path)
        await watch.scan()
        #expect(registry.names == [])
    }

    @Test func `a folder is called as it is, also where its name ends as a file's would`() throws {
        try add("a.gguf")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        #expect(folder.references == [AdapterReference(name: "a.gguf", path: folder.path + "/a.gguf")])
        try folder.remove("a.gguf")
        #expect(folder.references == [])
    }

    @Test func `of a folder and a file of one name the first has it, and the other when that is gone`() async throws {
        let registry = try AdapterRegistry(model: "tiny", base: base())
        let watch = AdapterFolderWatch(folder: folder, registry: registry, logger: Logger(label: "test"))
        try add("a")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let other = folder.path + "/a.gguf"
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter.gguf"), toPath: other)
        try settle()
        for _ in 0..<3 { await watch.scan() }
        #expect(registry.statuses.map(\.reference.path) == [folder.path + "/a"])
        // Once for what is there and never again: nothing has changed.
        #expect(registry.statistics.loads == 1)
        try FileManager.default.removeItem(atPath: folder.path + "/a")
        await watch.scan()
        #expect(registry.statuses.map(\.reference.path) == [other])
    }

    @Test func `a name that another gives up goes to who waits for it`() async throws {
        let registry = try AdapterRegistry(model: "tiny", base: base())
        let log = InMemoryLogHandler()
        let watch = AdapterFolderWatch(folder: folder, registry: registry, logger: Logger(label: "test") { _ in log })
        try add("a")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try settle()
        try registry.addNow(AdapterReference(name: "a", path: TestData.tiny("llama-adapter.gguf")))
        for _ in 0..<3 { await watch.scan() }
        #expect(log.entries.count == 1)
        try await registry.remove("a")
        await watch.scan()
        #expect(registry.statuses.map(\.reference.path) == [folder.path + "/a"])
    }

    @Test func `an adapter that another has replaced is back when that one is gone, and one that was unloaded is not`()
        async throws
    {
        let registry = try AdapterRegistry(model: "tiny", base: base())
        let watch = AdapterFolderWatch(folder: folder, registry: registry, logger: Logger(label: "test"))
        try add("a")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try settle()
        await watch.scan()
        let other = AdapterReference(name: "a", path: try TestData.tiny("llama-adapter.gguf"))
        try registry.addNow(other, replaces: .any)
        for _ in 0..<2 { await watch.scan() }
        #expect(registry.statuses.map(\.reference) == [other])
        try await registry.remove("a")
        await watch.scan()
        #expect(registry.statuses.map(\.reference.path) == [folder.path + "/a"])
        try await registry.remove("a")
        for _ in 0..<2 { await watch.scan() }
        #expect(registry.names == [])
    }

    @Test func `an adapter that has taken the name since is not the folder's to remove or replace`() async throws {
        let registry = try AdapterRegistry(model: "tiny", base: base())
        let watch = AdapterFolderWatch(folder: folder, registry: registry, logger: Logger(label: "test"))
        try add("a")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try settle()
        await watch.scan()
        try await registry.remove("a")
        let other = AdapterReference(name: "a", path: try TestData.tiny("llama-adapter.gguf"))
        try registry.addNow(other)
        let date = Date(timeIntervalSinceNow: -30)
        let settings = folder.path + "/a/adapter_config.json"
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: settings)
        await watch.scan()
        #expect(registry.statuses.map(\.reference) == [other])
        try folder.remove("a")
        await watch.scan()
        #expect(registry.statuses.map(\.reference) == [other])
    }

    @Test func `a folder without factors that can be read is told once`() async throws {
        let registry = try AdapterRegistry(model: "tiny", base: base())
        let log = InMemoryLogHandler()
        let watch = AdapterFolderWatch(folder: folder, registry: registry, logger: Logger(label: "test") { _ in log })
        try add("a")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let factors = folder.path + "/a/adapter_model.safetensors"
        try FileManager.default.moveItem(atPath: factors, toPath: folder.path + "/a/adapter_model.bin")
        for reference in [folder.path + "/a", folder.path + "/a/adapter_config.json"] {
            let old = Date(timeIntervalSinceNow: -60)
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: reference)
        }
        for _ in 0..<3 { await watch.scan() }
        #expect(log.entries.count == 1)
        #expect(log.entries.first?.metadata["reason"].map { "\($0)".contains("safe_serialization") } == true)
        #expect(folder.references == [] && registry.names == [])
        try FileManager.default.moveItem(atPath: folder.path + "/a/adapter_model.bin", toPath: factors)
        try settle()
        await watch.scan()
        #expect(registry.names == ["a"])
    }

    @Test func `links are followed, as in the hub's cache, so that nothing is missed when what they lead to is gone`()
        throws
    {
        let files = FileManager.default
        let hub = files.temporaryDirectory.appendingPathComponent("hub-" + UUID().uuidString).path
        defer { for path in [hub, folder.path] { try? files.removeItem(atPath: path) } }
        try files.createDirectory(atPath: hub + "/snapshot", withIntermediateDirectories: true)
        try files.copyItem(atPath: TestData.tiny("llama-adapter"), toPath: hub + "/blobs")
        try files.copyItem(atPath: TestData.tiny("llama-adapter.gguf"), toPath: hub + "/blobs/file")
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            try files.createSymbolicLink(atPath: "\(hub)/snapshot/\(name)", withDestinationPath: "../blobs/\(name)")
        }
        try files.createSymbolicLink(atPath: hub + "/link.gguf", withDestinationPath: "blobs/file")
        let before = try AdapterFolder(path: hub).entries()
        #expect(before.map(\.reference.name) == ["blobs", "link", "snapshot"])
        for (name, path) in [("a", hub + "/snapshot"), ("b", hub + "/link.gguf")] {
            try folder.add(AdapterReference(name: name, path: path), for: base())
        }
        let date = Date(timeIntervalSinceNow: -600)
        try files.setAttributes([.modificationDate: date], ofItemAtPath: hub + "/blobs/adapter_config.json")
        #expect(try AdapterFolder(path: hub).entries()[2].stamp != before[2].stamp)
        try files.removeItem(atPath: hub)
        for reference in folder.references { _ = try AdapterCheckpoint(path: reference.path) }
        #expect(folder.references.count == 2)
    }
}
