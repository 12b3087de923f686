package import JSON
import OpenAIAPI

extension MessagesPrompt {
    /// What one side says in a row, in one or several blocks; none of them is empty.
    package struct Turn: Sendable, Equatable {
        package var role: Role
        package var blocks: [Block]

        package init(_ role: Role, blocks: [Block]) {
            self.role = role
            self.blocks = blocks
        }

        /// A turn of texts alone.
        package init(_ role: Role, _ texts: [String]) {
            self.init(role, blocks: texts.map { Block.text($0) })
        }

        /// What is said, without thoughts, calls and results.
        package var texts: [String] {
            blocks.compactMap { if case .text(let text) = $0 { text } else { nil } }
        }
    }

    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable {
        case user, assistant, system
    }

    /// One piece of a turn.
    package enum Block: Sendable, Equatable {
        case text(String)
        /// What the assistant thought before it answered.
        case thinking(String)
        /// A call the assistant made.
        case toolUse(id: String, name: String, input: JSONObject)
        /// What the call with this id came to. Every call is answered in the turn after it.
        case toolResult(id: String, texts: [String], isError: Bool)
    }
}

/// Reads messages one after another, puts those of one role together, and checks that calls and results belong together.
struct TurnReader {
    private(set) var turns: [MessagesPrompt.Turn] = []
    /// Calls of the assistant's last turn that have no result yet.
    private var unanswered: [(id: String, path: String)] = []

    /// Reads the next message.
    mutating func read(_ value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        let parameter = reader.parameter("role")
        let name = try FieldReader.string(try reader.required("role"), parameter)
        guard let role = MessagesPrompt.Role(rawValue: name) else {
            let names = MessagesPrompt.Role.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalidValue(parameter, "'\(name)' is no role. Supported values are: \(names).")
        }
        if turns.last?.role != role {
            if role != .user { try checkAnswered() }
            turns.append(MessagesPrompt.Turn(role, blocks: []))
        }
        try readContent(try reader.required("content", ["type": ["string", "array"]]), reader.parameter("content"))
        try reader.finish()
    }

    /// Refuses calls that have no result.
    func checkAnswered() throws(APIError) {
        guard let call = unanswered.first else { return }
        throw .invalidValue(call.path, "the call has no tool_result at the beginning of the next message.")
    }

    private mutating func readContent(_ value: JSONValue, _ parameter: String) throws(APIError) {
        switch value {
        case .string(let text): try add(text: text)
        case .array(let values):
            for (index, value) in values.enumerated() { try readBlock(value, path: "\(parameter)[\(index)]") }
        default:
            throw .invalidType(parameter, expected: "a string or an array of content blocks", got: value)
        }
    }

    private mutating func readBlock(_ value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        let type = try FieldReader.string(try reader.required("type"), reader.parameter("type"))
        switch type {
        case "text": try add(text: try Self.text(&reader))
        case "thinking":
            try check(type, isOf: .assistant, reader)
            let thought = try FieldReader.string(try reader.required("thinking"), reader.parameter("thinking"))
            _ = try reader.string("signature")
            if !thought.isEmpty { add(.thinking(thought)) }
        case "tool_use":
            try check(type, isOf: .assistant, reader)
            try readCall(&reader, path: path)
        case "tool_result":
            try check(type, isOf: .user, reader)
            try readResult(&reader)
        default: throw Self.refusal(type, path: path)
        }
        try reader.finish()
    }

    private mutating func add(_ block: MessagesPrompt.Block) { turns[turns.count - 1].blocks.append(block) }

    private mutating func add(text: String) throws(APIError) {
        if text.isEmpty { return }
        if turns.last?.role != .assistant { try checkAnswered() }
        add(.text(text))
    }

    private func check(
        _ type: String,
        isOf role: MessagesPrompt.Role,
        _ reader: FieldReader
    ) throws(APIError) {
        if turns.last?.role == role { return }
        throw .invalidValue(
            reader.parameter("type"),
            "a block of the type '\(type)' stands in messages of the role '\(role.rawValue)' only."
        )
    }

    private mutating func readCall(_ reader: inout FieldReader, path: String) throws(APIError) {
        let id = try FieldReader.string(try reader.required("id"), reader.parameter("id"), bytes: 256)
        let name = try ToolDefinition.name(try reader.required("name"), reader.parameter("name"))
        let value = try reader.required("input", ["type": "object"])
        guard let input = value.objectValue else {
            throw .invalidType(reader.parameter("input"), expected: "an object", got: value)
        }
        try reader.refuse([
            UnsupportedField(
                "caller",
                "This server runs no code that calls functions.",
                harmless: [["type": "direct"]]
            ),
            UnsupportedField("toolset_name", "This server knows no sets of functions."),
        ])
        try reader.readCacheControl()
        if unanswered.contains(where: { $0.id == id }) {
            throw .invalidValue(reader.parameter("id"), "an earlier call of this turn has the id '\(id)' too.")
        }
        unanswered.append((id, path))
        add(.toolUse(id: id, name: name, input: input))
    }

    private mutating func readResult(_ reader: inout FieldReader) throws(APIError) {
        let parameter = reader.parameter("tool_use_id")
        let id = try FieldReader.string(try reader.required("tool_use_id"), parameter, bytes: 256)
        let content = reader.parameter("content")
        let value = reader.value("content", ["type": ["string", "array"]])
        let texts = try value.map { value throws(APIError) in try Self.texts(value, content) } ?? []
        let isError = try reader.bool("is_error") ?? false
        try reader.refuse([UnsupportedField("toolset_name", "This server knows no sets of functions.")])
        try reader.readCacheControl()
        guard let index = unanswered.firstIndex(where: { $0.id == id }) else {
            throw .invalidValue(parameter, "the message before has no call with the id '\(id)' that has no result yet.")
        }
        unanswered.remove(at: index)
        add(.toolResult(id: id, texts: texts, isError: isError))
    }

    /// A string or a list of text blocks, without those that are empty.
    static func texts(_ value: JSONValue, _ parameter: String) throws(APIError) -> [String] {
        switch value {
        case .string(let text):
            return text.isEmpty ? [] : [text]
        case .array(let values):
            var texts: [String] = []
            for (index, value) in values.enumerated() {
                let path = "\(parameter)[\(index)]"
                var reader = try FieldReader(value, path: path)
                let type = try FieldReader.string(try reader.required("type"), reader.parameter("type"))
                if type != "text" { throw refusal(type, path: path) }
                let text = try text(&reader)
                try reader.finish()
                if !text.isEmpty { texts.append(text) }
            }
            return texts
        default:
            throw .invalidType(parameter, expected: "a string or an array of text blocks", got: value)
        }
    }

    private static func text(_ reader: inout FieldReader) throws(APIError) -> String {
        let text = try FieldReader.string(try reader.required("text"), reader.parameter("text"))
        try reader.refuse([UnsupportedField("citations", "This server does not cite.", harmless: [[]])])
        // What the official client adds to answers of a schema when it sends them back.
        reader.ignore(["parsed_output"])
        try reader.readCacheControl()
        return text
    }

    /// Why a block of a type that is not read here is refused.
    private static func refusal(_ type: String, path: String) -> APIError {
        let known = ["text", "thinking", "tool_use", "tool_result"]
        if known.contains(type) {
            return .invalidValue("\(path).type", "a block of the type '\(type)' cannot stand here, only 'text'.")
        }
        guard let explanation = refusedBlocks[type] else {
            let names = known.map { "'\($0)'" }.joined(separator: ", ")
            return .invalidValue("\(path).type", "'\(type)' is no type of content. Supported: \(names).")
        }
        return .unsupported(path, "The block has the type '\(type)'. \(explanation)")
    }

    /// Blocks of the protocol that this server cannot read, and why.
    private static let refusedBlocks: [String: String] = {
        let textOnly = "This server reads text only."
        let ownTools = "This server has no tools of its own."
        return [
            "image": textOnly, "document": textOnly, "search_result": textOnly, "container_upload": textOnly,
            "server_tool_use": ownTools, "web_search_tool_result": ownTools, "web_fetch_tool_result": ownTools,
            "code_execution_tool_result": ownTools, "bash_code_execution_tool_result": ownTools,
            "text_editor_code_execution_tool_result": ownTools, "tool_search_tool_result": ownTools,
            "tool_reference": ownTools, "mcp_tool_use": ownTools, "mcp_tool_result": ownTools,
            "redacted_thinking": "This server cannot read it; leave the block out.",
        ]
    }()
}
