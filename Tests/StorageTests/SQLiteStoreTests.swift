import Foundation
import GRDB
import Storage
import Testing

@Suite struct SQLiteStoreTests {
    private let folder = TestFolder()
    private var path: String { folder.path + "/storage.sqlite" }

    @Test func `records survive the store that wrote them`() async throws {
        try await SQLiteStore(path: path).put(.named("a", after: "b"))
        #expect(try await SQLiteStore(path: path).record("a") == .named("a", after: "b"))
    }

    @Test func `the file of a store that was closed is whole by itself`() async throws {
        let store = try SQLiteStore(path: path)
        try await store.put(.named("a"))
        store.shutdown()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["storage.sqlite"])
        let copy = folder.path + "/copy.sqlite"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        #expect(try await SQLiteStore(path: copy).record("a") != nil)
        await #expect(throws: StorageError.self) { try await store.put(.named("b")) }
    }

    @Test func `two stores share a file`() async throws {
        let (one, two) = (try SQLiteStore(path: path), try SQLiteStore(path: path))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                group.addTask { try await (index % 2 == 0 ? one : two).put(.named("\(index)")) }
            }
            try await group.waitForAll()
        }
        for index in 0..<40 { #expect(try await one.record("\(index)") != nil) }
    }

    @Test func `what was stored can be read where nothing can be written`() async throws {
        let clock = TestClock()
        let store = try SQLiteStore(path: path, now: clock.now)
        try await store.put(.named("a"))
        // Long enough for the use to be noted, which needs a lock that another process has and does not give back.
        clock.advance(600)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: path, configuration: configuration)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        #expect(try await store.record("a") == .named("a"))
        #expect(try await store.record(withItem: "item_a") == .named("a"))
        await #expect(throws: StorageError.busy(path: path)) { try await store.put(.named("b")) }
    }

    @Test func `nobody else may read the file`() async throws {
        try await SQLiteStore(path: path).put(.named("a"))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test func `a file that is no database is refused and left alone`() throws {
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        let text = String(repeating: "no database ", count: 500)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: StorageError.self) { try SQLiteStore(path: path) }
        guard case .damaged(path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test func `a database that was overwritten under the store is an error, not a crash`() async throws {
        let store = try SQLiteStore(path: path)
        for index in 0..<50 { try await store.put(.named("\(index)", body: String(repeating: "x", count: 3_000))) }
        try FileManager.default.removeItem(atPath: path + "-wal")
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(repeating: 0x5A, count: 100_000))
        try file.close()
        await #expect(throws: StorageError.self) {
            for index in 0..<50 { try await store.put(.named("n\(index)")) }
            _ = try SQLiteStore(path: path)
        }
    }

    @Test(arguments: ["body = x'00ff'", "input = x'00ff'", "itemIDs = x'00ff'", "lastUse = 'yesterday'"])
    func `what another program wrote into the file is an error, not a crash`(change: String) async throws {
        let store = try SQLiteStore(path: path)
        try await store.put(.named("a"))
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "UPDATE record SET " + change) }
        let error = await #expect(throws: StorageError.self) { try await store.record("a") }
        guard case .damaged = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a path that cannot be written is refused`() throws {
        let error = #expect(throws: StorageError.self) { try SQLiteStore(path: "/proc/storage.sqlite") }
        guard case .unwritable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(throws: StorageError.self) { try SQLiteStore(path: "/dev/null/deep/storage.sqlite") }
        #expect(throws: StorageError.self) { try SQLiteStore(path: "/tmp") }
    }

    @Test func `a database of a newer version is refused`() async throws {
        let store = try SQLiteStore(path: path)
        try await store.put(.named("a"))
        store.shutdown()
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9 future')") }
        try queue.close()
        #expect(throws: StorageError.newer(path: path)) { try SQLiteStore(path: path) }
    }
}
