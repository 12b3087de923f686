import JSON

extension ToolFields {
    /// Reads `tools`, `tool_choice` and `parallel_tool_calls` of a request for a response, where functions stand flat:
    /// `{type: "function", name, parameters, …}`.
    init(responses reader: inout FieldReader) throws(APIError) {
        allowsParallelCalls = try reader.bool("parallel_tool_calls") ?? true
        let values = try reader.array("tools") ?? []
        tools = try ToolDefinition.list(values, reader.parameter("tools")) { (value, path) throws(APIError) in
            try ToolDefinition(flat: value, path: path)
        }
        let parameter = reader.parameter("tool_choice")
        guard let value = reader.value("tool_choice", ["type": ["string", "object"]]) else {
            choice = tools.isEmpty ? .none : .auto
            return
        }
        choice = try flatChoice(value, parameter)
    }

    private func flatChoice(_ value: JSONValue, _ parameter: String) throws(APIError) -> ToolChoice {
        switch value {
        case .string("none"): return .none
        case .string("auto"): return tools.isEmpty ? .none : .auto
        case .string("required"):
            if tools.isEmpty { throw .invalidValue(parameter, "it is only allowed when 'tools' are specified.") }
            return .required
        case .string(let text):
            throw .invalidValue(
                parameter,
                "'\(text)' is no choice. Supported values: 'none', 'auto', 'required', an object that names a function."
            )
        case .object: return try namedChoice(value, parameter)
        default: throw .invalidType(parameter, expected: "a string or an object", got: value)
        }
    }

    /// `{type: "function", name}` or `{type: "allowed_tools", mode, tools}`.
    private func namedChoice(_ value: JSONValue, _ parameter: String) throws(APIError) -> ToolChoice {
        var reader = try FieldReader(value, path: parameter)
        let type = try FieldReader.string(try reader.required("type"), reader.parameter("type"))
        let choice: ToolChoice
        switch type {
        case "function": choice = .function(try knownName(&reader))
        case "allowed_tools":
            let mode = try FieldReader.string(try reader.required("mode"), reader.parameter("mode"))
            guard mode == "auto" || mode == "required" else {
                throw .invalidValue(reader.parameter("mode"), "'\(mode)' is none of 'auto' and 'required'.")
            }
            choice = .allowed(try allowedNames(&reader), isRequired: mode == "required")
        default:
            try ToolDefinition.refuse(type: type, reader.parameter("type"))
            throw .invalidValue(
                reader.parameter("type"),
                "'\(type)' is no choice. Supported values: 'function', 'allowed_tools'."
            )
        }
        try reader.finish()
        return choice
    }

    private func allowedNames(_ reader: inout FieldReader) throws(APIError) -> [String] {
        let parameter = reader.parameter("tools")
        let values = try reader.array("tools") ?? []
        try FieldReader.checkCount(values.count, parameter, in: 1...ToolDefinition.countLimit)
        var names: [String] = []
        for (index, value) in values.enumerated() {
            var tool = try FieldReader(value, path: "\(parameter)[\(index)]")
            let type = try FieldReader.string(try tool.required("type"), tool.parameter("type"))
            guard type == "function" else {
                throw .unsupported(tool.parameter("type"), "This server knows tools of the type 'function'.")
            }
            names.append(try knownName(&tool))
            try tool.finish()
        }
        return names
    }

    private func knownName(_ reader: inout FieldReader) throws(APIError) -> String {
        let parameter = reader.parameter("name")
        let name = try ToolDefinition.name(try reader.required("name"), parameter)
        if tools.contains(where: { $0.name == name }) { return name }
        throw .invalidValue(parameter, "the request defines no function with the name '\(name)'.")
    }
}

extension ToolDefinition {
    /// Reads `{type: "function", name, description, parameters, strict}`.
    fileprivate init(flat value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        let type = try FieldReader.string(
            try reader.required("type", FieldReader.oneOf(["function"])),
            reader.parameter("type")
        )
        guard type == "function" else {
            try Self.refuse(type: type, reader.parameter("type"))
            throw .invalidValue(
                reader.parameter("type"),
                "'\(type)' is no type of tool. Supported value: 'function'."
            )
        }
        try self.init(members: &reader)
    }

    /// Refuses the tools that OpenAI runs itself.
    fileprivate static func refuse(type: String, _ parameter: String) throws(APIError) {
        guard hosted.contains(where: { type.hasPrefix($0) }) else { return }
        throw .unsupported(parameter, "This server knows tools of the type 'function'; this one is '\(type)'.")
    }

    private static let hosted = [
        "file_search", "web_search", "computer", "mcp", "code_interpreter", "image_generation", "local_shell", "shell",
        "custom", "apply_patch", "namespace", "tool_search", "programmatic_tool_calling",
    ]

    /// The function as responses repeat it.
    var responsesJSON: JSONValue {
        [
            "type": "function", "name": .string(name), "description": description.map { .string($0) } ?? .null,
            "parameters": parameters.map { .object($0) } ?? .null, "strict": .bool(isStrict),
        ]
    }
}

extension RequestedStructure {
    /// Reads `format` of `text`, where a schema stands flat: `{type: "json_schema", name, schema, …}`.
    static func textFormat(_ reader: inout FieldReader) throws(APIError) -> RequestedStructure? {
        guard let format = try reader.object("format") else { return nil }
        var inner = FieldReader(format, path: reader.parameter("format"))
        let type = try FieldReader.string(try inner.required("type"), inner.parameter("type"))
        var found: RequestedStructure?
        switch type {
        case "text": break
        case "json_object": found = .init(output: .jsonObject, parameter: inner.parameter("type"))
        case "json_schema":
            _ = try FieldReader.string(try inner.required("name"), inner.parameter("name"), bytes: 1024)
            _ = try inner.string("description")
            _ = try inner.bool("strict")
            found = try schema(try inner.required("schema"), inner.parameter("schema"))
        default:
            throw .invalidValue(
                inner.parameter("type"),
                "'\(type)' is none of 'text', 'json_object' and 'json_schema'."
            )
        }
        try inner.finish()
        return found
    }
}
