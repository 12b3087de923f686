import Foundation
import JSON
import OpenAIAPI
import Storage

/// Where responses are kept for later requests.
struct ResponseArchive: Sendable {
    /// nil when nothing is kept.
    let store: (any RecordStore)?
    /// Most bytes of stored JSON that one conversation may be made of.
    let conversationBytes: Int

    /// The stored response called `id`, as it was last written.
    func response(_ id: String) async throws(APIError) -> JSONValue {
        try Self.json(try await record(id).body)
    }

    /// The items that the response called `id` was given, those of the conversation before it included.
    func input(of id: String) async throws(APIError) -> [JSONValue] {
        let record = try await record(id)
        let own = try Self.json(record.input).arrayValue ?? []
        guard let previous = record.previousID else { return own }
        // What the oldest responses held may be gone; the rest can still be shown.
        return try await chain(previous, isWhole: false).flatMap { $0 } + own
    }

    /// The conversation up to the end of the response called `id`.
    func conversation(upTo id: String) async throws(APIError) -> [ResponseItem] {
        let values = try await chain(id, isWhole: true).flatMap { $0 }
        return try values.map { value throws(APIError) in try Self.item(value) }
    }

    /// The stored item called `id`, which the request names at `parameter`.
    func item(_ id: String, parameter: String) async throws(APIError) -> ResponseItem {
        let found: StoredRecord?
        do { found = try await store?.record(withItem: id) } catch { throw APIError(error) }
        guard let found else {
            throw APIError(status: 404, parameter: parameter, "Item with id '\(id)' not found.")
        }
        let values = try Self.items(of: found)
        guard let value = values.last(where: { $0["id"]?.stringValue == id }) else {
            throw APIError.generationFailed("The storage names an item '\(id)' that it does not have.")
        }
        return try Self.item(value)
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
        do { try await store.put(record) } catch { throw APIError(error) }
    }

    /// Forgets the response called `id`.
    func remove(_ id: String) async throws(APIError) {
        let isRemoved: Bool
        do { isRemoved = try await store?.remove(id) ?? false } catch { throw APIError(error) }
        if !isRemoved { throw .responseNotFound(id) }
    }

    private func record(_ id: String) async throws(APIError) -> StoredRecord {
        guard let record = try await find(id) else { throw .responseNotFound(id) }
        return record
    }

    private func find(_ id: String) async throws(APIError) -> StoredRecord? {
        do { return try await store?.record(id) } catch { throw APIError(error) }
    }

    /// The items of every response from the first of the conversation to `last`.
    ///
    /// - Parameter isWhole: whether a response that is gone is an error.
    private func chain(_ last: String, isWhole: Bool) async throws(APIError) -> [[JSONValue]] {
        var links: [[JSONValue]] = []
        var byteCount = 0
        var next: String? = last
        while let id = next {
            guard let record = try await find(id) else {
                if !isWhole { break }
                throw .previousResponseNotFound(id)
            }
            byteCount += record.byteCount
            if byteCount > conversationBytes { throw .conversationTooLong(limit: conversationBytes) }
            links.append(try Self.items(of: record))
            next = record.previousID
        }
        return links.reversed()
    }

    /// Input and output of a record. What is still computed, or was never completed, has nothing to go on with.
    private static func items(of record: StoredRecord) throws(APIError) -> [JSONValue] {
        let response = try json(record.body)
        let status = response["status"]?.stringValue.flatMap { ModelResponse.Status(rawValue: $0) }
        guard status == .completed || status == .incomplete else {
            throw .invalidValue(
                "previous_response_id",
                "the response '\(record.id)' is \(response["status"]?.stringValue ?? "without status")."
            )
        }
        return (try json(record.input).arrayValue ?? []) + (response["output"]?.arrayValue ?? [])
    }

    private static func json(_ text: String) throws(APIError) -> JSONValue {
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw .generationFailed("The storage holds what is not JSON. \(error.description)")
        }
    }

    private static func item(_ value: JSONValue) throws(APIError) -> ResponseItem {
        if case .item(let item) = try? ResponseInput(value, path: "item") { return item }
        throw .generationFailed("The storage holds an item that cannot be read.")
    }
}

extension APIError {
    /// What a caller is told when something could not be stored or read.
    fileprivate init(_ error: StorageError) {
        self.init(status: 500, kind: .server, code: "storage_failed", error.description)
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

    /// A stored conversation beyond what a request may hold.
    fileprivate static func conversationTooLong(limit: Int) -> APIError {
        APIError(
            code: "context_length_exceeded",
            parameter: "previous_response_id",
            "The stored conversation has more than \(limit) bytes. Begin a new one."
        )
    }
}
