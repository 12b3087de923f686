package import JSON
package import Tokenization

/// What the model is asked to continue.
package enum PromptSource: Sendable {
    /// A conversation, rendered with the model's chat template.
    case chat(ChatPrompt)
    /// Plain text, encoded as it stands.
    case text(String)
    /// Token ids, taken as they are.
    case tokens([TokenID])
    /// What stands before and after the text that is to be written.
    case between(before: String, after: String)

    /// Bytes of text in it, or what takes as long to encode.
    var byteCount: Int {
        switch self {
        case .chat(let chat): Self.bytes(of: .array(chat.messages)) + Self.bytes(of: .array(chat.tools ?? []))
        case .text(let text): text.utf8.count
        case .tokens: 0
        case .between(let before, let after): before.utf8.count + after.utf8.count
        }
    }

    private static func bytes(of value: JSONValue) -> Int {
        switch value {
        case .string(let text): text.utf8.count
        case .array(let elements): elements.reduce(0) { $0 + bytes(of: $1) }
        case .object(let object): object.reduce(0) { $0 + $1.key.utf8.count + bytes(of: $1.value) }
        default: 1
        }
    }

    /// Whether the answer goes on with the prompt's text, so that a space at its beginning belongs to it, rather than
    /// being a text of its own.
    var isContinued: Bool {
        switch self {
        case .chat(let chat): chat.continueFinalMessage
        case .text, .tokens, .between: true
        }
    }
}

/// A conversation for the chat template.
package struct ChatPrompt: Sendable {
    /// Message objects with `role` and `content`, already checked by the caller. The arguments of tool calls may be text
    /// or objects, whatever the template wants.
    package var messages: [JSONValue]
    /// Tool definitions handed to the template; nil when the request has none.
    package var tools: [JSONValue]?
    /// Whether the template opens the assistant's turn.
    package var addGenerationPrompt: Bool
    /// Whether the last message is left open, to be continued by the model.
    package var continueFinalMessage: Bool
    /// Extra variables for the template (`chat_template_kwargs`); they win over what `reasoning` sets.
    package var templateArguments: JSONObject
    /// How much the model is asked to think; nil leaves it to the template.
    package var reasoning: ReasoningRequest?

    package init(
        messages: [JSONValue],
        tools: [JSONValue]? = nil,
        addGenerationPrompt: Bool = true,
        continueFinalMessage: Bool = false,
        templateArguments: JSONObject = JSONObject()
    ) {
        self.messages = messages
        self.tools = tools
        self.addGenerationPrompt = addGenerationPrompt
        self.continueFinalMessage = continueFinalMessage
        self.templateArguments = templateArguments
    }
}
