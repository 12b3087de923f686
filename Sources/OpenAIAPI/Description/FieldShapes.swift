package import JSON

/// What readers hold values to, as JSON Schema.
extension FieldReader {
    static func shape(bytes: Int) -> JSONObject {
        // A text has at most as many characters as bytes.
        bytes == .max ? ["type": "string"] : ["type": "string", "maxLength": .integer(Int64(bytes))]
    }

    static func shape(_ range: ClosedRange<Int>) -> JSONObject {
        var shape: JSONObject = ["type": "integer"]
        if range.lowerBound != .min { shape["minimum"] = .integer(Int64(range.lowerBound)) }
        if range.upperBound != .max { shape["maximum"] = .integer(Int64(range.upperBound)) }
        return shape
    }

    static func shape(_ range: ClosedRange<Double>) -> JSONObject {
        ["type": "number", "minimum": .number(range.lowerBound), "maximum": .number(range.upperBound)]
    }

    static func lengths(_ range: ClosedRange<Int>) -> JSONObject {
        var shape: JSONObject = ["minItems": .integer(Int64(range.lowerBound))]
        if range.upperBound != .max { shape["maxItems"] = .integer(Int64(range.upperBound)) }
        return shape
    }

    /// A text, or a list of at most `count` texts.
    package static func textOrTexts(atMost count: Int) -> JSONObject {
        ["type": ["string", "array"], "items": ["type": "string"], "maxItems": .integer(Int64(count))]
    }

    /// A text or a list of token ids, or a list of such.
    static let textsOrTokens: JSONObject = {
        let token: JSONValue = ["type": "integer", "minimum": 0, "maximum": .integer(Int64(tokenLimit))]
        let tokens: JSONValue = ["type": "array", "items": token, "minItems": 1]
        return ["type": ["string", "array"], "items": ["anyOf": [["type": "string"], token, tokens]], "minItems": 1]
    }()

    static func oneOf(_ words: [String]) -> JSONObject {
        ["type": "string", "enum": .array(words.map { .string($0) })]
    }
}
