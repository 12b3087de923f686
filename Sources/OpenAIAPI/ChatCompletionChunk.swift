package import JSON

/// One piece of a streamed chat.
package struct ChatCompletionChunk: Sendable, Equatable {
    /// What the piece brings for a choice.
    package enum Delta: Sendable, Equatable {
        /// The first piece of a choice: it only says who speaks.
        case role
        case text(String, logprobs: [WireLogprob]?, tokens: [Int]?)
        /// More of what the model thinks before it answers.
        case reasoning(String, logprobs: [WireLogprob]?, tokens: [Int]?)
        /// More of call number `index`.
        case toolCall(index: Int, WireToolDelta, isLegacy: Bool)
        case finish(WireFinish)
    }

    /// What a chunk carries.
    package enum Content: Sendable, Equatable {
        case choice(Int, Delta)
        /// The last chunk when usage was asked for; it has no choices.
        case usage(Usage)
    }

    package var header: ResponseHeader
    package var content: Content
    /// Whether a last chunk will bring the usage: all others then say `"usage":null`.
    package var announcesUsage: Bool
    /// The prompt's token ids, on the first chunk of a stream that asked for them.
    package var promptTokens: [Int]?

    package init(header: ResponseHeader, content: Content, announcesUsage: Bool, promptTokens: [Int]? = nil) {
        self.header = header
        self.content = content
        self.announcesUsage = announcesUsage
        self.promptTokens = promptTokens
    }

    package var json: JSONValue {
        var object = header.object("chat.completion.chunk")
        object["service_tier"] = "default"
        object["system_fingerprint"] = .null
        switch content {
        case .choice(let index, let delta):
            object["choices"] = [Self.choice(index, delta)]
            if announcesUsage { object["usage"] = .null }
        case .usage(let usage):
            object["choices"] = []
            object["usage"] = usage.json
        }
        object["prompt_token_ids"] = promptTokens?.json
        return .object(object)
    }

    private static func choice(_ index: Int, _ delta: Delta) -> JSONValue {
        var object: JSONObject = ["index": .integer(Int64(index))]
        switch delta {
        case .role:
            object["delta"] = ["role": "assistant", "content": "", "refusal": .null]
            object["logprobs"] = .null
            object["finish_reason"] = .null
        case .text(let text, let logprobs, let tokens):
            object["delta"] = ["content": .string(text)]
            object["logprobs"] = WireLogprob.chatJSON(logprobs)
            object["finish_reason"] = .null
            object["token_ids"] = tokens?.json
        case .reasoning(let text, let logprobs, let tokens):
            object["delta"] = ["reasoning_content": .string(text)]
            object["logprobs"] = WireLogprob.chatJSON(logprobs)
            object["finish_reason"] = .null
            object["token_ids"] = tokens?.json
        case .toolCall(let index, let delta, let isLegacy):
            object["delta"] = delta.json(index: index, isLegacy: isLegacy)
            object["logprobs"] = .null
            object["finish_reason"] = .null
        case .finish(let finish):
            object["delta"] = [:]
            object["logprobs"] = .null
            object["finish_reason"] = .string(finish.reason.rawValue)
            object["stop_reason"] = finish.stop
        }
        return .object(object)
    }
}
