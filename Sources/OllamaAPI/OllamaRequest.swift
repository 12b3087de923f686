package import JSON
package import OpenAIAPI

/// What the bodies of `/api/chat` and `/api/generate` share.
package struct OllamaFields: Sendable, Equatable {
    package var model: String
    package var options: OllamaOptions
    /// Ollama streams unless told not to.
    package var isStreamed: Bool
    /// Whether the model is asked not to think first.
    package var isThinkingOff: Bool

    /// Reads them and refuses those that this server cannot honour.
    init(_ reader: inout FieldReader) throws(APIError) {
        model = try FieldReader.string(try reader.required("model"), reader.parameter("model"), bytes: 1024)
        try reader.refuse(Self.unsupported)
        isThinkingOff = reader.value("think") != nil
        options = try OllamaOptions(&reader)
        isStreamed = try reader.bool("stream") ?? true
        try Self.checkKeepAlive(&reader)
    }

    /// Seconds, or a text such as `5m`, which is not read any further: this server keeps its models whatever it says.
    private static func checkKeepAlive(_ reader: inout FieldReader) throws(APIError) {
        guard let value = reader.value("keep_alive"), value.doubleValue == nil else { return }
        let parameter = reader.parameter("keep_alive")
        guard value.stringValue != nil else {
            throw .invalidType(parameter, expected: "a number of seconds or a string such as '5m'", got: value)
        }
        _ = try FieldReader.string(value, parameter, bytes: 64)
    }

    private static let unsupported: [UnsupportedField] = {
        let structured = "This API does not keep to a format here yet; /v1/chat/completions does."
        let truncation = "This server never truncates a prompt; a prompt that does not fit is an error."
        return [
            UnsupportedField("format", structured, harmless: [""]),
            UnsupportedField(
                "think",
                "This API does not control reasoning here yet; /v1/chat/completions does.",
                harmless: [false]
            ),
            UnsupportedField("truncate", truncation, harmless: [false]),
            UnsupportedField("shift", "This server never shifts a full context.", harmless: [false]),
            UnsupportedField("logprobs", "Use /v1/chat/completions for log probabilities.", harmless: [false]),
            UnsupportedField("top_logprobs", "Use /v1/chat/completions for log probabilities.", harmless: [0]),
        ]
    }()

    static let textOnly = "This server reads text only."
}

/// The body of `POST /api/chat`: every field has its type and stays within its bounds.
package struct OllamaChatRequest: Sendable, Equatable {
    /// One message of the conversation.
    package struct Message: Sendable, Equatable {
        package var role: Role
        package var content: String

        package init(_ role: Role, _ content: String) {
            self.role = role
            self.content = content
        }
    }

    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable {
        case system, user, assistant
    }

    package var fields: OllamaFields
    /// Empty to load the model and say nothing.
    package var messages: [Message]

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        fields = try OllamaFields(&reader)
        try reader.refuse([
            UnsupportedField(
                "tools",
                "This API does not call functions here yet; /v1/chat/completions does.",
                harmless: [[]]
            )
        ])
        messages = []
        for (index, value) in (try reader.array("messages") ?? []).enumerated() {
            messages.append(try Self.message(value, path: "messages[\(index)]"))
        }
        try reader.finish()
    }

    private static func message(_ value: JSONValue, path: String) throws(APIError) -> Message {
        var reader = try FieldReader(value, path: path)
        let functions = "This API does not call functions here yet; /v1/chat/completions does."
        let parameter = reader.parameter("role")
        let name = try FieldReader.string(try reader.required("role"), parameter)
        if name == "tool" { throw .unsupported(parameter, functions) }
        guard let role = Role(rawValue: name) else {
            let names = Role.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalidValue(parameter, "'\(name)' is no role. Supported values are: \(names).")
        }
        let content = try reader.string("content") ?? ""
        try reader.refuse([
            UnsupportedField("images", OllamaFields.textOnly, harmless: [[]]),
            UnsupportedField("tool_calls", functions, harmless: [[]]),
            UnsupportedField("tool_name", functions, harmless: [""]),
            UnsupportedField("tool_call_id", functions, harmless: [""]),
            UnsupportedField("thinking", "This server does not take a model's thinking back yet.", harmless: [""]),
        ])
        try reader.finish()
        return Message(role, content)
    }
}

/// The body of `POST /api/generate`: every field has its type and stays within its bounds.
package struct OllamaGenerateRequest: Sendable, Equatable {
    package var fields: OllamaFields
    /// Empty to load the model and say nothing.
    package var prompt: String
    /// Instructions before the prompt; nil without any.
    package var system: String?
    /// Whether the prompt goes to the model as it stands, without the chat template.
    package var isRaw: Bool

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        fields = try OllamaFields(&reader)
        try reader.refuse([
            UnsupportedField("template", "The model's own chat template is always used.", harmless: [""]),
            UnsupportedField("suffix", "This server does not fill in the middle yet.", harmless: [""]),
            UnsupportedField("images", OllamaFields.textOnly, harmless: [[]]),
            UnsupportedField("context", "Use /api/chat for conversations.", harmless: [[]]),
        ])
        prompt = try reader.string("prompt") ?? ""
        system = try reader.string("system").flatMap { $0.isEmpty ? nil : $0 }
        isRaw = try reader.bool("raw") ?? false
        try reader.finish()
        if isRaw, system != nil { throw .invalidValue("system", "raw mode takes the prompt as it stands.") }
    }
}

/// The body of `POST /api/show`.
package struct OllamaShowRequest: Sendable, Equatable {
    package var model: String

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        // "name" is the older word.
        let older = try reader.string("name", bytes: 1024)
        guard let model = try reader.string("model", bytes: 1024) ?? older else { throw .missing("model") }
        self.model = model
        _ = try reader.bool("verbose")
        try reader.finish()
    }
}
