import JSON
package import OpenAIAPI

/// What a conversation says: the part of a request whose tokens can be counted without answering.
package struct MessagesPrompt: Sendable, Equatable {
    package var model: String
    /// Instructions that stand before the conversation, none of them empty; an empty array without any.
    package var system: [String]
    /// At least one; roles alternate, because messages of one role in a row are one turn.
    package var turns: [Turn]
    /// The functions that the answer may call.
    package var tools: ToolFields
    package var thinking: MessagesThinking
    package var output: MessagesOutput

    /// Whether the answer goes on with the assistant's last turn.
    package var continuesFinalTurn: Bool { turns.last?.role == .assistant }

    /// Reads the members that make the prompt, and refuses those that would and are not supported.
    init(_ reader: inout FieldReader) throws(APIError) {
        model = try FieldReader.string(try reader.required("model"), reader.parameter("model"), bytes: 1024)
        try reader.refuse(UnsupportedField.messages)
        tools = try ToolFields(messages: &reader)
        thinking = try MessagesThinking(&reader)
        output = try MessagesOutput(&reader)
        system = []
        if let value = reader.value("system", ["type": ["string", "array"]]) {
            system = try TurnReader.texts(value, reader.parameter("system"))
        }
        turns = try Self.turns(&reader)
        try reader.readCacheControl()
        try checkContinuation()
    }

    private static func turns(_ reader: inout FieldReader) throws(APIError) -> [Turn] {
        let value = try reader.required("messages")
        let parameter = reader.parameter("messages")
        guard let values = value.arrayValue else {
            throw .invalidType(parameter, expected: "an array of objects", got: value)
        }
        try FieldReader.checkCount(values.count, parameter, in: 1...Int.max)
        var conversation = TurnReader()
        for (index, value) in values.enumerated() { try conversation.read(value, path: "\(parameter)[\(index)]") }
        try conversation.checkAnswered()
        var turns = conversation.turns
        guard let last = turns.last, last.role == .assistant else { return turns }
        // An empty beginning of the answer is none.
        if last.blocks.isEmpty { turns.removeLast() }
        if turns.isEmpty { throw .invalidValue(parameter, "there is nothing to answer.") }
        let content = "\(parameter)[\(values.count - 1)].content"
        if last.texts.last?.last?.isWhitespace == true {
            throw .invalidValue(
                content,
                "an assistant's message that is to be continued cannot end with white space."
            )
        }
        if !last.blocks.isEmpty, last.texts.isEmpty {
            throw .invalidValue(content, "an assistant's message that is to be continued has a text.")
        }
        return turns
    }

    /// An answer that has begun as text goes on as text.
    private func checkContinuation() throws(APIError) {
        if !continuesFinalTurn { return }
        let reason = "the assistant's last message is gone on with, and that is text"
        if let structure = output.structure {
            throw .invalidValue(structure.parameter, "\(reason), which a schema cannot hold from its beginning.")
        }
        if !tools.callable.isEmpty {
            throw .invalidValue("tools", "\(reason), which calls no function. Send the tool_choice 'none'.")
        }
    }
}

extension UnsupportedField {
    /// Refused in conversations, answered or counted.
    static let messages: [UnsupportedField] = [
        UnsupportedField("thread", "This server holds no conversations; send them whole.", harmless: [false]),
        UnsupportedField("mcp_servers", "This server calls no other servers.", harmless: [[]]),
        UnsupportedField("container", "This server runs no code."),
        UnsupportedField("context_management", "This server leaves a conversation as it is."),
        UnsupportedField("diagnostics", "This server does not tell why a prompt was not cached."),
        UnsupportedField("inference_geo", "This server computes where it stands."),
        UnsupportedField("speed", "This server has one speed.", harmless: ["standard"]),
    ]
}

extension FieldReader {
    /// Asks for what happens anyway: every prompt's prefix is cached, for as long as there is room.
    mutating func readCacheControl() throws(APIError) {
        guard let control = try object("cache_control") else { return }
        var inner = FieldReader(control, path: parameter("cache_control"))
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
}
