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
