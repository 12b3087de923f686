package import JSON

/// What an answer must be, as the caller asked for it.
package enum StructuredOutput: Sendable, Equatable {
    /// A JSON object of any kind.
    case jsonObject
    /// JSON of a schema.
    case jsonSchema(JSONValue)
    /// Text that matches a regular expression from its first to its last character.
    case regex(String)
    /// One of these texts.
    case choice([String])
    /// Text of a grammar in GBNF.
    case grammar(String)
}

/// A constraint and the parameter that asked for it, for errors.
package struct RequestedStructure: Sendable, Equatable {
    package var output: StructuredOutput
    /// Where the schema, expression, … stands in the request.
    package var parameter: String

    package init(output: StructuredOutput, parameter: String) {
        self.output = output
        self.parameter = parameter
    }
}

/// The names under which clients ask for a format: OpenAI's and Fireworks' `response_format`, vLLM's `structured_outputs`
/// and `guided_…`, llama.cpp's `grammar` and `json_schema`.
extension RequestedStructure {
    /// Longest regular expression, grammar or choice, in bytes.
    static let textLimit = 1 << 20
    /// Most choices.
    static let choiceLimit = 100_000

    private static let whitespace =
        "Space in JSON is at most one after a comma or colon, or one new line with its indentation."

    /// Reads them all; at most one may be there.
    static func read(_ reader: inout FieldReader) throws(APIError) -> RequestedStructure? {
        var found: [RequestedStructure] = []
        if let format = try responseFormat(&reader) { found.append(format) }
        if let outputs = try reader.object("structured_outputs") {
            var inner = FieldReader(outputs, path: reader.parameter("structured_outputs"))
            let isObject = try inner.bool("json_object") ?? false
            if isObject { found.append(.init(output: .jsonObject, parameter: inner.parameter("json_object"))) }
            try found.append(contentsOf: members(["json", "regex", "choice", "grammar"], of: &inner))
            // Which of another server's engines is to be used; what is allowed is the same without them.
            inner.ignore(["disable_fallback", "_backend"])
            try inner.refuse([
                UnsupportedField("structural_tag", "This server does not know structural tags."),
                UnsupportedField("disable_any_whitespace", whitespace, harmless: [false]),
                UnsupportedField("whitespace_pattern", whitespace),
            ])
            try inner.finish()
        }
        try found.append(
            contentsOf: members(
                ["guided_json", "guided_regex", "guided_choice", "guided_grammar", "json_schema", "grammar"],
                of: &reader
            )
        )
        reader.ignore(["guided_decoding_backend"])
        try reader.refuse([UnsupportedField("guided_whitespace_pattern", whitespace)])
        if found.count > 1 {
            throw .invalidValue(
                found[1].parameter,
                "an answer has one format, and '\(found[0].parameter)' gives one too."
            )
        }
        return found.first
    }

    private static func responseFormat(_ reader: inout FieldReader) throws(APIError) -> RequestedStructure? {
        guard let format = try reader.object("response_format") else { return nil }
        var inner = FieldReader(format, path: reader.parameter("response_format"))
        let type = try FieldReader.string(try inner.required("type"), inner.parameter("type"))
        defer { inner.ignore(["type"]) }
        var found: RequestedStructure?
        switch type {
        case "text": break
        case "json_object":
            found = try schema(inner.value("schema"), inner.parameter("schema"))
            found = found ?? .init(output: .jsonObject, parameter: inner.parameter("type"))
        case "json_schema": found = try namedSchema(&inner)
        case "grammar", "regex":
            let pattern = try FieldReader.string(try inner.required(type), inner.parameter(type), bytes: textLimit)
            found = .init(
                output: type == "regex" ? .regex(pattern) : .grammar(pattern),
                parameter: inner.parameter(type)
            )
        default:
            throw .invalidValue(
                inner.parameter("type"),
                "'\(type)' is none of 'text', 'json_object', 'json_schema', 'grammar' and 'regex'."
            )
        }
        try inner.finish()
        return found
    }

    /// `{"name": …, "schema": {…}, "strict": true}`. Not strict changes nothing: what is asked for is what comes.
    private static func namedSchema(_ reader: inout FieldReader) throws(APIError) -> RequestedStructure? {
        let value = try reader.required("json_schema")
        var inner = try FieldReader(value, path: reader.parameter("json_schema"))
        _ = try inner.string("name", bytes: 1024)
        _ = try inner.string("description")
        _ = try inner.bool("strict")
        let found = try schema(inner.value("schema"), inner.parameter("schema"))
        try inner.finish()
        return found ?? .init(output: .jsonObject, parameter: reader.parameter("json_schema"))
    }

    private static func members(
        _ names: [String],
        of reader: inout FieldReader
    ) throws(APIError) -> [RequestedStructure] {
        var found: [RequestedStructure] = []
        for name in names {
            guard let value = reader.value(name) else { continue }
            let parameter = reader.parameter(name)
            if name.contains("json") {
                if let structure = try schema(value, parameter) { found.append(structure) }
            } else if name.contains("choice") {
                found.append(.init(output: .choice(try choices(value, parameter)), parameter: parameter))
            } else {
                let text = try FieldReader.string(value, parameter, bytes: textLimit)
                found.append(
                    .init(output: name.contains("regex") ? .regex(text) : .grammar(text), parameter: parameter)
                )
            }
        }
        return found
    }

    /// A schema as an object, as `true` or `false`, or, as some clients send it, as text.
    static func schema(_ value: JSONValue?, _ parameter: String) throws(APIError) -> RequestedStructure? {
        guard var schema = value else { return nil }
        if case .string(let text) = schema {
            guard let parsed = try? JSONValue(parsing: text) else {
                throw .invalidValue(parameter, "the text is not JSON.")
            }
            schema = parsed
        }
        guard schema.objectValue != nil || schema.boolValue != nil else {
            throw .invalidType(parameter, expected: "an object", got: schema)
        }
        return .init(output: .jsonSchema(schema), parameter: parameter)
    }

    private static func choices(_ value: JSONValue, _ parameter: String) throws(APIError) -> [String] {
        guard let values = value.arrayValue else { throw .invalidType(parameter, expected: "an array", got: value) }
        try FieldReader.checkCount(values.count, parameter, in: 1...choiceLimit)
        var texts: [String] = []
        for (index, value) in values.enumerated() {
            texts.append(try FieldReader.string(value, "\(parameter)[\(index)]", bytes: textLimit))
        }
        return texts
    }
}
