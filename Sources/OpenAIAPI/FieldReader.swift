package import JSON

/// Reads the members of one JSON object and remembers which, so that what nobody asked for is an error.
///
/// Explicit `null` means absent throughout. Errors name the member by its path from the request's root.
package struct FieldReader {
    private let object: JSONObject
    private let path: String
    private var known: Set<String> = []
    private let recorder = FieldRecorder.current

    /// - Parameter path: where `object` stands in the request; empty at the root.
    package init(_ object: JSONObject, path: String = "") {
        self.object = object
        self.path = path
        recorder?.noteReader(path)
    }

    /// Reads `value`, which must be an object.
    package init(_ value: JSONValue, path: String) throws(APIError) {
        guard let object = value.objectValue else {
            throw .invalidType(path.isEmpty ? "body" : path, expected: "an object", got: value)
        }
        self.init(object, path: path)
    }

    /// The path of member `key`.
    package func parameter(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// Member `key` as it stands; nil when it is absent or null.
    ///
    /// - Parameter shape: what it may be, as JSON Schema, for descriptions; whoever reads the value holds it to that.
    package mutating func value(_ key: String, _ shape: JSONObject = [:]) -> JSONValue? {
        known.insert(key)
        recorder?.note(parameter(key), shape)
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    /// The value, which must be there and not null.
    package mutating func required(_ key: String, _ shape: JSONObject = [:]) throws(APIError) -> JSONValue {
        recorder?.noteRequired(parameter(key))
        guard let value = value(key, shape) else { throw .missing(parameter(key)) }
        return value
    }

    /// A boolean; nil when absent or null.
    package mutating func bool(_ key: String) throws(APIError) -> Bool? {
        guard let value = value(key, ["type": "boolean"]) else { return nil }
        guard let bool = value.boolValue else {
            throw .invalidType(parameter(key), expected: "a boolean", got: value)
        }
        return bool
    }

    /// - Parameter bytes: longest text accepted, in bytes of UTF-8.
    package mutating func string(_ key: String, bytes: Int = .max) throws(APIError) -> String? {
        guard let value = value(key, Self.shape(bytes: bytes)) else { return nil }
        return try Self.string(value, parameter(key), bytes: bytes)
    }

    /// A whole number within `range`; nil when absent or null.
    package mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let value = value(key, Self.shape(range)) else { return nil }
        return try Self.integer(value, parameter(key), in: range)
    }

    /// A number within `range`; nil when absent or null.
    package mutating func number(_ key: String, in range: ClosedRange<Double>) throws(APIError) -> Double? {
        guard let value = value(key, Self.shape(range)) else { return nil }
        return try Self.number(value, parameter(key), in: range)
    }

    /// A list; nil when absent or null.
    package mutating func array(_ key: String) throws(APIError) -> [JSONValue]? {
        guard let value = value(key, ["type": "array"]) else { return nil }
        guard let array = value.arrayValue else {
            throw .invalidType(parameter(key), expected: "an array", got: value)
        }
        return array
    }

    /// An object; nil when absent or null.
    package mutating func object(_ key: String) throws(APIError) -> JSONObject? {
        guard let value = value(key, ["type": "object"]) else { return nil }
        guard let object = value.objectValue else {
            throw .invalidType(parameter(key), expected: "an object", got: value)
        }
        return object
    }

    /// Marks members that have no effect here whatever their value.
    package mutating func ignore(_ keys: [String]) {
        for key in keys { _ = value(key) }
    }

    /// Ends the reading: a member that nothing asked for is refused.
    package func finish() throws(APIError) {
        recorder?.noteEnd(path)
        for key in object.keys where !known.contains(key) { throw .unknownParameter(parameter(key)) }
    }
}

extension FieldReader {
    /// Longest stop string, in bytes: what is held back while streaming is bounded by it.
    package static let stopBytes = 4096
    /// Largest count of tokens a request may name.
    package static let tokenLimit = Int(Int32.max)

    /// A list of stop strings; empty when absent or null.
    ///
    /// - Parameter limit: most of them.
    package mutating func stopStrings(_ key: String, limit: Int) throws(APIError) -> [String] {
        guard let values = try array(key) else { return [] }
        let parameter = parameter(key)
        try Self.checkCount(values.count, parameter, in: 0...limit)
        var texts: [String] = []
        for (index, value) in values.enumerated() {
            texts.append(try Self.string(value, "\(parameter)[\(index)]", bytes: Self.stopBytes))
        }
        if texts.contains("") { throw .invalidValue(parameter, "a stop string cannot be empty.") }
        return texts
    }

    /// `value` as a text of at most `bytes` bytes of UTF-8.
    package static func string(_ value: JSONValue, _ parameter: String, bytes: Int = .max) throws(APIError) -> String {
        FieldRecorder.current?.note(parameter, shape(bytes: bytes))
        guard let string = value.stringValue else {
            throw .invalidType(parameter, expected: "a string", got: value)
        }
        guard string.utf8.count <= bytes else {
            throw APIError(
                code: "string_above_max_length",
                parameter: parameter,
                "Invalid '\(parameter)': string too long. Expected at most \(bytes) bytes, but got \(string.utf8.count)."
            )
        }
        return string
    }

    /// `value` as a whole number within `range`.
    package static func integer(
        _ value: JSONValue,
        _ parameter: String,
        in range: ClosedRange<Int>
    ) throws(APIError) -> Int {
        FieldRecorder.current?.note(parameter, shape(range))
        guard let integer = value.integerValue else {
            if case .number(let number) = value, number.rounded() == number {
                throw outOfRange(parameter, "integer", isBelow: number < 0, bound: bound(range, number < 0), value)
            }
            throw .invalidType(parameter, expected: "an integer", got: value)
        }
        guard range.contains(integer) else {
            let isBelow = integer < range.lowerBound
            throw outOfRange(parameter, "integer", isBelow: isBelow, bound: bound(range, isBelow), value)
        }
        return integer
    }

    /// `value` as a number within `range`.
    package static func number(
        _ value: JSONValue,
        _ parameter: String,
        in range: ClosedRange<Double>
    ) throws(APIError) -> Double {
        FieldRecorder.current?.note(parameter, shape(range))
        guard let number = value.doubleValue else {
            throw .invalidType(parameter, expected: "a number", got: value)
        }
        guard range.contains(number) else {
            let isBelow = number < range.lowerBound
            throw outOfRange(parameter, "decimal", isBelow: isBelow, bound: bound(range, isBelow), value)
        }
        return number
    }

    private static func bound<Number>(_ range: ClosedRange<Number>, _ isBelow: Bool) -> String {
        isBelow ? "\(range.lowerBound)" : "\(range.upperBound)"
    }

    private static func outOfRange(
        _ parameter: String,
        _ type: String,
        isBelow: Bool,
        bound: String,
        _ value: JSONValue
    ) -> APIError {
        APIError(
            code: isBelow ? "\(type)_below_min_value" : "\(type)_above_max_value",
            parameter: parameter,
            "Invalid '\(parameter)': \(type) \(isBelow ? "below minimum" : "above maximum") value. "
                + "Expected a value \(isBelow ? ">=" : "<=") \(bound), but got \(value.serialized()) instead."
        )
    }

    /// Refuses an array of an unwanted length.
    package static func checkCount(_ count: Int, _ parameter: String, in range: ClosedRange<Int>) throws(APIError) {
        FieldRecorder.current?.note(parameter, lengths(range))
        if count < range.lowerBound {
            throw APIError(
                code: range.lowerBound == 1 ? "empty_array" : "array_below_min_length",
                parameter: parameter,
                "Invalid '\(parameter)': array too short. Expected at least \(range.lowerBound) elements, "
                    + "but got \(count)."
            )
        }
        if count > range.upperBound {
            throw APIError(
                code: "array_above_max_length",
                parameter: parameter,
                "Invalid '\(parameter)': array too long. Expected at most \(range.upperBound) elements, "
                    + "but got \(count)."
            )
        }
    }
}
