import JSON
import OpenAIAPI

/// Whether the model is to think before it answers, and whether the caller is shown it.
package struct MessagesThinking: Sendable, Equatable {
    /// Whether to think.
    package enum Mode: Sendable, Equatable {
        /// The request says nothing: the model does what it does, and the caller is not shown.
        case unsaid
        case disabled
        /// If the model can.
        case adaptive
        /// With so many tokens of thought as an aim.
        case enabled(budget: Int)
    }

    package var mode: Mode
    /// Whether the blocks of thoughts come without their text.
    package var isOmitted: Bool

    package init(_ mode: Mode = .unsaid, isOmitted: Bool = false) {
        self.mode = mode
        self.isOmitted = isOmitted
    }

    /// Whether the answer has blocks of thoughts.
    package var isShown: Bool {
        switch mode {
        case .unsaid, .disabled: false
        case .adaptive, .enabled: true
        }
    }

    init(_ reader: inout FieldReader) throws(APIError) {
        self.init()
        guard let value = try reader.object("thinking") else { return }
        var inner = FieldReader(value, path: reader.parameter("thinking"))
        let type = try FieldReader.string(try inner.required("type"), inner.parameter("type"))
        switch type {
        case "disabled": mode = .disabled
        case "adaptive": mode = .adaptive
        case "enabled":
            let budget = try inner.required("budget_tokens")
            let range = 1...FieldReader.tokenLimit
            mode = .enabled(
                budget: try FieldReader.integer(budget, inner.parameter("budget_tokens"), in: range)
            )
        case "between_tools":
            throw .unsupported(inner.parameter("type"), "This server does not say when a model is to think.")
        default:
            throw .invalidValue(
                inner.parameter("type"),
                "'\(type)' is none of 'enabled', 'disabled' and 'adaptive'."
            )
        }
        if isShown, let display = try inner.string("display") {
            guard ["summarized", "omitted"].contains(display) else {
                throw .invalidValue(inner.parameter("display"), "'\(display)' is neither 'summarized' nor 'omitted'.")
            }
            isOmitted = display == "omitted"
        }
        try inner.finish()
    }
}
