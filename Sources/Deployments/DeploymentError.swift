import Inference

/// What a deployment was asked and cannot do; every case can be put to the caller as it stands.
package enum DeploymentError: Error, Equatable, CustomStringConvertible {
    /// The prompt and the answer asked for do not fit the model's context.
    case contextLengthExceeded(promptTokens: Int, maxTokens: Int, limit: Int)
    /// The prompt has no tokens.
    case emptyPrompt
    /// Prompt and answer do not fit the server's KV cache, even alone. `limit` is in tokens.
    case cacheTooSmall(tokens: Int, limit: Int)
    /// A token id is outside the vocabulary.
    case tokenOutOfRange(token: Int, vocabularySize: Int)
    /// Too many requests wait already.
    case queueFull(waiting: Int)
    /// The deployment is stopping and takes no new requests.
    case draining
    /// The model has no chat template.
    case chatTemplateMissing
    /// The chat template refused the conversation or failed on it.
    case chatTemplateFailed(message: String)
    /// A sampling parameter is out of bounds.
    case invalidParameter(name: String, message: String)
    /// The model could not be loaded.
    case modelUnavailable(message: String)

    package var description: String {
        switch self {
        case .contextLengthExceeded(let prompt, let answer, let limit):
            // A caller may ask for so many tokens that the sum is no `Int`.
            "This model's context holds \(limit) tokens, but \(Int128(prompt) + Int128(answer)) were asked for "
                + "(\(prompt) in the prompt, \(answer) for the answer). Shorten the prompt or lower the token limit."
        case .cacheTooSmall(let tokens, let limit):
            "The request needs room for \(tokens) tokens, but this server's KV cache holds \(limit). Shorten the prompt, "
                + "lower the token limit, or give the server a larger cache."
        case .emptyPrompt:
            "The prompt is empty. Give at least one token."
        case .tokenOutOfRange(let token, let size):
            "Token id \(token) is not in the vocabulary (0 to \(size - 1))."
        case .queueFull(let waiting):
            "The server is busy: \(waiting) requests are waiting. Try again shortly."
        case .draining:
            "The server is shutting down and takes no new requests."
        case .chatTemplateMissing:
            "This model has no chat template. Use a plain completion, or a model made for chat."
        case .chatTemplateFailed(let message):
            "The chat template refused the messages: \(message)"
        case .invalidParameter(_, let message):
            message
        case .modelUnavailable(let message):
            message
        }
    }
}

extension DeploymentError {
    /// Translates what the engine said at submission.
    init(_ error: SubmissionError) {
        switch error {
        case .emptyPrompt: self = .emptyPrompt
        case .tokenOutOfRange(let token, let size): self = .tokenOutOfRange(token: token, vocabularySize: size)
        case .contextLengthExceeded(let prompt, let answer, let limit):
            self = .contextLengthExceeded(promptTokens: prompt, maxTokens: answer, limit: limit)
        case .cacheTooSmall(let tokens, let limit): self = .cacheTooSmall(tokens: tokens, limit: limit)
        case .limitOutOfRange(let name, _, _): self = .invalidParameter(name: name, message: error.description)
        case .queueFull(let waiting): self = .queueFull(waiting: waiting)
        case .duplicateRequest: self = .invalidParameter(name: "id", message: error.description)
        case .draining: self = .draining
        }
    }
}
