package import JSON
package import OpenAIAPI

/// An error as Anthropic's clients read it, with the HTTP status it travels under.
package struct MessagesError: Sendable, Equatable {
    /// HTTP status code; 529 for a server with too much to do.
    package var status: Int
    /// Coarse class of an error; the wire's `type`.
    package var kind: String
    package var message: String

    package init(_ error: APIError) {
        status = error.kind == .rateLimit ? 529 : error.status
        message = error.message
        kind =
            switch status {
            case 401: "authentication_error"
            case 403: "permission_error"
            case 404: "not_found_error"
            case 413: "request_too_large"
            case 400..<500: "invalid_request_error"
            case 504: "timeout_error"
            case 529: "overloaded_error"
            default: "api_error"
            }
    }

    /// The body of a refusal, or the object of a stream's event `error`.
    ///
    /// - Parameter requestID: the id the response's headers name.
    package func json(requestID: String) -> JSONValue {
        [
            "type": "error",
            "error": ["type": .string(kind), "message": .string(message)],
            "request_id": .string(requestID),
        ]
    }
}
