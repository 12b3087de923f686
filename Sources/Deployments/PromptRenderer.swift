import JSON
import Tokenization

/// Renders conversations with a model's chat template and encodes prompts of every kind.
struct PromptRenderer: Sendable {
    let tokenizer: Tokenizer
    let template: ChatTemplate?
    /// nil for a model that was not made to fill in the middle.
    let fillInTheMiddle: FillInTheMiddle?
    /// What the model does with functions and thoughts.
    let tools: ToolSupport

    init(tokenizer: Tokenizer, template: ChatTemplate?) {
        self.tokenizer = tokenizer
        self.template = template
        fillInTheMiddle = FillInTheMiddle(tokenizer)
        // Arguments are constrained as JSON; a family with a syntax of its own is made to use the generic form.
        tools = ToolSupport(template: template, tokenizer: tokenizer).withJSONArguments
    }

    /// The token ids of `prompt`.
    func encode(_ prompt: PromptSource, addsSpecialTokens: Bool) throws(DeploymentError) -> [TokenID] {
        switch prompt {
        case .chat(let chat):
            // The template writes the special tokens itself, so none are added.
            let guarded = try GuardedMessages(chat.messages, tokenizer)
            let text = try render(chat, guarded.messages)
            guard let mark = guarded.mark else { return tokenizer.encode(text, addSpecial: false, parseSpecial: true) }
            return tokenizer.encodeRendered(text, mark: mark)
        case .text(let text):
            return tokenizer.encode(text, addSpecial: addsSpecialTokens, parseSpecial: true)
        case .between(let before, let after):
            guard let fillInTheMiddle else {
                throw .invalidParameter(
                    name: "suffix",
                    message: "This model cannot fill in the middle: its vocabulary has no marks for it."
                )
            }
            return fillInTheMiddle.prompt(
                before: before,
                after: after,
                addsSpecialTokens: addsSpecialTokens,
                tokenizer
            )
        case .tokens(let tokens):
            let size = tokenizer.vocabularySize
            for token in tokens where token.rawValue < 0 || token.rawValue >= size {
                throw .tokenOutOfRange(token: Int(token.rawValue), vocabularySize: size)
            }
            return tokens
        }
    }

    /// The text that the chat template makes of `chat`.
    func render(_ chat: ChatPrompt) throws(DeploymentError) -> String { try render(chat, chat.messages) }

    /// The same with these messages for its own.
    private func render(_ chat: ChatPrompt, _ messages: [JSONValue]) throws(DeploymentError) -> String {
        guard let template else { throw .chatTemplateMissing }
        let capabilities = template.capabilities
        let prompt = ToolPrompt(
            format: tools.format,
            style: tools.style,
            supportsSystemRole: capabilities.supportsSystemRole
        ).context(messages: messages, tools: chat.tools)
        let messages = capabilities.expectsContentParts ? prompt.messages : prompt.messages.map(flattenParts)
        var context = chat.reasoning?.templateArguments(capabilities) ?? JSONObject()
        for (name, value) in chat.templateArguments { context[name] = value }
        context["messages"] = .array(messages)
        context["tools"] = prompt.tools.map { .array($0) } ?? .null
        context["add_generation_prompt"] = .bool(chat.addGenerationPrompt && !chat.continueFinalMessage)
        context["bos_token"] = .string(tokenizer.bos.map(tokenizer.piece) ?? "")
        context["eos_token"] = .string(tokenizer.eos.map(tokenizer.piece) ?? "")
        let text: String
        do {
            text = try template.render(context)
        } catch {
            throw .chatTemplateFailed(message: String(describing: error))
        }
        return chat.continueFinalMessage ? try cutAfterFinalMessage(text, messages) : text
    }

    /// Joins the text parts of a message's content: most templates know only strings.
    private func flattenParts(_ message: JSONValue) -> JSONValue {
        guard case .object(var object) = message, case .array(let parts)? = object["content"] else { return message }
        let texts = parts.compactMap { $0["text"]?.stringValue }
        object["content"] = .string(texts.joined(separator: "\n"))
        return .object(object)
    }

    /// Drops what the template wrote after the last message's content, so that the model goes on with it.
    private func cutAfterFinalMessage(_ text: String, _ messages: [JSONValue]) throws(DeploymentError) -> String {
        let content = messages.last?["content"]
        let wanted = content?.stringValue ?? content?.arrayValue?.last?["text"]?.stringValue ?? ""
        let bytes = Array(text.utf8)
        guard !wanted.isEmpty, let end = Self.endOfLast(Array(wanted.utf8), in: bytes) else {
            throw .chatTemplateFailed(message: "the final message's text does not appear in the prompt to be continued")
        }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// Where the last occurrence of `wanted` in `bytes` ends; nil when there is none.
    ///
    /// Takes time in proportion to both counts whatever they hold: a template that changes a long message, by trimming it,
    /// say, must not make every place of the prompt a near miss. Source: Knuth, Morris & Pratt, *Fast Pattern Matching in
    /// Strings*, SIAM J. Comput. 6 (1977), run from the end to the beginning.
    ///
    /// - Parameter wanted: at least one byte.
    static func endOfLast(_ wanted: [UInt8], in bytes: [UInt8]) -> Int? {
        let pattern = Array(wanted.reversed())
        // The longest proper prefix of the first n + 1 bytes that is also their suffix.
        var borders = Array(repeating: 0, count: pattern.count)
        var matched = 0
        for index in pattern.indices.dropFirst() {
            while matched > 0, pattern[index] != pattern[matched] { matched = borders[matched - 1] }
            if pattern[index] == pattern[matched] { matched += 1 }
            borders[index] = matched
        }
        matched = 0
        for index in bytes.indices.reversed() {
            while matched > 0, bytes[index] != pattern[matched] { matched = borders[matched - 1] }
            if bytes[index] == pattern[matched] { matched += 1 }
            if matched == pattern.count { return index + matched }
        }
        return nil
    }
}
