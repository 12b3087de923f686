import Foundation
import JSON
import Logging
import OpenAIAPI
import Storage

/// Where responses are kept for later requests.
struct ResponseArchive: Sendable {
    /// nil when nothing is kept.
    let store: (any RecordStore)?
    /// Most bytes of stored JSON that one conversation may be made of.
    let conversationBytes: Int
    let logger: Logger

    /// The stored response called `id`, as it was last written.
    func response(_ id: String) async throws(APIError) -> JSONValue {
        try Self.json(try await record(id).body)
    }

    /// The items that the response called `id` was given, those of the conversation before it included.
    func input(of id: String) async throws(APIError) -> [JSONValue] {
        let record = try await record(id)
        let own = try Self.json(record.input).arrayValue ?? []
        guard let previous = record.previousID else { return Self.distinct(own) }
        var reading = ArchiveReading(self)
        // What the oldest responses held may be gone; the rest can still be shown.
        return Self.distinct(try await reading.items(upTo: previous, isWhole: false) + own)
    }

    /// The items without those whose name an earlier one has: what was sent again, or named, is shown once.
    private static func distinct(_ items: [JSONValue]) -> [JSONValue] {
        var names: Set<String> = []
        return items.filter { item in
            guard let name = item["id"]?.stringValue else { return true }
            return names.insert(name).inserted
        }
    }

    /// Keeps a response with the items that its request added.
    func keep(_ response: JSONValue, input: [ResponseItem], previousID: String?) async throws(APIError) {
        guard let store else { return }
        let output = response["output"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
        let record = StoredRecord(
            id: response["id"]?.stringValue ?? "",
            previousID: previousID,
            body: response.serialized(),
            input: JSONValue.array(input.map(\.json)).serialized(),
            itemIDs: input.compactMap(\.id) + output
        )
        do { try await store.put(record) } catch { throw failure(error) }
    }

    /// Forgets the response called `id`.
    func remove(_ id: String) async throws(APIError) {
        guard Self.isName(id) else { throw .responseNotFound(id) }
        let isRemoved: Bool
        do { isRemoved = try await store?.remove(id) ?? false } catch { throw failure(error) }
        if !isRemoved { throw .responseNotFound(id) }
    }

    private func record(_ id: String) async throws(APIError) -> StoredRecord {
        guard let record = try await find(id) else { throw .responseNotFound(id) }
        return record
    }

    /// The record of the response called `id`; nil when there is none.
    func find(_ id: String) async throws(APIError) -> StoredRecord? {
        if !Self.isName(id) { return nil }
        do { return try await store?.record(id) } catch { throw failure(error) }
    }

    /// Whether a response can have this name: for SQLite a text ends before its first NUL.
    private static func isName(_ id: String) -> Bool { id.utf8.allSatisfy { 0x21...0x7E ~= $0 } }

    /// The record that has an item called `id`; nil when there is none.
    func find(withItem id: String) async throws(APIError) -> StoredRecord? {
        do { return try await store?.record(withItem: id) } catch { throw failure(error) }
    }

    /// What a caller is told when something could not be stored or read. Where the storage is on this machine, and what is
    /// wrong with it, is for those to know who run it.
    private func failure(_ error: StorageError) -> APIError {
        logger.error("storage failed", metadata: ["error": "\(error)"])
        return APIError(error)
    }

    /// A stored text as JSON.
    static func json(_ text: String) throws(APIError) -> JSONValue {
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw .generationFailed("The storage holds what is not JSON. \(error.description)")
        }
    }
}

extension APIError {
    /// What a caller is told when something could not be stored or read. No default: a new case must choose its sentence,
    /// which names no place on this machine.
    fileprivate init(_ error: StorageError) {
        let message =
            switch error {
            case .tooLarge: error.description
            case .full: "There is no room for the response on the server's disk."
            case .busy: "The server's storage was busy for too long. Try again."
            case .unwritable, .damaged, .newer, .failed: "The server's storage failed; the server's log says why."
            }
        self.init(status: 500, kind: .server, code: "storage_failed", message)
    }

    static func responseNotFound(_ id: String) -> APIError {
        APIError(status: 404, parameter: "id", "Response with id '\(id)' not found.")
    }

    static func previousResponseNotFound(_ id: String) -> APIError {
        APIError(
            code: "previous_response_not_found",
            parameter: "previous_response_id",
            "Previous response with id '\(id)' not found."
        )
    }
}
