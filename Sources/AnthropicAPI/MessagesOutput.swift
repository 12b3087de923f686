import JSON
package import OpenAIAPI

/// What the answer must be, and how hard the model is to try.
package struct MessagesOutput: Sendable, Equatable {
    /// How hard to try.
    package enum Effort: String, Sendable, CaseIterable {
        case low, medium, high, xhigh, max
    }

    /// nil for an answer of any kind.
    package var structure: RequestedStructure?
    package var effort: Effort?

    package init() {}

    /// Reads `output_config` and the older `output_format`.
    init(_ reader: inout FieldReader) throws(APIError) {
        if let format = try reader.object("output_format") {
            structure = try Self.structure(format, path: reader.parameter("output_format"))
        }
        guard let value = try reader.object("output_config") else { return }
        var inner = FieldReader(value, path: reader.parameter("output_config"))
        if let name = try inner.string("effort") {
            guard let effort = Effort(rawValue: name) else {
                let names = Effort.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
                throw .invalidValue(
                    inner.parameter("effort"),
                    "'\(name)' is no effort. Supported values are: \(names)."
                )
            }
            self.effort = effort
        }
        if let format = try inner.object("format") {
            if structure != nil {
                throw .invalidValue(reader.parameter("output_format"), "'output_config.format' gives a format, too.")
            }
            structure = try Self.structure(format, path: inner.parameter("format"))
        }
        try inner.refuse([UnsupportedField("task_budget", "This server knows no budget beyond 'max_tokens'.")])
        try inner.finish()
    }

    /// `{type: "json_schema", schema: {…}}`
    private static func structure(_ format: JSONObject, path: String) throws(APIError) -> RequestedStructure {
        var reader = FieldReader(format, path: path)
        let type = try FieldReader.string(try reader.required("type"), reader.parameter("type"))
        guard type == "json_schema" else {
            throw .invalidValue(reader.parameter("type"), "'\(type)' is no format. Supported value: 'json_schema'.")
        }
        let schema = try reader.required("schema", ["type": "object"])
        guard schema.objectValue != nil else {
            throw .invalidType(reader.parameter("schema"), expected: "an object", got: schema)
        }
        try reader.finish()
        return RequestedStructure(output: .jsonSchema(schema), parameter: reader.parameter("schema"))
    }
}
