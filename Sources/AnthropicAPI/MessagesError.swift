package import JSON
package import OpenAIAPI

/// An error as Anthropic's clients read it, with the HTTP status it travels under.
package struct MessagesError: Sendable, Equatable {
    /// HTTP status code; 529 for a server with too much to do.
    package var status: Int
    /// Coarse class of an error; the wire's `type`.
    package var kind: String
    package var message: String
    /// What programs may act on; nil without.
    package var details: JSONValue?

    package init(_ error: APIError) {
        status = error.kind == .rateLimit ? 529 : error.status
        message = error.namedMessage
        // The official client's tool runner asks for a conversation held by the server, and does without on this word.
        if error.code == "unsupported_parameter", error.parameter == "thread" {
            details = ["error_code": "thread_unsupported_request", "unsupported": ["thread"]]
        }
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
        var error: JSONObject = ["type": .string(kind), "message": .string(message)]
        error["details"] = details
        return ["type": "error", "error": .object(error), "request_id": .string(requestID)]
    }
}
