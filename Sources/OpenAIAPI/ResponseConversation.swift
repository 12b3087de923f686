import JSON

extension ChatMessage {
    /// The messages that `items` come to: thoughts, text and calls of one turn are one message of the assistant.
    ///
    /// - Parameter instructions: what stands before them all; nil for nothing.
    package static func conversation(_ items: [ResponseItem], instructions: String?) -> [ChatMessage] {
        var messages: [ChatMessage] = []
        for item in items { messages.add(item) }
        // Thoughts that nothing followed.
        messages.removeAll { $0.content == .none && $0.toolCalls.isEmpty }
        guard let instructions else { return messages }
        // Most templates know one system message only.
        if let first = messages.first, first.role == .system || first.role == .developer {
            messages[0].content = .parts([instructions] + first.texts)
        } else {
            messages.insert(ChatMessage(role: .system, content: .text(instructions)), at: 0)
        }
        return messages
    }

    fileprivate var texts: [String] {
        switch content {
        case .none: []
        case .text(let text): [text]
        case .parts(let parts): parts
        }
    }
}

extension [ChatMessage] {
    fileprivate mutating func add(_ item: ResponseItem) {
        switch item.content {
        case .message(.assistant, let parts):
            if last?.role != .assistant || last?.content != ChatMessage.Content.none || last?.toolCalls.isEmpty != true
            {
                append(ChatMessage(role: .assistant, content: .none))
            }
            self[count - 1].content = .of(parts)
        case .message(let role, let parts):
            append(ChatMessage(role: role, content: .of(parts)))
        case .reasoning(let text):
            var message = ChatMessage(role: .assistant, content: .none)
            message.reasoning = text
            append(message)
        case .call(let id, let name, let arguments):
            if last?.role != .assistant { append(ChatMessage(role: .assistant, content: .none)) }
            self[count - 1].toolCalls.append(WireToolCall(id: id, name: name, arguments: arguments).json)
        case .callOutput(let id, let parts, _):
            var message = ChatMessage(role: .tool, content: .of(parts))
            message.toolCallID = id
            append(message)
        }
    }
}

extension ChatMessage.Content {
    /// One text as it stands, none as an empty one.
    fileprivate static func of(_ parts: [ResponseItem.Part]) -> Self {
        parts.count < 2 ? .text(parts.first?.text ?? "") : .parts(parts.map(\.text))
    }
}
