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
        if let after { shown.removeSubrange(...(try Self.index(of: after, in: shown, "after"))) }
        if let before { shown.removeSubrange((try Self.index(of: before, in: shown, "before"))...) }
        let page = shown.prefix(limit)
        return ModelResponse.inputItems(Array(page), hasMore: shown.count > page.count)
    }

    private static func index(of id: String, in items: [JSONValue], _ parameter: String) throws(APIError) -> Int {
        if let index = items.firstIndex(where: { $0["id"]?.stringValue == id }) { return index }
        throw .invalidValue(parameter, "there is no item '\(id)' in the list.")
    }
}
