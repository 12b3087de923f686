package import JSON

/// Token counts of one answer. The prompt's tokens are `inputTokens` and `cacheReadTokens` together.
package struct MessagesUsage: Sendable, Equatable {
    /// Prompt tokens that were computed.
    package var inputTokens: Int
    /// Prompt tokens that came from the prefix cache.
    package var cacheReadTokens: Int
    package var outputTokens: Int

    package init(promptTokens: Int, cachedTokens: Int, outputTokens: Int) {
        inputTokens = promptTokens - cachedTokens
        cacheReadTokens = cachedTokens
        self.outputTokens = outputTokens
    }

    package var json: JSONValue {
        [
            "input_tokens": .integer(Int64(inputTokens)),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": .integer(Int64(cacheReadTokens)),
            "output_tokens": .integer(Int64(outputTokens)),
        ]
    }
}

/// Why an answer ended.
package enum MessagesStop: Sendable, Equatable {
    /// The model ended its turn.
    case endTurn
    /// The request's limit was reached.
    case maxTokens
    /// The context was full before the request's limit was reached.
    case contextWindow
    /// One of the request's stop sequences appeared.
    case stopSequence(String)

    var reason: String {
        switch self {
        case .endTurn: "end_turn"
        case .maxTokens: "max_tokens"
        case .contextWindow: "model_context_window_exceeded"
        case .stopSequence: "stop_sequence"
        }
    }

    var sequence: JSONValue {
        if case .stopSequence(let text) = self { .string(text) } else { .null }
    }
}

/// The answer to `POST /v1/messages`; with neither text nor stop, the beginning of a streamed one.
package struct MessagesResponse: Sendable, Equatable {
    package var id: String
    /// The model's name as the request had it.
    package var model: String
    /// nil while a streamed answer has only begun.
    package var text: String?
    /// nil while the answer is not complete.
    package var stop: MessagesStop?
    package var usage: MessagesUsage

    package init(id: String, model: String, text: String?, stop: MessagesStop?, usage: MessagesUsage) {
        self.id = id
        self.model = model
        self.text = text
        self.stop = stop
        self.usage = usage
    }

    package var json: JSONValue {
        [
            "id": .string(id),
            "type": "message",
            "role": "assistant",
            "model": .string(model),
            "content": text.map { [["type": "text", "text": .string($0)]] } ?? [],
            "stop_reason": stop.map { .string($0.reason) } ?? .null,
            "stop_sequence": stop?.sequence ?? .null,
            "usage": usage.json,
        ]
    }
}

/// One event of a streamed answer; its object's `type` is also the event's name.
package enum MessagesEvent: Sendable, Equatable {
    case messageStart(MessagesResponse)
    /// The answer's only block of content begins, empty.
    case contentBlockStart
    case contentBlockDelta(String)
    case contentBlockStop
    /// How the answer ended, and its counts.
    case messageDelta(MessagesStop, MessagesUsage)
    case messageStop
    /// Nothing: shows that the stream lives.
    case ping

    package var json: JSONValue {
        switch self {
        case .messageStart(let message):
            ["type": "message_start", "message": message.json]
        case .contentBlockStart:
            ["type": "content_block_start", "index": 0, "content_block": ["type": "text", "text": ""]]
        case .contentBlockDelta(let text):
            ["type": "content_block_delta", "index": 0, "delta": ["type": "text_delta", "text": .string(text)]]
        case .contentBlockStop:
            ["type": "content_block_stop", "index": 0]
        case .messageDelta(let stop, let usage):
            [
                "type": "message_delta",
                "delta": ["stop_reason": .string(stop.reason), "stop_sequence": stop.sequence],
                "usage": usage.json,
            ]
        case .messageStop:
            ["type": "message_stop"]
        case .ping:
            ["type": "ping"]
        }
    }
}
