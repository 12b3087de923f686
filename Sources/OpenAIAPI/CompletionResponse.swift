package import JSON

/// The log probabilities of a plain completion, in its own column-wise shape.
package struct CompletionLogprobs: Sendable, Equatable {
    /// One entry a token; nil for a prompt's first token, which nothing predicts.
    package struct Entry: Sendable, Equatable {
        package var text: String
        package var logprob: WireLogprob?

        package init(text: String, logprob: WireLogprob?) {
            self.text = text
            self.logprob = logprob
        }
    }

    package var entries: [Entry]
    /// Characters (Unicode scalars) of the answer's text before the first entry.
    package var firstOffset: Int

    package init(entries: [Entry] = [], firstOffset: Int = 0) {
        self.entries = entries
        self.firstOffset = firstOffset
    }

    package var json: JSONValue {
        var offsets: [JSONValue] = []
        var offset = firstOffset
        for entry in entries {
            offsets.append(.integer(Int64(offset)))
            offset += entry.length
        }
        return [
            "tokens": .array(entries.map { .string($0.text) }),
            "token_logprobs": .array(entries.map { $0.logprob?.number ?? .null }),
            "top_logprobs": .array(entries.map(\.alternatives)),
            "text_offset": .array(offsets),
        ]
    }
}

extension CompletionLogprobs.Entry {
    /// Characters (Unicode scalars) the token adds to the text: an open character counts where its last byte comes.
    package var length: Int {
        guard let bytes = logprob?.bytes else { return text.unicodeScalars.count }
        return bytes.count { $0 & 0xC0 != 0x80 }
    }

    /// The likeliest tokens, and the drawn one when it is not among them.
    var alternatives: JSONValue {
        guard let logprob else { return .null }
        var object: JSONObject = [:]
        for alternative in logprob.alternatives where object[alternative.text] == nil {
            object[alternative.text] = alternative.number
        }
        if object[logprob.text] == nil { object[logprob.text] = logprob.number }
        return .object(object)
    }
}

/// One answer of a plain completion, or, in a stream, a piece of one.
package struct CompletionChoice: Sendable, Equatable {
    package var index: Int
    package var text: String
    /// nil when log probabilities were not asked for.
    package var logprobs: CompletionLogprobs?
    /// nil in a stream's pieces before the last.
    package var finish: WireFinish?
    /// nil when token ids were not asked for.
    package var tokens: [Int]?
    package var promptTokens: [Int]?

    package init(index: Int, text: String, finish: WireFinish? = nil) {
        self.index = index
        self.text = text
        self.finish = finish
    }

    var json: JSONValue {
        var object: JSONObject = [
            "text": .string(text),
            "index": .integer(Int64(index)),
            "logprobs": logprobs?.json ?? .null,
            "finish_reason": finish.map { .string($0.reason.rawValue) } ?? .null,
        ]
        object["stop_reason"] = finish?.stop
        object["prompt_token_ids"] = promptTokens?.json
        object["token_ids"] = tokens?.json
        return .object(object)
    }
}

/// The answer to `POST /v1/completions`, and every chunk of its stream.
package struct CompletionResponse: Sendable, Equatable {
    /// What the object says about token counts.
    package enum UsageReport: Sendable, Equatable {
        case counts(Usage)
        /// A chunk before the one that has the counts.
        case announced
        case none
    }

    package var header: ResponseHeader
    package var choices: [CompletionChoice]
    package var usage: UsageReport

    package init(header: ResponseHeader, choices: [CompletionChoice], usage: UsageReport) {
        self.header = header
        self.choices = choices
        self.usage = usage
    }

    package var json: JSONValue {
        var object = header.object("text_completion")
        object["choices"] = .array(choices.map(\.json))
        switch usage {
        case .counts(let usage): object["usage"] = usage.json
        case .announced: object["usage"] = .null
        case .none: break
        }
        object["system_fingerprint"] = .null
        return .object(object)
    }
}
