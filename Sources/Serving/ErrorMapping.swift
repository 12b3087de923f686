import Deployments
import Inference
import OpenAIAPI

extension APIError {
    /// What a caller is told of a deployment's refusal. No default: a new case must choose its status.
    ///
    /// - Parameter prompt: the request's parameter that held the prompt.
    init(_ error: DeploymentError, prompt: String) {
        let message = error.description
        switch error {
        case .contextLengthExceeded:
            self.init(code: "context_length_exceeded", parameter: prompt, message)
        case .emptyPrompt:
            self.init(code: "invalid_value", parameter: prompt, message)
        case .tokenOutOfRange:
            self.init(code: "invalid_value", parameter: prompt, message)
        case .cacheTooSmall:
            self.init(code: "context_length_exceeded", parameter: prompt, message)
        case .queueFull:
            self = .overloaded(message)
        case .draining:
            self = .draining
        case .chatTemplateMissing:
            self.init(code: "chat_template_missing", parameter: prompt, message)
        case .chatTemplateFailed:
            self.init(code: "chat_template_failed", parameter: prompt, message)
        case .invalidParameter(let name, _):
            self.init(code: "invalid_value", parameter: name, message)
        case .modelUnavailable:
            self.init(status: 503, kind: .unavailable, code: "model_unavailable", parameter: "model", message)
        }
    }

    /// What a caller is told of an adapter that cannot be used, added or removed. No default: a new case must choose its
    /// status.
    ///
    /// - Parameters:
    ///   - parameter: the request's parameter that named the adapter.
    ///   - path: the one that said where it is.
    init(_ error: AdapterError, parameter: String, path: String? = nil) {
        let message = error.description
        switch error {
        case .unknown:
            self.init(status: 404, code: "adapter_not_found", parameter: parameter, message)
        case .nameTaken:
            self.init(status: 409, code: "adapter_exists", parameter: parameter, message)
        case .invalidName, .unsupported, .mixTooWide, .notMixable:
            self.init(code: "invalid_value", parameter: parameter, message)
        case .crowded:
            self = .overloaded(message)
        case .unusable:
            if let path {
                self.init(code: "adapter_unusable", parameter: path, message)
            } else {
                // Where it is on this machine is for those to know who run it.
                let told = "The adapter cannot be read any more; the server's log says why."
                self.init(status: 503, kind: .unavailable, code: "adapter_unusable", parameter: parameter, told)
            }
        }
    }

    /// What a caller is told of an embedder's refusal. No default: a new case must choose its status.
    ///
    /// - Parameter parameter: the request's parameter that held text `index`.
    init(_ error: EmbeddingError, parameter: (Int) -> String) {
        let message = error.description
        switch error {
        case .emptyText(let index):
            self = .invalidValue(parameter(index), message)
        case .textTooLong(let index, _, _):
            self.init(code: "context_length_exceeded", parameter: parameter(index), message)
        case .tokenOutOfRange(let index, _, _):
            self = .invalidValue(parameter(index), message)
        case .dimensionsOutOfRange:
            self = .invalidValue("dimensions", message)
        case .notFinite:
            self = .generationFailed(message)
        case .queueFull, .tooManyVectors:
            self = .overloaded(message)
        case .draining:
            self = .draining
        case .cancelled:
            self = .generationFailed(message)
        }
    }

    /// The texts of a request for embeddings are more than one request may have.
    static func tooManyTokens(_ count: Int, limit: Int) -> APIError {
        APIError(
            code: "max_tokens_per_request",
            parameter: "input",
            "The texts of 'input' have \(count) tokens together, and one request may have \(limit). Send them in several."
        )
    }

    /// More work waits than the server takes.
    static func overloaded(_ message: String) -> APIError {
        APIError(status: 429, kind: .rateLimit, code: "engine_overloaded", message)
    }

    /// The server is told to stop.
    static let draining = APIError(
        status: 503,
        kind: .unavailable,
        code: "server_shutting_down",
        "The server is shutting down and takes no new requests. Try again shortly."
    )

    /// The server listens, but its model is not there yet.
    static let modelLoading = APIError(
        status: 503,
        kind: .unavailable,
        code: "model_loading",
        "The model is still being loaded. Try again shortly."
    )

    static func modelNotFound(_ name: String, known: [String]) -> APIError {
        let names = known.map { "'\($0)'" }.joined(separator: ", ")
        return APIError(
            status: 404,
            code: "model_not_found",
            parameter: "model",
            "The model '\(name)' does not exist. This server has: \(names.isEmpty ? "none" : names)."
        )
    }

    /// A name that adapters of several models have.
    static func ambiguousAdapter(_ name: String, of models: [String]) -> APIError {
        let names = models.map { "'\($0):\(name)'" }.joined(separator: " or ")
        return APIError(
            code: "model_ambiguous",
            parameter: "model",
            "Several models have an adapter called '\(name)'. Name one of them: \(names)."
        )
    }

    /// A model that is there and does something else.
    static func wrongModel(_ message: String) -> APIError {
        APIError(code: "model_not_supported", parameter: "model", message)
    }

    static func unknownURL(_ method: String, _ path: String) -> APIError {
        APIError(
            status: 404,
            code: "unknown_url",
            "Unknown request URL: \(method) \(path). The paths are listed in the answer to GET /."
        )
    }

    /// A path that other servers answer and this one does not.
    static func notImplemented(_ method: String, _ path: String, _ explanation: String) -> APIError {
        APIError(status: 501, code: "not_implemented", "Not available here: \(method) \(path). \(explanation)")
    }

    static func methodNotAllowed(_ method: String, _ path: String, allowed: [String]) -> APIError {
        APIError(
            status: 405,
            code: "method_not_allowed",
            "Not allowed to \(method) \(path). Allowed: \(allowed.joined(separator: ", "))."
        )
    }

    static func bodyTooLarge(limit: Int) -> APIError {
        APIError(status: 413, code: "request_too_large", "The body of the request is larger than \(limit) bytes.")
    }

    static func bodyTimedOut(after timeout: Duration) -> APIError {
        APIError(
            status: 408,
            code: "request_timeout",
            "The body of the request did not arrive within \(timeout.components.seconds) seconds."
        )
    }

    static func mediaType(_ explanation: String) -> APIError {
        APIError(status: 415, code: "unsupported_media_type", explanation)
    }

    /// The answer took longer than a request may.
    static func generationTimedOut(after timeout: Duration) -> APIError {
        APIError(
            status: 504,
            kind: .server,
            code: "generation_timeout",
            "The answer was not complete within \(timeout.components.seconds) seconds. Ask for fewer tokens."
        )
    }

    /// Nobody is there to be told.
    static let clientGone = generationFailed("The client has gone.")

    /// A generation broke.
    static func generationFailed(_ message: String) -> APIError {
        APIError(status: 500, kind: .server, code: "server_error", message)
    }

    /// What this server was not started to allow.
    static func forbidden(_ code: String, _ explanation: String) -> APIError {
        APIError(status: 403, kind: .permission, code: code, explanation)
    }

    static let unauthorized = APIError(
        status: 401,
        code: "invalid_api_key",
        "The API key is missing or wrong. Send it in the header 'Authorization: Bearer KEY' or 'x-api-key: KEY'."
    )

    /// Seconds after which asking again makes sense; nil when it does not.
    var retryAfterSeconds: Int? {
        switch status {
        case 429: 1
        case 503: 5
        default: nil
        }
    }
}
