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
    /// The model wants functions called.
    case toolUse
    /// One of the request's stop sequences appeared.
    case stopSequence(String)

    var reason: String {
        switch self {
        case .endTurn: "end_turn"
        case .maxTokens: "max_tokens"
        case .contextWindow: "model_context_window_exceeded"
        case .toolUse: "tool_use"
        case .stopSequence: "stop_sequence"
        }
    }

    var sequence: JSONValue {
        if case .stopSequence(let text) = self { .string(text) } else { .null }
    }
}

/// One piece of an answer.
package enum MessagesBlock: Sendable, Equatable {
    case text(String)
    /// What the model thought before it answered.
    case thinking(String)
    /// A call of a function.
    case toolUse(id: String, name: String, input: JSONObject)

    /// What stands for a signature: nobody vouches for thoughts here, and clients want a text to send back.
    package static let signature = "unsigned"

    package var json: JSONValue {
        switch self {
        case .text(let text): ["type": "text", "text": .string(text)]
        case .thinking(let thought): Self.json(thinking: thought, signature: Self.signature)
        case .toolUse(let id, let name, let input):
            ["type": "tool_use", "id": .string(id), "name": .string(name), "input": .object(input)]
        }
    }

    /// The block as a stream begins it: the signature comes at its end.
    var opening: JSONValue {
        if case .thinking(let thought) = self { Self.json(thinking: thought, signature: "") } else { json }
    }

    private static func json(thinking: String, signature: String) -> JSONValue {
        ["type": "thinking", "thinking": .string(thinking), "signature": .string(signature)]
    }
}

/// The answer to `POST /v1/messages`; without a stop, the beginning of a streamed one.
package struct MessagesResponse: Sendable, Equatable {
    package var id: String
    /// The model's name as the request had it.
    package var model: String
    /// Empty while a streamed answer has only begun.
    package var content: [MessagesBlock]
    /// nil while the answer is not complete.
    package var stop: MessagesStop?
    package var usage: MessagesUsage

    package init(id: String, model: String, content: [MessagesBlock], stop: MessagesStop?, usage: MessagesUsage) {
        self.id = id
        self.model = model
        self.content = content
        self.stop = stop
        self.usage = usage
    }

    package var json: JSONValue {
        [
            "id": .string(id),
            "type": "message",
            "role": "assistant",
            "model": .string(model),
            "content": .array(content.map(\.json)),
            "stop_reason": stop.map { .string($0.reason) } ?? .null,
            "stop_sequence": stop?.sequence ?? .null,
            "usage": usage.json,
        ]
    }
}

/// More of a block of content.
package enum MessagesDelta: Sendable, Equatable {
    case text(String)
    case thinking(String)
    /// The end of a block of thoughts.
    case signature
    /// More of the JSON text of a call's arguments.
    case input(String)

    var json: JSONValue {
        switch self {
        case .text(let text): ["type": "text_delta", "text": .string(text)]
        case .thinking(let text): ["type": "thinking_delta", "thinking": .string(text)]
        case .signature: ["type": "signature_delta", "signature": .string(MessagesBlock.signature)]
        case .input(let text): ["type": "input_json_delta", "partial_json": .string(text)]
        }
    }
}

/// One event of a streamed answer; its object's `type` is also the event's name.
package enum MessagesEvent: Sendable, Equatable {
    case messageStart(MessagesResponse)
    /// Block number `index` of the content begins, empty; blocks are counted from 0.
    case contentBlockStart(index: Int, MessagesBlock)
    case contentBlockDelta(index: Int, MessagesDelta)
    case contentBlockStop(index: Int)
    /// How the answer ended, and its counts.
    case messageDelta(MessagesStop, MessagesUsage)
    case messageStop
    /// Nothing: shows that the stream lives.
    case ping

    package var json: JSONValue {
        switch self {
        case .messageStart(let message):
            ["type": "message_start", "message": message.json]
        case .contentBlockStart(let index, let block):
            ["type": "content_block_start", "index": .integer(Int64(index)), "content_block": block.opening]
        case .contentBlockDelta(let index, let delta):
            ["type": "content_block_delta", "index": .integer(Int64(index)), "delta": delta.json]
        case .contentBlockStop(let index):
            ["type": "content_block_stop", "index": .integer(Int64(index))]
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
