import JSON

/// Whether the model may, must or must not call functions.
package enum ToolChoice: Sendable, Equatable {
    case none
    /// The model decides.
    case auto
    /// At least one call.
    case required
    /// A call of this function.
    case function(String)
    /// As `auto` or `required`, with these of the request's functions only.
    case allowed([String], isRequired: Bool)
}

/// The functions of a chat and how they may be called; names agree with each other.
package struct ToolFields: Sendable, Equatable {
    package var tools: [ToolDefinition] = []
    /// `none` when there are no functions.
    package var choice = ToolChoice.none
    /// Whether one answer may hold several calls.
    package var allowsParallelCalls = true
    /// Whether the request used the older `functions`, so that the answer has `function_call` instead of `tool_calls`.
    package var isLegacy = false

    /// What a request without functions asks for.
    package init() {}

    /// The functions that an answer may call, in the order of the request.
    package var callable: [ToolDefinition] {
        switch choice {
        case .none: []
        case .auto, .required: tools
        case .function(let name): tools.filter { $0.name == name }
        case .allowed(let names, _): tools.filter { names.contains($0.name) }
        }
    }

    /// Whether an answer must call a function.
    package var isCallRequired: Bool {
        switch choice {
        case .none, .auto: false
        case .required, .function: true
        case .allowed(_, let isRequired): isRequired
        }
    }
}

extension ToolFields {
    init(_ reader: inout FieldReader) throws(APIError) {
        allowsParallelCalls = try reader.bool("parallel_tool_calls") ?? true
        let values = try reader.array("tools") ?? []
        tools = try ToolDefinition.list(values, reader.parameter("tools")) { (value, path) throws(APIError) in
            try ToolDefinition(value, path: path)
        }
        try readLegacy(&reader)
        if !isLegacy, let value = reader.value("tool_choice", ["type": ["string", "object"]]) {
            choice = try toolChoice(value, reader.parameter("tool_choice"))
        } else if !isLegacy {
            choice = tools.isEmpty ? .none : .auto
        }
    }

    /// Reads `functions` and `function_call`, OpenAI's names before there were other tools.
    private mutating func readLegacy(_ reader: inout FieldReader) throws(APIError) {
        let values = try reader.array("functions") ?? []
        let parameter = reader.parameter("functions")
        let functions = try ToolDefinition.list(values, parameter) { (value, path) throws(APIError) in
            try ToolDefinition(function: value, path: path)
        }
        let call = reader.value("function_call", ["type": ["string", "object"]])
        isLegacy = !functions.isEmpty || call != nil
        if !isLegacy { return }
        if !tools.isEmpty || reader.value("tool_choice") != nil {
            throw .invalidValue(
                functions.isEmpty ? reader.parameter("function_call") : parameter,
                "'functions' and 'function_call' cannot be mixed with 'tools' and 'tool_choice'."
            )
        }
        tools = functions
        allowsParallelCalls = false  // `function_call` holds one
        choice = try functionCall(call, reader.parameter("function_call"))
    }

    private func functionCall(_ value: JSONValue?, _ parameter: String) throws(APIError) -> ToolChoice {
        guard let value else { return tools.isEmpty ? .none : .auto }
        switch value {
        case .string("none"): return .none
        case .string("auto"): return tools.isEmpty ? .none : .auto
        case .string(let text):
            throw .invalidValue(parameter, "'\(text)' is no choice. Supported values: 'none', 'auto', an object.")
        case .object:
            var reader = try FieldReader(value, path: parameter)
            let name = try ToolDefinition.name(try reader.required("name"), reader.parameter("name"))
            try reader.finish()
            return .function(try known(name, parameter))
        default:
            throw .invalidType(parameter, expected: "a string or an object", got: value)
        }
    }

    private func toolChoice(_ value: JSONValue, _ parameter: String) throws(APIError) -> ToolChoice {
        switch value {
        case .string("none"): return .none
        case .string("auto"): return tools.isEmpty ? .none : .auto
        case .string("required"), .string("any"):
            if tools.isEmpty { throw .invalidValue(parameter, "it is only allowed when 'tools' are specified.") }
            return .required
        case .string(let text):
            throw .invalidValue(
                parameter,
                "'\(text)' is no choice. Supported values: 'none', 'auto', 'required', an object that names a function."
            )
        case .object:
            return try chosen(value, parameter)
        default:
            throw .invalidType(parameter, expected: "a string or an object", got: value)
        }
    }

    /// `{type: "function", function: {name}}` or `{type: "allowed_tools", allowed_tools: {mode, tools}}`.
    private func chosen(_ value: JSONValue, _ parameter: String) throws(APIError) -> ToolChoice {
        var reader = try FieldReader(value, path: parameter)
        let type = try FieldReader.string(try reader.required("type"), reader.parameter("type"))
        let choice: ToolChoice
        switch type {
        case "function":
            choice = .function(try functionName(&reader, parameter))
        case "allowed_tools":
            let inner = try reader.required("allowed_tools")
            choice = try allowedTools(inner, reader.parameter("allowed_tools"), parameter)
        case "custom":
            throw .unsupported(reader.parameter("type"), "This server knows tools of the type 'function'.")
        default:
            throw .invalidValue(
                reader.parameter("type"),
                "'\(type)' is no choice. Supported values: 'function', 'allowed_tools'."
            )
        }
        try reader.finish()
        return choice
    }

    private func allowedTools(
        _ value: JSONValue,
        _ path: String,
        _ parameter: String
    ) throws(APIError) -> ToolChoice {
        var reader = try FieldReader(value, path: path)
        let mode = try FieldReader.string(try reader.required("mode"), reader.parameter("mode"))
        guard mode == "auto" || mode == "required" else {
            throw .invalidValue(
                reader.parameter("mode"),
                "'\(mode)' is no mode. Supported values: 'auto', 'required'."
            )
        }
        let values = try reader.array("tools") ?? []
        try FieldReader.checkCount(values.count, reader.parameter("tools"), in: 1...ToolDefinition.countLimit)
        var names: [String] = []
        for (index, value) in values.enumerated() {
            var tool = try FieldReader(value, path: "\(reader.parameter("tools"))[\(index)]")
            let type = try FieldReader.string(try tool.required("type"), tool.parameter("type"))
            if type != "function" {
                throw .unsupported(tool.parameter("type"), "This server knows tools of the type 'function'.")
            }
            names.append(try functionName(&tool, parameter))
            try tool.finish()
        }
        try reader.finish()
        return .allowed(names, isRequired: mode == "required")
    }

    /// The name in member `function` of a choice.
    private func functionName(_ reader: inout FieldReader, _ parameter: String) throws(APIError) -> String {
        let path = reader.parameter("function")
        var function = try FieldReader(try reader.required("function"), path: path)
        let name = try ToolDefinition.name(try function.required("name"), function.parameter("name"))
        try function.finish()
        return try known(name, parameter)
    }

    private func known(_ name: String, _ parameter: String) throws(APIError) -> String {
        if tools.contains(where: { $0.name == name }) { return name }
        throw .invalidValue(parameter, "the request defines no function with the name '\(name)'.")
    }
}
