import JSON
import OpenAIAPI
import Storage

/// What one request takes from the archive: every record once, and all of them within what one conversation may be made of.
struct ArchiveReading: Sendable {
    private let archive: ResponseArchive
    /// Bytes of the records taken so far.
    private var byteCount = 0
    /// The items of those records by their names; of several the newest.
    private var known: [String: JSONValue] = [:]

    init(_ archive: ResponseArchive) { self.archive = archive }

    /// The conversation up to the end of the response called `id`.
    mutating func conversation(upTo id: String) async throws(APIError) -> [ResponseItem] {
        let values = try await items(upTo: id, isWhole: true)
        return try values.map { value throws(APIError) in try Self.item(value) }
    }

    /// The stored item called `id`, which the request names at `parameter`.
    mutating func item(_ id: String, parameter: String) async throws(APIError) -> ResponseItem {
        if known[id] == nil {
            guard let record = try await archive.find(withItem: id) else {
                throw APIError(status: 404, parameter: parameter, "Item with id '\(id)' not found.")
            }
            // Items that a request brought are whole, whatever became of the response to it.
            _ = try items(of: record, for: parameter)
        }
        guard let value = known[id] else {
            throw .generationFailed("The storage names an item '\(id)' that it does not have.")
        }
        return try Self.item(value)
    }

    /// The items of every response from the first of the conversation to the one called `last`.
    ///
    /// - Parameter isWhole: whether a response that is gone is an error.
    mutating func items(upTo last: String, isWhole: Bool) async throws(APIError) -> [JSONValue] {
        var links: [[JSONValue]] = []
        var next: String? = last
        while let id = next {
            guard let record = try await archive.find(id) else {
                if !isWhole { break }
                throw .previousResponseNotFound(id)
            }
            links.append(try items(of: record, for: "previous_response_id", needsAnswer: true))
            next = record.previousID
        }
        return links.reversed().flatMap { $0 }
    }

    /// Input and output of a record, which counts from now on.
    ///
    /// - Parameters:
    ///   - parameter: where the request asks for it.
    ///   - needsAnswer: whether a response that is still computed, or was never completed, is an error.
    private mutating func items(
        of record: StoredRecord,
        for parameter: String,
        needsAnswer: Bool = false
    ) throws(APIError) -> [JSONValue] {
        byteCount += record.byteCount
        if byteCount > archive.conversationBytes {
            throw .conversationTooLong(parameter, limit: archive.conversationBytes)
        }
        let response = try ResponseArchive.json(record.body)
        let status = response["status"]?.stringValue.flatMap { ModelResponse.Status(rawValue: $0) }
        if needsAnswer, status != .completed, status != .incomplete {
            throw .invalidValue(
                parameter,
                "the response '\(record.id)' has no answer to go on with: it is "
                    + "\(response["status"]?.stringValue ?? "without status")."
            )
        }
        let input = try ResponseArchive.json(record.input).arrayValue ?? []
        let items = input + (response["output"]?.arrayValue ?? [])
        // Newer records come first, and stay.
        for item in items.reversed() {
            if let name = item["id"]?.stringValue, known[name] == nil { known[name] = item }
        }
        return items
    }

    private static func item(_ value: JSONValue) throws(APIError) -> ResponseItem {
        if case .item(let item) = try? ResponseInput(value, path: "item") { return item }
        throw .generationFailed("The storage holds an item that cannot be read.")
    }
}

extension APIError {
    /// Stored items beyond what one request may take up.
    fileprivate static func conversationTooLong(_ parameter: String, limit: Int) -> APIError {
        APIError(
            code: "context_length_exceeded",
            parameter: parameter,
            "What the request takes from the storage has more than \(limit) bytes. Begin a new conversation."
        )
    }
}
