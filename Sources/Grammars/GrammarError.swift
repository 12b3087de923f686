/// Why a grammar, schema or expression cannot constrain an answer. Always the caller's to mend.
package enum GrammarError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The source does not follow its own syntax, or uses a construct that no automaton can follow; `offset` counts the
    /// source's UTF-8 bytes.
    case syntax(String, offset: Int)
    /// A JSON Schema uses `keyword` in a way that is not enforced; `pointer` is the JSON pointer of the keyword.
    case unsupported(String, pointer: String)
    /// Compilation would take more states or time than one request may.
    case tooLarge(String)
    /// No text at all satisfies what was asked.
    case unsatisfiable(String)

    package var description: String {
        switch self {
        case .syntax(let message, let offset): "\(message) (at byte \(offset))"
        case .unsupported(let message, let pointer): "at '\(pointer)': \(message)"
        case .tooLarge(let message), .unsatisfiable(let message): message
        }
    }
}
