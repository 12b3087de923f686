/// What an embedding engine was asked and cannot do. `index` counts the texts of the request.
package enum EmbeddingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A text has no tokens.
    case emptyText(index: Int)
    /// A text is longer than the model's context; nothing is cut off silently.
    case textTooLong(index: Int, tokens: Int, limit: Int)
    /// A token id is outside the vocabulary.
    case tokenOutOfRange(index: Int, token: Int, vocabularySize: Int)
    /// Vectors of more floats than the model has, or of none, were asked for.
    case dimensionsOutOfRange(asked: Int, limit: Int)
    /// A vector holds what is not a number: the weights are damaged.
    case notFinite(index: Int)
    /// Too many tokens wait already.
    case queueFull(waiting: Int)
    /// The vectors of those who came before leave no room for more.
    case tooManyVectors(held: Int)
    /// The engine is stopping.
    case draining
    /// The caller went away.
    case cancelled

    package var description: String {
        switch self {
        case .emptyText:
            "The text is empty. Give at least one character or token."
        case .textTooLong(_, let tokens, let limit):
            "The text has \(tokens) tokens, but this model reads at most \(limit). Split it, or shorten it."
        case .tokenOutOfRange(_, let token, let size):
            "Token id \(token) is not in the vocabulary (0 to \(size - 1))."
        case .dimensionsOutOfRange(let asked, let limit):
            "This model's vectors have \(limit) dimensions; \(asked) were asked for."
        case .notFinite:
            "The model made a vector that is not a number. Its file may be damaged: download it again."
        case .queueFull(let waiting):
            "The server is busy: \(waiting) tokens wait to be embedded. Try again shortly."
        case .tooManyVectors(let held):
            "The server is busy: it holds the vectors of \(held) texts. Try again shortly."
        case .draining:
            "The server is shutting down and takes no new requests."
        case .cancelled:
            "The request was cancelled."
        }
    }
}
