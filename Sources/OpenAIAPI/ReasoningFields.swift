import JSON

/// How much a model is asked to think before it answers.
package struct ReasoningFields: Sendable, Equatable {
    /// How hard to think.
    package enum Effort: Sendable, Equatable {
        /// OpenAI's words, `none` to `max`.
        case level(Level)
        /// Most tokens of thought (Fireworks' form); 0 is none.
        case budget(Int)
    }

    /// `reasoning_effort` as a word.
    package enum Level: String, Sendable, CaseIterable {
        case none, minimal, low, medium, high, xhigh, max
    }

    /// nil leaves it to the template.
    package var effort: Effort?
    /// Most tokens of thought; nil leaves them to the model. vLLM's `thinking_token_budget`.
    package var budget: Int?
    /// The member that says how hard to think, for errors.
    package var parameter = "reasoning_effort"

    package init(effort: Effort? = nil) { self.effort = effort }

    /// - Parameter key: the member with the effort.
    init(_ reader: inout FieldReader, key: String = "reasoning_effort") throws(APIError) {
        guard let value = reader.value(key) else { return }
        let parameter = reader.parameter(key)
        switch value {
        case .string(let text):
            guard let level = Level(rawValue: text) else {
                let names = Level.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
                throw .invalidValue(parameter, "'\(text)' is no effort. Supported values are: \(names).")
            }
            effort = .level(level)
        case .bool(let isOn):
            effort = isOn ? .level(.medium) : .level(.none)
        case .integer, .number:
            effort = .budget(try FieldReader.integer(value, parameter, in: 0...GenerationFields.tokenLimit))
        default:
            throw .invalidType(parameter, expected: "a string or an integer", got: value)
        }
    }

    /// Reads `thinking`, the other way of Fireworks' clients to say it: `{"type": "enabled", "budget_tokens": 2048}`, of which
    /// the budget may be missing, or `{"type": "disabled"}`.
    mutating func readThinking(_ reader: inout FieldReader) throws(APIError) {
        guard let value = try reader.object("thinking") else { return }
        var inner = FieldReader(value, path: reader.parameter("thinking"))
        let type = try FieldReader.string(try inner.required("type"), inner.parameter("type"))
        let tokens = try inner.integer("budget_tokens", in: 1...GenerationFields.tokenLimit)
        try inner.finish()
        if effort != nil { throw .invalidValue(reader.parameter("thinking"), "'\(parameter)' says it, too.") }
        switch type {
        case "enabled": effort = tokens.map { .budget($0) } ?? .level(.medium)
        case "disabled":
            if tokens != nil { throw .invalidValue(inner.parameter("budget_tokens"), "nothing is to be thought.") }
            effort = .level(.none)
        default: throw .invalidValue(inner.parameter("type"), "'\(type)' is neither 'enabled' nor 'disabled'.")
        }
        parameter = reader.parameter("thinking")
    }

    /// Reads the budget that stands beside the effort.
    mutating func readBudget(_ reader: inout FieldReader) throws(APIError) {
        budget = try reader.integer("thinking_token_budget", in: 0...GenerationFields.tokenLimit)
    }

    /// Whether the request turns thinking off; nil when it says nothing.
    package var isOff: Bool? {
        switch effort {
        case nil: nil
        case .level(let level): level == .none
        case .budget(let tokens): tokens == 0
        }
    }
}
