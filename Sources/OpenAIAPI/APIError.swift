package import JSON

/// An error as OpenAI's clients read it, with the HTTP status it travels under.
///
/// The body is `{"error":{"message","type","param","code"}}`, all four keys always present.
package struct APIError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Coarse class of an error; the wire's `type`.
    package enum Kind: String, Sendable {
        case invalidRequest = "invalid_request_error"
        case rateLimit = "requests"
        case permission = "permission_error"
        case server = "server_error"
        case unavailable = "service_unavailable"
    }

    /// HTTP status code.
    package var status: Int
    /// A sentence the caller may read: what is wrong, where, what to do.
    package var message: String
    package var kind: Kind
    /// The request's parameter at fault, as a path: `messages[2].content`.
    package var parameter: String?
    /// A word for programs: `context_length_exceeded`.
    package var code: String?

    package init(
        status: Int = 400,
        kind: Kind = .invalidRequest,
        code: String? = nil,
        parameter: String? = nil,
        _ message: String
    ) {
        self.status = status
        self.message = message
        self.kind = kind
        self.parameter = parameter
        self.code = code
    }

    package var description: String { message }

    /// The message with the parameter in front where it does not name it, for errors that have no other place for it.
    package var namedMessage: String {
        guard let parameter, !message.contains("'\(parameter)'") else { return message }
        return "'\(parameter)': \(message)"
    }

    /// The response's body.
    package var json: JSONValue {
        [
            "error": [
                "message": .string(message),
                "type": .string(kind.rawValue),
                "param": parameter.map { .string($0) } ?? .null,
                "code": code.map { .string($0) } ?? .null,
            ]
        ]
    }
}

extension APIError {
    /// The body is no JSON, or JSON beyond the limits of a request.
    package static func invalidJSON(_ error: JSONError) -> APIError {
        APIError(code: "invalid_json", "The body of the request is not valid JSON. \(error.description)")
    }

    /// A value of the wrong JSON type.
    package static func invalidType(_ parameter: String, expected: String, got value: JSONValue) -> APIError {
        APIError(
            code: "invalid_type",
            parameter: parameter,
            "Invalid type for '\(parameter)': expected \(expected), but got \(value.typeName) instead."
        )
    }

    /// A value of the right type that means nothing here.
    package static func invalidValue(_ parameter: String, _ explanation: String) -> APIError {
        APIError(code: "invalid_value", parameter: parameter, "Invalid value for '\(parameter)': \(explanation)")
    }

    /// A parameter that must be there and is not.
    package static func missing(_ parameter: String) -> APIError {
        APIError(
            code: "missing_required_parameter",
            parameter: parameter,
            "Missing required parameter: '\(parameter)'."
        )
    }

    /// A name that no parameter has.
    package static func unknownParameter(_ parameter: String) -> APIError {
        APIError(code: "unknown_parameter", parameter: parameter, "Unknown parameter: '\(parameter)'.")
    }

    /// A parameter other servers know and this one cannot honour yet; refused so that it is never silently ignored.
    package static func unsupported(_ parameter: String, _ explanation: String) -> APIError {
        APIError(
            code: "unsupported_parameter",
            parameter: parameter,
            "Unsupported parameter: '\(parameter)'. \(explanation)"
        )
    }
}

extension JSONValue {
    /// The value's type with its article, for error messages.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a decimal"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
