package import JSON

/// One message of a conversation, checked, in the form chat templates read.
package struct ChatMessage: Sendable, Equatable {
    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable {
        case system, developer, user, assistant, tool, function
    }

    /// What is said.
    package enum Content: Sendable, Equatable {
        /// Nothing: an assistant that only called functions.
        case none
        case text(String)
        /// Text in several parts.
        case parts([String])
    }

    package var role: Role
    package var content: Content
    package var name: String?
    /// Reasoning that came before an assistant's answer.
    package var reasoning: String?
    /// Calls an assistant made: `{id, type, function: {name, arguments}}`, arguments as JSON text.
    package var toolCalls: [JSONValue]
    /// The call that a tool's message answers.
    package var toolCallID: String?

    package init(role: Role, content: Content) {
        self.role = role
        self.content = content
        toolCalls = []
    }
}

extension ChatMessage {
    /// Reads every message of the array `messages`, of which there must be at least one.
    static func list(_ reader: inout FieldReader) throws(APIError) -> [ChatMessage] {
        let value = try reader.required("messages")
        let parameter = reader.parameter("messages")
        guard let values = value.arrayValue else {
            throw .invalidType(parameter, expected: "an array of objects", got: value)
        }
        try FieldReader.checkCount(values.count, parameter, in: 1...Int.max)
        var messages: [ChatMessage] = []
        for (index, value) in values.enumerated() {
            messages.append(try ChatMessage(value, path: "\(parameter)[\(index)]"))
        }
        return messages
    }

    init(_ value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        role = try Self.role(&reader)
        content = try Self.content(&reader, role: role)
        name = try reader.string("name", bytes: 256)
        toolCalls = []
        if role == .assistant { try readAssistant(&reader) }
        if role == .tool {
            toolCallID = try reader.string("tool_call_id", bytes: 256)
            if toolCallID == nil { throw .missing(reader.parameter("tool_call_id")) }
        }
        if role == .function, name == nil { throw .missing(reader.parameter("name")) }
        if content == .none, toolCalls.isEmpty { throw .missing(reader.parameter("content")) }
        try reader.finish()
    }

    private static func role(_ reader: inout FieldReader) throws(APIError) -> Role {
        let value = try reader.required("role", FieldReader.oneOf(Role.allCases.map(\.rawValue)))
        let parameter = reader.parameter("role")
        let text = try FieldReader.string(value, parameter)
        guard let role = Role(rawValue: text) else {
            let names = Role.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalidValue(parameter, "'\(text)' is no role. Supported values are: \(names).")
        }
        return role
    }

    private static func content(_ reader: inout FieldReader, role: Role) throws(APIError) -> Content {
        guard let value = reader.value("content", ["type": ["string", "array"]]) else { return .none }
        let parameter = reader.parameter("content")
        switch value {
        case .string(let text):
            return .text(text)
        case .array(let values):
            try FieldReader.checkCount(values.count, parameter, in: 1...Int.max)
            var parts: [String] = []
            for (index, value) in values.enumerated() {
                parts.append(try part(value, path: "\(parameter)[\(index)]", role: role))
            }
            return .parts(parts)
        default:
            throw .invalidType(parameter, expected: "a string or an array of objects", got: value)
        }
    }

    private static func part(_ value: JSONValue, path: String, role: Role) throws(APIError) -> String {
        var reader = try FieldReader(value, path: path)
        let type = try FieldReader.string(
            try reader.required("type", FieldReader.oneOf(["text", "refusal"])),
            reader.parameter("type")
        )
        let key: String
        switch type {
        case "text": key = "text"
        case "refusal" where role == .assistant: key = "refusal"
        case "image_url", "input_audio", "audio_url", "video_url", "file", "image", "audio", "video":
            throw .unsupported(path, "This server reads text only; the part has the type '\(type)'.")
        default:
            throw .invalidValue(reader.parameter("type"), "'\(type)' is no type of content. Supported value: 'text'.")
        }
        let text = try FieldReader.string(try reader.required(key), reader.parameter(key))
        try reader.finish()
        return text
    }

    private mutating func readAssistant(_ reader: inout FieldReader) throws(APIError) {
        let reasoningContent = try reader.string("reasoning_content")
        reasoning = try reader.string("reasoning") ?? reasoningContent
        if let refusal = try reader.string("refusal"), content == .none { content = .text(refusal) }
        try reader.refuse([
            UnsupportedField("audio", "This server reads text only."),
            UnsupportedField("annotations", "This server does not read annotations.", harmless: [[]]),
        ])
        for (index, value) in (try reader.array("tool_calls") ?? []).enumerated() {
            toolCalls.append(try Self.toolCall(value, path: "\(reader.parameter("tool_calls"))[\(index)]"))
        }
        try readFunctionCall(&reader)
    }

    /// Reads `function_call`, a single call without an id.
    private mutating func readFunctionCall(_ reader: inout FieldReader) throws(APIError) {
        guard let value = reader.value("function_call") else { return }
        let path = reader.parameter("function_call")
        if !toolCalls.isEmpty { throw .invalidValue(path, "it means the same as 'tool_calls'; send that alone.") }
        toolCalls = [["type": "function", "function": try Self.function(value, path: path)]]
    }

    private static func function(_ value: JSONValue, path: String) throws(APIError) -> JSONValue {
        var function = try FieldReader(value, path: path)
        let name = try ToolDefinition.name(try function.required("name"), function.parameter("name"))
        let arguments = try function.string("arguments") ?? "{}"
        try function.finish()
        return ["name": .string(name), "arguments": .string(arguments)]
    }

    private static func toolCall(_ value: JSONValue, path: String) throws(APIError) -> JSONValue {
        var reader = try FieldReader(value, path: path)
        let id = try reader.string("id", bytes: 256)
        let type = try reader.string("type") ?? "function"
        guard type == "function" else { throw .unsupported(reader.parameter("type"), "Only functions are known.") }
        _ = try reader.integer("index", in: 0...Int.max)
        let function = try Self.function(try reader.required("function"), path: reader.parameter("function"))
        try reader.finish()
        var call: JSONObject = [:]
        call["id"] = id.map { .string($0) }
        call["type"] = "function"
        call["function"] = function
        return .object(call)
    }
}
