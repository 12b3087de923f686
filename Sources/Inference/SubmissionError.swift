/// What the engine was asked and cannot do; every case can be put to the caller as it stands.
package enum SubmissionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The prompt has no tokens.
    case emptyPrompt
    /// A prompt token or a biased token is outside the vocabulary.
    case tokenOutOfRange(token: Int, vocabularySize: Int)
    /// Prompt and answer do not fit the model's context together.
    case contextLengthExceeded(promptTokens: Int, maxTokens: Int, limit: Int)
    /// Prompt and answer do not fit the KV cache, even with nothing else in it. `limit` is in tokens.
    case cacheTooSmall(tokens: Int, limit: Int)
    /// A token limit or a number of log probabilities is out of bounds.
    case limitOutOfRange(name: String, value: Int, bounds: ClosedRange<Int>)
    /// The waiting queue is full.
    case queueFull(waiting: Int)
    /// The engine holds a request of this id already.
    case duplicateRequest(RequestID)
    /// The engine is stopping.
    case draining

    package var description: String {
        switch self {
        case .emptyPrompt:
            "The prompt is empty. Give at least one token."
        case .tokenOutOfRange(let token, let size):
            "Token id \(token) is not in the vocabulary (0 to \(size - 1))."
        case .contextLengthExceeded(let prompt, let answer, let limit):
            "This model's context holds \(limit) tokens, but \(prompt) in the prompt and \(answer) for the answer were "
                + "asked for. Shorten the prompt or lower the token limit."
        case .cacheTooSmall(let tokens, let limit):
            "The request needs room for \(tokens) tokens, but this server's KV cache holds \(limit). Shorten the "
                + "prompt, lower the token limit, or give the server a larger cache."
        case .limitOutOfRange(let name, let value, let bounds):
            "\(name) is \(value), but must be from \(bounds.lowerBound) to \(bounds.upperBound)."
        case .queueFull(let waiting):
            "The server is busy: \(waiting) requests are waiting. Try again shortly."
        case .duplicateRequest(let id):
            "A request with the id \(id) is being served already."
        case .draining:
            "The server is shutting down and takes no new requests."
        }
    }
}
