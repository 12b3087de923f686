import JSON
import OpenAIAPI

/// What a conversation says: the part of a request whose tokens can be counted without answering.
package struct MessagesPrompt: Sendable, Equatable {
    /// What one side says in a row, in one or several texts; none of them is empty.
    package struct Turn: Sendable, Equatable {
        package var role: Role
        package var texts: [String]

        package init(_ role: Role, _ texts: [String]) {
            self.role = role
            self.texts = texts
        }
    }

    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable {
        case user, assistant, system
    }

    package var model: String
    /// Instructions that stand before the conversation, none of them empty; an empty array without any.
    package var system: [String]
    /// At least one; roles alternate, because messages of one role in a row are one turn.
    package var turns: [Turn]
    /// Whether the model is asked not to think first.
    package var isThinkingOff: Bool

    /// Whether the answer goes on with the assistant's last turn.
    package var continuesFinalTurn: Bool { turns.last?.role == .assistant }

    /// Reads the members that make the prompt, and refuses those that would and are not supported.
    init(_ reader: inout FieldReader) throws(APIError) {
        model = try FieldReader.string(try reader.required("model"), reader.parameter("model"), bytes: 1024)
        try reader.refuse(UnsupportedField.messages)
        isThinkingOff = reader.value("thinking") != nil
        system = []
        if let value = reader.value("system") { system = try Self.texts(value, reader.parameter("system")) }
        turns = try Self.turns(&reader)
        try Self.readCacheControl(&reader)
    }

    private static func turns(_ reader: inout FieldReader) throws(APIError) -> [Turn] {
        let value = try reader.required("messages")
        let parameter = reader.parameter("messages")
        guard let values = value.arrayValue else {
            throw .invalidType(parameter, expected: "an array of objects", got: value)
        }
        try FieldReader.checkCount(values.count, parameter, in: 1...Int.max)
        var turns: [Turn] = []
        for (index, value) in values.enumerated() {
            let turn = try turn(value, path: "\(parameter)[\(index)]")
            if turns.last?.role == turn.role {
                turns[turns.count - 1].texts += turn.texts
            } else {
                turns.append(turn)
            }
        }
        guard let last = turns.last, last.role == .assistant else { return turns }
        // An empty beginning of the answer is none.
        if last.texts.isEmpty { turns.removeLast() }
        if turns.isEmpty { throw .invalidValue(parameter, "there is nothing to answer.") }
        if last.texts.last?.last?.isWhitespace == true {
            throw .invalidValue(
                "\(parameter)[\(values.count - 1)].content",
                "an assistant's message that is to be continued cannot end with white space."
            )
        }
        return turns
    }

    private static func turn(_ value: JSONValue, path: String) throws(APIError) -> Turn {
        var reader = try FieldReader(value, path: path)
        let parameter = reader.parameter("role")
        let name = try FieldReader.string(try reader.required("role"), parameter)
        guard let role = Role(rawValue: name) else {
            let names = Role.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalidValue(parameter, "'\(name)' is no role. Supported values are: \(names).")
        }
        let texts = try texts(try reader.required("content"), reader.parameter("content"))
        try reader.finish()
        return Turn(role, texts)
    }

    /// A string or a list of text blocks, without those that are empty.
    private static func texts(_ value: JSONValue, _ parameter: String) throws(APIError) -> [String] {
        switch value {
        case .string(let text):
            return text.isEmpty ? [] : [text]
        case .array(let values):
            var texts: [String] = []
            for (index, value) in values.enumerated() {
                let text = try text(of: value, path: "\(parameter)[\(index)]")
                if !text.isEmpty { texts.append(text) }
            }
            return texts
        default:
            throw .invalidType(parameter, expected: "a string or an array of text blocks", got: value)
        }
    }

    private static func text(of block: JSONValue, path: String) throws(APIError) -> String {
        var reader = try FieldReader(block, path: path)
        let type = try FieldReader.string(try reader.required("type"), reader.parameter("type"))
        guard type == "text" else {
            guard let explanation = refusedBlocks[type] else {
                throw .invalidValue(reader.parameter("type"), "'\(type)' is no type of content. Supported: 'text'.")
            }
            throw .unsupported(path, "The block has the type '\(type)'. \(explanation)")
        }
        let text = try FieldReader.string(try reader.required("text"), reader.parameter("text"))
        try reader.refuse([UnsupportedField("citations", "This server does not cite.", harmless: [[]])])
        try readCacheControl(&reader)
        try reader.finish()
        return text
    }

    /// Asks for what happens anyway: every prompt's prefix is cached, for as long as there is room.
    private static func readCacheControl(_ reader: inout FieldReader) throws(APIError) {
        guard let control = try reader.object("cache_control") else { return }
        var inner = FieldReader(control, path: reader.parameter("cache_control"))
        _ = try inner.required("type")
        for (key, values) in [("type", ["ephemeral"]), ("ttl", ["5m", "1h"])] {
            guard let value = try inner.string(key) else { continue }
            guard values.contains(value) else {
                let names = values.map { "'\($0)'" }.joined(separator: ", ")
                throw .invalidValue(inner.parameter(key), "'\(value)' is not among the supported values: \(names).")
            }
        }
        try inner.finish()
    }

    /// Blocks of the protocol that this server cannot read, and why.
    private static let refusedBlocks: [String: String] = {
        let functions = "This API does not call functions here yet; /v1/chat/completions does."
        let textOnly = "This server reads text only."
        let thinking = "This server does not take a model's thinking back yet; leave the block out."
        return [
            "image": textOnly, "document": textOnly, "search_result": textOnly, "container_upload": textOnly,
            "tool_use": functions, "tool_result": functions, "server_tool_use": functions,
            "web_search_tool_result": functions, "mcp_tool_use": functions, "mcp_tool_result": functions,
            "thinking": thinking, "redacted_thinking": thinking,
        ]
    }()
}

extension UnsupportedField {
    /// Refused in conversations, answered or counted.
    static let messages: [UnsupportedField] = {
        let functions = "This API does not call functions here yet; /v1/chat/completions does."
        let structured = "This API does not keep to a format here yet; /v1/chat/completions does."
        return [
            UnsupportedField("tools", functions, harmless: [[]]),
            UnsupportedField("tool_choice", functions, harmless: [["type": "none"]]),
            UnsupportedField("mcp_servers", functions, harmless: [[]]),
            UnsupportedField("container", "This server runs no code."),
            UnsupportedField(
                "thinking",
                "This API does not control reasoning here yet; /v1/chat/completions does.",
                harmless: [["type": "disabled"]]
            ),
            UnsupportedField("output_config", structured, harmless: [[:]]),
            UnsupportedField("output_format", structured),
            UnsupportedField("context_management", "This server leaves a conversation as it is."),
            UnsupportedField("diagnostics", "This server does not tell why a prompt was not cached."),
            UnsupportedField("inference_geo", "This server computes where it stands."),
            UnsupportedField("speed", "This server has one speed.", harmless: ["standard"]),
        ]
    }()
}
