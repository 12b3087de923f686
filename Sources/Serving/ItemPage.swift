import JSON
import OpenAIAPI

/// Which of a list's items a caller wants to see.
struct ItemPage: Equatable {
    /// Most items at a time.
    var limit = 20
    /// Whether the list is shown from its end.
    var isReversed = true
    /// The item before the first one shown.
    var after: String?
    /// The item behind the last one shown.
    var before: String?

    /// What the URL's query may say, as JSON Schema.
    static let parameters: JSONObject = [
        "limit": ["type": "integer", "minimum": 1, "maximum": 100],
        "order": ["type": "string", "enum": ["asc", "desc"]],
        "after": ["type": "string"], "before": ["type": "string"],
    ]

    /// - Parameter parameters: names and values of the URL's query. Others than these change nothing.
    init(_ parameters: [(String, String)]) throws(APIError) {
        for (name, value) in parameters where !value.isEmpty {
            switch name {
            case "limit":
                guard let number = Int(value) else {
                    throw .invalidType("limit", expected: "an integer", got: .string(value))
                }
                limit = try FieldReader.integer(.integer(Int64(number)), "limit", in: 1...100)
            case "order":
                guard value == "asc" || value == "desc" else {
                    throw .invalidValue("order", "'\(value)' is none of 'asc' and 'desc'.")
                }
                isReversed = value == "desc"
            case "after": after = value
            case "before": before = value
            default: break
            }
        }
    }

    /// The page of `items`, which have an `id` each, in their own order.
    func json(of items: [JSONValue]) throws(APIError) -> JSONValue {
        var shown = isReversed ? items.reversed() : items[...].map { $0 }
        if let after {
            // Behind the last of that name: a page could else begin where one before it did, and pages would never end.
            guard let index = shown.lastIndex(where: { Self.name($0) == after }) else {
                throw Self.missing(after, "after")
            }
            shown.removeSubrange(...index)
        }
        if let before {
            guard let index = shown.firstIndex(where: { Self.name($0) == before }) else {
                throw Self.missing(before, "before")
            }
            shown.removeSubrange(index...)
        }
        let page = shown.prefix(limit)
        return ModelResponse.inputItems(Array(page), hasMore: shown.count > page.count)
    }

    private static func name(_ item: JSONValue) -> String? { item["id"]?.stringValue }

    private static func missing(_ id: String, _ parameter: String) -> APIError {
        .invalidValue(parameter, "there is no item '\(id)' in the list.")
    }
}
