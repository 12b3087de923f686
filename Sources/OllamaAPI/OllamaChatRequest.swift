package import JSON
package import OpenAIAPI

/// The body of `POST /api/chat`: every field has its type and stays within its bounds.
package struct OllamaChatRequest: Sendable, Equatable {
    /// One message of the conversation.
    package struct Message: Sendable, Equatable {
        package var role: Role
        package var content: String
        /// What the assistant thought before it answered; nil without thoughts.
        package var thinking: String?
        /// Calls the assistant made.
        package var calls: [Call] = []
        /// The function whose result a tool's message holds, and the call it answers; nil where the caller does not say.
        package var toolName: String?
        package var callID: String?

        package init(_ role: Role, _ content: String) {
            self.role = role
            self.content = content
        }
    }

    /// A call of an earlier turn.
    package struct Call: Sendable, Equatable {
        package var id: String?
        package var name: String
        package var arguments: JSONObject

        package init(id: String? = nil, name: String, arguments: JSONObject) {
            self.id = id
            self.name = name
            self.arguments = arguments
        }
    }

    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable {
        case system, user, assistant, tool
    }

    package var fields: OllamaFields
    /// Empty to load the model and say nothing.
    package var messages: [Message]
    /// The functions that the answer may call.
    package var tools: ToolFields

    /// Whether the answer goes on with the assistant's last message, as Ollama's templates do.
    package var continuesFinalMessage: Bool {
        messages.last.map { $0.role == .assistant && !$0.content.isEmpty && $0.calls.isEmpty } ?? false
    }

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        fields = try OllamaFields(&reader)
        tools = ToolFields()
        let values = try reader.array("tools") ?? []
        tools.tools = try ToolDefinition.list(values, reader.parameter("tools")) { (value, path) throws(APIError) in
            try ToolDefinition(value, path: path)
        }
        tools.choice = tools.tools.isEmpty ? .none : .auto
        messages = []
        for (index, value) in (try reader.array("messages") ?? []).enumerated() {
            messages.append(try Message(value, path: "messages[\(index)]"))
        }
        try reader.finish()
        if continuesFinalMessage, !tools.tools.isEmpty {
            throw .invalidValue("tools", "the assistant's last message is gone on with, and that calls no function.")
        }
    }
}

extension OllamaChatRequest.Message {
    fileprivate init(_ value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        let parameter = reader.parameter("role")
        let name = try FieldReader.string(try reader.required("role"), parameter)
        guard let role = OllamaChatRequest.Role(rawValue: name) else {
            let names = OllamaChatRequest.Role.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalidValue(parameter, "'\(name)' is no role. Supported values are: \(names).")
        }
        self.init(role, try reader.string("content") ?? "")
        try reader.refuse([UnsupportedField("images", OllamaFields.textOnly, harmless: [[]])])
        thinking = try reader.string("thinking").flatMap { $0.isEmpty ? nil : $0 }
        toolName = try reader.string("tool_name", bytes: 256).flatMap { $0.isEmpty ? nil : $0 }
        callID = try reader.string("tool_call_id", bytes: 256).flatMap { $0.isEmpty ? nil : $0 }
        for (index, value) in (try reader.array("tool_calls") ?? []).enumerated() {
            calls.append(try OllamaChatRequest.Call(value, path: "\(reader.parameter("tool_calls"))[\(index)]"))
        }
        try reader.finish()
        try check(&reader)
    }

    /// Members that only some roles have.
    private func check(_ reader: inout FieldReader) throws(APIError) {
        if role != .assistant, thinking != nil || !calls.isEmpty {
            let name = calls.isEmpty ? "thinking" : "tool_calls"
            throw .invalidValue(reader.parameter(name), "it stands in messages of the role 'assistant' only.")
        }
        if role != .tool, toolName != nil || callID != nil {
            let name = toolName == nil ? "tool_call_id" : "tool_name"
            throw .invalidValue(reader.parameter(name), "it stands in messages of the role 'tool' only.")
        }
    }
}

extension OllamaChatRequest.Call {
    /// Reads `{id, function: {name, arguments}}`.
    fileprivate init(_ value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        let id = try reader.string("id", bytes: 256).flatMap { $0.isEmpty ? nil : $0 }
        if let type = try reader.string("type"), type != "function" {
            throw .unsupported(reader.parameter("type"), "Only functions are known.")
        }
        var function = try FieldReader(try reader.required("function"), path: reader.parameter("function"))
        _ = try function.integer("index", in: 0...Int.max)
        let name = try ToolDefinition.name(try function.required("name"), function.parameter("name"))
        let arguments = try function.object("arguments") ?? JSONObject()
        try function.finish()
        try reader.finish()
        self.init(id: id, name: name, arguments: arguments)
    }
}
