import Foundation
import Storage
import Synchronization
import Testing

/// A clock that stands still until it is told.
final class TestClock: Sendable {
    private let time = Mutex(Date(timeIntervalSince1970: 1_700_000_000))

    var now: @Sendable () -> Date { { self.time.withLock { $0 } } }

    func advance(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
}

/// A folder of one test, removed when nobody holds it any more.
final class TestFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("storage-\(UUID().uuidString)").path

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Both kinds of store.
enum StoreKind: CaseIterable {
    case memory, file

    func make(_ folder: TestFolder, _ limits: StorageLimits, _ clock: TestClock) throws -> any RecordStore {
        switch self {
        case .memory: MemoryStore(limits: limits, now: clock.now)
        case .file: try SQLiteStore(path: folder.path + "/deep/storage.sqlite", limits: limits, now: clock.now)
        }
    }
}

extension StoredRecord {
    static func named(_ id: String, body: String = "{}", after previous: String? = nil) -> StoredRecord {
        StoredRecord(id: id, previousID: previous, body: body, input: "[]", itemIDs: ["item_\(id)", "common"])
    }
}

/// What every store does.
@Suite struct RecordStoreTests {
    private let folder = TestFolder()
    private let clock = TestClock()

    @Test(arguments: StoreKind.allCases)
    func `a record comes back as it was put, by its name and by an item's`(kind: StoreKind) async throws {
        let store = try kind.make(folder, StorageLimits(), clock)
        let record = StoredRecord(
            id: "resp_1",
            previousID: "resp_0",
            body: #"{"text":"Héllo\u0000\n🦀"}"#,
            input: "[1]",
            itemIDs: ["msg_1", "fc_2"]
        )
        try await store.put(record)
        #expect(try await store.record("resp_1") == record)
        #expect(try await store.record(withItem: "fc_2") == record)
        #expect(try await store.record("resp_2") == nil)
        #expect(try await store.record(withItem: "resp_1") == nil)
    }

    @Test(arguments: StoreKind.allCases)
    func `a newer record takes the place of the older one of its name`(kind: StoreKind) async throws {
        let store = try kind.make(folder, StorageLimits(), clock)
        var record = StoredRecord.named("a")
        try await store.put(record)
        record.body = "{\"status\":\"completed\"}"
        record.itemIDs = ["other"]
        try await store.put(record)
        #expect(try await store.record("a") == record)
        #expect(try await store.record(withItem: "item_a") == nil)
        #expect(try await store.record(withItem: "other") == record)
    }

    @Test(arguments: StoreKind.allCases)
    func `of several records with an item the newest is found`(kind: StoreKind) async throws {
        let store = try kind.make(folder, StorageLimits(), clock)
        for id in ["b", "c", "a"] { try await store.put(.named(id)) }
        #expect(try await store.record(withItem: "common")?.id == "a")
    }

    @Test(arguments: StoreKind.allCases)
    func `what is removed is gone, and that is said once`(kind: StoreKind) async throws {
        let store = try kind.make(folder, StorageLimits(), clock)
        try await store.put(.named("a"))
        #expect(try await store.remove("a"))
        #expect(try await !store.remove("a"))
        #expect(try await store.record("a") == nil)
        #expect(try await store.record(withItem: "item_a") == nil)
    }

    @Test(arguments: StoreKind.allCases)
    func `beyond the limits what was not used for longest goes first`(kind: StoreKind) async throws {
        var limits = StorageLimits()
        limits.recordCount = 3
        let store = try kind.make(folder, limits, clock)
        for id in ["a", "b", "c"] {
            try await store.put(.named(id))
            clock.advance(100)
        }
        #expect(try await store.record("a") != nil)
        try await store.put(.named("d"))
        #expect(try await store.record("b") == nil)
        for id in ["a", "c", "d"] { #expect(try await store.record(id) != nil, Comment(rawValue: id)) }
    }

    @Test(arguments: StoreKind.allCases)
    func `bytes are limited in all and for one`(kind: StoreKind) async throws {
        var limits = StorageLimits()
        limits.byteCount = 1_000
        let store = try kind.make(folder, limits, clock)
        for index in 0..<20 {
            try await store.put(.named("\(index)", body: String(repeating: "x", count: 300)))
            clock.advance(1)
        }
        var kept: [Int] = []
        for index in 0..<20 where try await store.record("\(index)") != nil { kept.append(index) }
        #expect(kept == [17, 18, 19])
        await #expect(throws: StorageError.tooLarge(byteCount: 2_014, limit: 1_000)) {
            try await store.put(.named("a", body: String(repeating: "x", count: 2_000)))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `what nobody reads for long is gone, and what is read stays`(kind: StoreKind) async throws {
        var limits = StorageLimits()
        limits.age = .seconds(1_000)
        let store = try kind.make(folder, limits, clock)
        try await store.put(.named("a"))
        try await store.put(.named("b"))
        for _ in 0..<3 {
            clock.advance(600)
            #expect(try await store.record("a") != nil)
        }
        #expect(try await store.record("b") == nil)
        #expect(try await store.record(withItem: "item_b") == nil)
        #expect(try await !store.remove("b"))
    }
}
