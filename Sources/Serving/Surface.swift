import AnthropicAPI
import Hummingbird
import OllamaAPI
import OpenAIAPI

/// Whose API a path belongs to: its clients read their own kind of errors.
enum Surface: Equatable {
    case openAI, anthropic, ollama

    /// Paths of no API at all count as OpenAI's.
    ///
    /// - Parameter isAnthropics: whether the caller is one of Anthropic's clients, who look for models where OpenAI's do.
    init(path: String, isAnthropics: Bool = false) {
        let isOfModels = path == "/v1/models" || path.hasPrefix("/v1/models/")
        if isAnthropics, isOfModels {
            self = .anthropic
        } else if path == "/v1/messages" || path.hasPrefix("/v1/messages/") {
            self = .anthropic
        } else if path.hasPrefix("/api/") {
            self = .ollama
        } else {
            self = .openAI
        }
    }

    /// The response that tells a caller of `error`.
    func refusal(_ error: APIError, requestID: String) -> Response {
        switch self {
        case .openAI:
            return .json(error.json, status: error.status)
        case .anthropic:
            let error = MessagesError(error)
            return .json(error.json(requestID: requestID), status: error.status)
        case .ollama:
            return .json(error.ollamaJSON, status: error.status)
        }
    }
}
