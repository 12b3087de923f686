import JSON
import OpenAIAPI

extension ToolFields {
    /// Reads Anthropic's `tools` and `tool_choice`.
    init(messages reader: inout FieldReader) throws(APIError) {
        self.init()
        let values = try reader.array("tools") ?? []
        tools = try ToolDefinition.list(values, reader.parameter("tools")) { (value, path) throws(APIError) in
            try ToolDefinition(messages: value, path: path)
        }
        choice = tools.isEmpty ? .none : .auto
        guard let value = try reader.object("tool_choice") else { return }
        try readChoice(value, reader.parameter("tool_choice"))
    }

    private mutating func readChoice(_ value: JSONObject, _ parameter: String) throws(APIError) {
        var reader = FieldReader(value, path: parameter)
        let type = try FieldReader.string(try reader.required("type"), reader.parameter("type"))
        switch type {
        case "none": choice = .none
        case "auto": break
        case "any": choice = .required
        case "tool":
            let name = try ToolDefinition.name(try reader.required("name"), reader.parameter("name"))
            guard tools.contains(where: { $0.name == name }) else {
                throw .invalidValue(reader.parameter("name"), "the request defines no tool with the name '\(name)'.")
            }
            choice = .function(name)
        default:
            throw .invalidValue(
                reader.parameter("type"),
                "'\(type)' is no choice. Supported values: 'auto', 'any', 'tool', 'none'."
            )
        }
        if isCallRequired, tools.isEmpty {
            throw .invalidValue(parameter, "it is only allowed when 'tools' are specified.")
        }
        if type != "none" { allowsParallelCalls = !(try reader.bool("disable_parallel_tool_use") ?? false) }
        try reader.finish()
    }
}

extension ToolDefinition {
    /// Reads `{name, description, input_schema, strict}`.
    fileprivate init(messages value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        if let type = try reader.string("type"), type != "custom" {
            throw .unsupported(
                reader.parameter("type"),
                "This server has no tools of its own, as '\(type)' would be; it knows those of the type 'custom'."
            )
        }
        let name = try Self.name(try reader.required("name"), reader.parameter("name"))
        let description = try reader.string("description")
        let schema = try reader.required("input_schema", ["type": "object"])
        guard let parameters = schema.objectValue else {
            throw .invalidType(reader.parameter("input_schema"), expected: "an object", got: schema)
        }
        let isStrict = try reader.bool("strict") ?? false
        // Arguments are streamed as they are written in any case.
        _ = try reader.bool("eager_input_streaming")
        try reader.refuse([
            UnsupportedField("allowed_callers", "This server runs no code that calls tools.", harmless: [["direct"]]),
            UnsupportedField("defer_loading", "This server does not search for tools.", harmless: [false]),
            UnsupportedField("input_examples", "Put the examples into the description.", harmless: [[]]),
        ])
        try reader.readCacheControl()
        try reader.finish()
        self.init(name: name, description: description, parameters: parameters, isStrict: isStrict)
        try checkSchema(reader.parameter("input_schema"))
    }
}
