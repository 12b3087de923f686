/// Why a chat template could not be read or rendered.
///
/// Every case carries the line of the template (from 1; 0 when no line is known) and a message that may be shown to
/// whoever sent the request. Messages are worded as Jinja words them, because model authors search for those words.
package enum TemplateError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The template's own text is wrong: it can never be rendered.
    case syntax(message: String, line: Int)
    /// The template called `raise_exception(message)`: it refuses this conversation.
    case raised(message: String, line: Int)
    /// The template used a value that is not there, as in `missing.name`.
    case undefined(message: String, line: Int)
    /// The template did what the sandbox forbids, for example `list.append`.
    case forbidden(message: String, line: Int)
    /// An operation failed: wrong types, a bad format, a division by zero.
    case operation(message: String, line: Int)
    /// A limit of `TemplateLimits` was reached.
    case limitExceeded(TemplateLimits.Name, maximum: Int, line: Int)

    package var description: String {
        switch self {
        case .syntax(let message, let line): Self.sentence("The chat template cannot be read", message, line)
        case .raised(let message, _): message
        case .undefined(let message, let line), .forbidden(let message, let line), .operation(let message, let line):
            Self.sentence("The chat template failed", message, line)
        case .limitExceeded(let name, let maximum, let line):
            Self.sentence("The chat template was stopped", "it exceeded \(name.rawValue) = \(maximum)", line)
        }
    }

    private static func sentence(_ what: String, _ message: String, _ line: Int) -> String {
        line > 0 ? "\(what) (line \(line)): \(message)" : "\(what): \(message)"
    }

    /// The same error with its line filled in, when it has none yet.
    func at(line newLine: Int) -> TemplateError {
        switch self {
        case .syntax(let message, 0): .syntax(message: message, line: newLine)
        case .raised(let message, 0): .raised(message: message, line: newLine)
        case .undefined(let message, 0): .undefined(message: message, line: newLine)
        case .forbidden(let message, 0): .forbidden(message: message, line: newLine)
        case .operation(let message, 0): .operation(message: message, line: newLine)
        case .limitExceeded(let name, let maximum, 0): .limitExceeded(name, maximum: maximum, line: newLine)
        default: self
        }
    }

    /// A failed operation whose line the machine fills in.
    static func failure(_ message: String) -> TemplateError { .operation(message: message, line: 0) }
}
