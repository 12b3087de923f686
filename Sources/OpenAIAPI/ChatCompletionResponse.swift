package import JSON

/// Facts that stand at the head of every response object and chunk.
package struct ResponseHeader: Sendable, Equatable {
    package var id: String
    /// Seconds since 1970.
    package var created: Int
    /// The model's name as the request had it.
    package var model: String

    package init(id: String, created: Int, model: String) {
        self.id = id
        self.created = created
        self.model = model
    }

    func object(_ kind: String) -> JSONObject {
        [
            "id": .string(id), "object": .string(kind), "created": .integer(Int64(created)), "model": .string(model),
        ]
    }
}

/// Why an answer ended, with what ended it when the caller named that.
package struct WireFinish: Sendable, Equatable {
    /// `finish_reason` as it is spelled on the wire.
    package enum Reason: String, Sendable {
        case stop, length
        case toolCalls = "tool_calls"
        /// `toolCalls` for a request that used the older `functions`.
        case functionCall = "function_call"
    }

    package var reason: Reason
    /// The stop string or stop token met (vLLM's `stop_reason`).
    package var stop: JSONValue?

    package init(_ reason: Reason, stop: JSONValue? = nil) {
        self.reason = reason
        self.stop = stop
    }
}

/// The answer to `POST /v1/chat/completions`.
package struct ChatCompletionResponse: Sendable, Equatable {
    /// One answer.
    package struct Choice: Sendable, Equatable {
        package var index: Int
        package var text: String
        /// What the model thought before it answered; nil when it did not.
        package var reasoning: String?
        package var toolCalls: [WireToolCall] = []
        /// Whether the request used the older `functions`.
        package var callsAreLegacy = false
        /// nil when log probabilities were not asked for.
        package var logprobs: [WireLogprob]?
        package var finish: WireFinish
        /// nil when token ids were not asked for.
        package var tokens: [Int]?

        package init(index: Int, text: String, finish: WireFinish) {
            self.index = index
            self.text = text
            self.finish = finish
        }
    }

    package var header: ResponseHeader
    package var choices: [Choice]
    package var usage: Usage
    /// nil when token ids were not asked for.
    package var promptTokens: [Int]?

    package init(header: ResponseHeader, choices: [Choice], usage: Usage, promptTokens: [Int]? = nil) {
        self.header = header
        self.choices = choices
        self.usage = usage
        self.promptTokens = promptTokens
    }

    package var json: JSONValue {
        var object = header.object("chat.completion")
        object["choices"] = .array(choices.map(\.json))
        object["usage"] = usage.json
        object["service_tier"] = "default"
        object["system_fingerprint"] = .null
        object["prompt_token_ids"] = promptTokens?.json
        return .object(object)
    }
}

extension ChatCompletionResponse.Choice {
    var json: JSONValue {
        var object: JSONObject = [
            "index": .integer(Int64(index)),
            "message": message,
            "logprobs": WireLogprob.chatJSON(logprobs),
            "finish_reason": .string(finish.reason.rawValue),
        ]
        object["stop_reason"] = finish.stop
        object["token_ids"] = tokens?.json
        return .object(object)
    }

    /// `content` is null for an answer that only calls functions. An answer to the older functions has its one call under
    /// `function_call`, whether it ended with that or was cut off.
    private var message: JSONValue {
        let isSilent = text.isEmpty && !toolCalls.isEmpty
        var message: JSONObject = [
            "role": "assistant", "content": isSilent ? .null : .string(text), "refusal": .null, "annotations": [],
        ]
        message["reasoning_content"] = reasoning.map { .string($0) }
        if callsAreLegacy || finish.reason == .functionCall {
            message["function_call"] = toolCalls.first?.function
        } else if !toolCalls.isEmpty {
            message["tool_calls"] = .array(toolCalls.map(\.json))
        }
        return .object(message)
    }
}

extension WireLogprob {
    static func chatJSON(_ logprobs: [WireLogprob]?) -> JSONValue {
        guard let logprobs else { return .null }
        return ["content": .array(logprobs.map(\.chatJSON)), "refusal": .null]
    }
}

extension [Int] {
    var json: JSONValue { .array(map { .integer(Int64($0)) }) }
}
