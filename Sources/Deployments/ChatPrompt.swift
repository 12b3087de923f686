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
