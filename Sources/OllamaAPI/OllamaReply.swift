package import Foundation
package import JSON
package import OpenAIAPI

/// A whole answer, or one line of a streamed one.
package struct OllamaReply: Sendable, Equatable {
    /// Which endpoint answers.
    package enum Kind: Sendable, Equatable {
        case chat, generate
    }

    /// How an answer ended, and what it took.
    package struct Ending: Sendable, Equatable {
        /// `stop` or `length`; `load` for a request that only asked for the model.
        package var reason: String
        /// nil where nothing was computed.
        package var counts: Counts?

        package init(reason: String, counts: Counts? = nil) {
            self.reason = reason
            self.counts = counts
        }
    }

    /// Tokens and times of one answer.
    package struct Counts: Sendable, Equatable {
        /// Tokens of the prompt, those from the prefix cache included.
        package var promptTokens: Int
        package var answerTokens: Int
        /// Before anything was computed; the wire's `load_duration`.
        package var waiting: Duration
        package var prefill: Duration
        package var decode: Duration

        package init(
            promptTokens: Int,
            answerTokens: Int,
            waiting: Duration,
            prefill: Duration,
            decode: Duration
        ) {
            self.promptTokens = promptTokens
            self.answerTokens = answerTokens
            self.waiting = waiting
            self.prefill = prefill
            self.decode = decode
        }
    }

    /// A call of a function.
    package struct Call: Sendable, Equatable {
        package var id: String
        /// Its place among the answer's calls, from 0.
        package var index: Int
        package var name: String
        package var arguments: JSONObject

        package init(id: String, index: Int, name: String, arguments: JSONObject) {
            self.id = id
            self.index = index
            self.name = name
            self.arguments = arguments
        }

        var json: JSONValue {
            [
                "id": .string(id),
                "function": [
                    "index": .integer(Int64(index)), "name": .string(name), "arguments": .object(arguments),
                ],
            ]
        }
    }

    package var kind: Kind
    /// The model's name as the request had it.
    package var model: String
    package var created: Date
    package var text: String
    /// What the model thought before it answered; empty without thoughts.
    package var thinking = ""
    /// Calls of functions, whole ones.
    package var calls: [Call] = []
    /// nil while more follows.
    package var ending: Ending?

    package init(kind: Kind, model: String, created: Date, text: String, ending: Ending? = nil) {
        self.kind = kind
        self.model = model
        self.created = created
        self.text = text
        self.ending = ending
    }

    package var json: JSONValue {
        var object: JSONObject = ["model": .string(model), "created_at": .string(OllamaTime.text(created))]
        switch kind {
        case .chat:
            var message: JSONObject = ["role": "assistant", "content": .string(text)]
            if !thinking.isEmpty { message["thinking"] = .string(thinking) }
            if !calls.isEmpty { message["tool_calls"] = .array(calls.map(\.json)) }
            object["message"] = .object(message)
        case .generate:
            object["response"] = .string(text)
            if !thinking.isEmpty { object["thinking"] = .string(thinking) }
        }
        object["done"] = .bool(ending != nil)
        guard let ending else { return .object(object) }
        object["done_reason"] = .string(ending.reason)
        guard let counts = ending.counts else { return .object(object) }
        object["total_duration"] = OllamaTime.nanoseconds(counts.waiting + counts.prefill + counts.decode)
        object["load_duration"] = OllamaTime.nanoseconds(counts.waiting)
        object["prompt_eval_count"] = .integer(Int64(counts.promptTokens))
        object["prompt_eval_duration"] = OllamaTime.nanoseconds(counts.prefill)
        object["eval_count"] = .integer(Int64(counts.answerTokens))
        object["eval_duration"] = OllamaTime.nanoseconds(counts.decode)
        return .object(object)
    }
}

/// Times as Ollama's clients read them: RFC 3339 in UTC.
enum OllamaTime {
    private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    static func text(_ date: Date) -> String { style.format(date) }

    static func nanoseconds(_ duration: Duration) -> JSONValue {
        let (seconds, attoseconds) = duration.components
        return .integer(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}

extension APIError {
    /// The body of a refusal, or the last line of a broken stream, as Ollama's clients read it.
    package var ollamaJSON: JSONValue { ["error": .string(namedMessage)] }
}
