import JSON
import Logging
import OpenAIAPI
import Storage
import Synchronization
import Testing

@testable import Serving

@Suite struct ArchiveReadingTests {
    private func reading(_ store: any RecordStore, bytes: Int = 1 << 20) -> ArchiveReading {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return ArchiveReading(ResponseArchive(store: store, conversationBytes: bytes, logger: logger))
    }

    /// A response to messages that are called `names` and say `text`.
    private func record(
        _ id: String,
        _ names: [String],
        after previous: String? = nil,
        text: String = "x",
        status: String = "completed"
    ) -> StoredRecord {
        let items = names.map { ResponseItem(id: $0, .message(.user, [.init(text)])).json }
        let body: JSONValue = ["id": .string(id), "status": .string(status), "output": []]
        return StoredRecord(
            id: id,
            previousID: previous,
            body: body.serialized(),
            input: JSONValue.array(items).serialized(),
            itemIDs: names
        )
    }

    @Test func `a record is looked up once, however many of its items are named`() async throws {
        let store = CountingStore()
        try await store.put(record("r", ["a", "b", "c"]))
        var named = reading(store)
        for name in ["b", "a", "c"] {
            let item = try await named.item(name, parameter: "input[0].id")
            #expect(item.id == name)
        }
        #expect(store.lookupCount == 1)
        var continued = reading(store)
        let conversation = try await continued.conversation(upTo: "r")
        let item = try await continued.item("b", parameter: "input[0].id")
        #expect(conversation.map(\.id) == ["a", "b", "c"] && item == conversation[1])
        #expect(store.lookupCount == 2)
    }

    @Test func `an item is what its newest record says`() async throws {
        let store = MemoryStore()
        try await store.put(record("old", ["a"], text: "old"))
        try await store.put(record("new", ["a"], after: "old", text: "new"))
        var reading = reading(store)
        let conversation = try await reading.conversation(upTo: "new")
        let item = try await reading.item("a", parameter: "input[0].id")
        #expect(conversation.count == 2)
        #expect(item == ResponseItem(id: "a", .message(.user, [.init("new")])))
    }

    @Test(arguments: [false, true])
    func `a conversation and the items that are named have one limit together`(isContinued: Bool) async throws {
        let store = MemoryStore()
        let records = [record("r", ["a", "b"]), record("s", ["c"])]
        for record in records { try await store.put(record) }
        var reading = reading(store, bytes: records[0].byteCount + records[1].byteCount - 1)
        if isContinued {
            _ = try await reading.conversation(upTo: "r")
        } else {
            _ = try await reading.item("a", parameter: "input[0].id")
        }
        _ = try await reading.item("b", parameter: "input[1].id")
        do throws(APIError) {
            _ = try await reading.item("c", parameter: "input[2].id")
            Issue.record("the limit is exceeded, and nobody says so")
        } catch {
            #expect(error.code == "context_length_exceeded")
            #expect(error.parameter == "input[2].id")
        }
    }

    @Test func `an item that is not there is refused where it is named`() async throws {
        var reading = reading(MemoryStore())
        do throws(APIError) {
            _ = try await reading.item("none", parameter: "input[7].id")
            Issue.record("it was found")
        } catch {
            #expect(error.status == 404 && error.parameter == "input[7].id")
        }
    }

    @Test func `an item can be named while a response to it is computed, which nothing can go on from`() async throws {
        let store = MemoryStore()
        try await store.put(record("old", ["a"]))
        try await store.put(record("new", ["a"], after: "old", status: "in_progress"))
        var named = reading(store)
        #expect(try await named.item("a", parameter: "input[0].id").id == "a")
        var continued = reading(store)
        do throws(APIError) {
            _ = try await continued.conversation(upTo: "new")
            Issue.record("it was gone on from")
        } catch {
            #expect(error.status == 400 && error.parameter == "previous_response_id")
        }
    }

    @Test func `a name that ends early for the storage names nothing`() async throws {
        let store = MemoryStore()
        try await store.put(record("r\0x", []))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let archive = ResponseArchive(store: store, conversationBytes: 1 << 20, logger: logger)
        #expect(try await archive.find("r\0x") == nil)
        do throws(APIError) {
            try await archive.remove("r\0x")
            Issue.record("it was removed")
        } catch {
            #expect(error.status == 404)
        }
    }
}

/// Keeps records in memory and counts how often one is looked up.
private final class CountingStore: RecordStore {
    private let store = MemoryStore()
    private let count = Mutex(0)

    var lookupCount: Int { count.withLock { $0 } }

    func put(_ record: StoredRecord) async throws(StorageError) { try await store.put(record) }

    func record(_ id: String) async throws(StorageError) -> StoredRecord? {
        count.withLock { $0 += 1 }
        return try await store.record(id)
    }

    func record(withItem itemID: String) async throws(StorageError) -> StoredRecord? {
        count.withLock { $0 += 1 }
        return try await store.record(withItem: itemID)
    }

    func remove(_ id: String) async throws(StorageError) -> Bool { try await store.remove(id) }

    func shutdown() { store.shutdown() }
}
