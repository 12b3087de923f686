/// Why the hub did not give what was asked; the sentence may be shown to the user.
package enum HubError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No such repository, or one that is private to others.
    case repositoryNotFound(repository: String, hasToken: Bool)
    /// No such branch, tag or commit.
    case revisionNotFound(repository: String, revision: String)
    /// No such file.
    case fileNotFound(repository: String, file: String)
    /// The token is refused.
    case tokenRefused
    /// The repository wants its terms accepted first.
    case gated(repository: String, page: String, hasToken: Bool)
    /// Too many requests, and the hub asks for more patience than is sensible to wait here.
    case rateLimited(retryAfterSeconds: Int?)
    /// The hub failed again and again.
    case serverFailure(status: Int, url: String)
    /// Any other status.
    case unexpectedStatus(status: Int, url: String)
    /// No connection, or one that broke again and again without progress.
    case unreachable(host: String, reason: String)
    /// A redirect in a circle, without target, or from HTTPS to HTTP.
    case badRedirect(url: String, reason: String)
    /// An answer that is not what the protocol says.
    case malformedAnswer(url: String, reason: String)
    /// A file name that would leave the model's folder, or that no file should have.
    case unsafePath(repository: String, file: String)
    /// No file of the repository is what `selector` asks for.
    case selectionEmpty(repository: String, selector: String, available: [String])
    /// Several files could be meant.
    case selectionAmbiguous(repository: String, available: [String])
    /// A part of a split model is missing.
    case partMissing(repository: String, file: String)
    /// Neither GGUF nor safetensors.
    case noModel(repository: String)
    /// The endpoint is no HTTP address.
    case badEndpoint(String)

    /// The sentence; names that came from the hub cannot steer a terminal in it.
    package var description: String { PlainText.shown(sentence) }

    private var sentence: String {
        switch self {
        case .repositoryNotFound, .revisionNotFound, .fileNotFound, .tokenRefused, .gated: accessSentence
        case .rateLimited, .serverFailure, .unexpectedStatus, .unreachable, .badRedirect, .malformedAnswer,
            .badEndpoint:
            connectionSentence
        case .unsafePath, .selectionEmpty, .selectionAmbiguous, .partMissing, .noModel: contentSentence
        }
    }

    private var accessSentence: String {
        switch self {
        case .repositoryNotFound(let repository, let hasToken):
            "The hub has no repository \(repository)"
                + (hasToken
                    ? " that your token may see. Check the spelling and the token's rights."
                    : ", or it is private. Check the spelling; for a private one set HF_TOKEN.")
        case .revisionNotFound(let repository, let revision):
            "\(repository) has no revision \(revision)."
        case .fileNotFound(let repository, let file):
            "\(repository) has no file \(file)."
        case .tokenRefused:
            "The hub refuses your token. Make a new one in your account's settings and set HF_TOKEN."
        case .gated(let repository, let page, let hasToken):
            "\(repository) wants its terms accepted first: open \(page), accept them"
                + (hasToken
                    ? ", then run this again." : ", set HF_TOKEN to a token of that account, then run this again.")
        default: ""
        }
    }

    private var connectionSentence: String {
        switch self {
        case .rateLimited(let seconds):
            "The hub says too many requests were made. Try again in \(seconds.map { "\($0) seconds" } ?? "a while"); "
                + "with HF_TOKEN set the limits are higher."
        case .serverFailure(let status, let url):
            "The hub failed again and again (status \(status) for \(url)). Try again later: what is here is kept."
        case .unexpectedStatus(let status, let url):
            "The hub answered with status \(status) for \(url)."
        case .unreachable(let host, let reason):
            "\(host) cannot be reached: \(reason). Check the connection (or HF_ENDPOINT) and run this again: "
                + "what is here is kept."
        case .badRedirect(let url, let reason):
            "The redirect of \(url) cannot be followed: \(reason)."
        case .malformedAnswer(let url, let reason):
            "The answer for \(url) is not what the hub's protocol says: \(reason)"
        case .badEndpoint(let endpoint):
            "HF_ENDPOINT is \"\(endpoint)\", which is no address such as https://hub.example.com."
        default: ""
        }
    }

    private var contentSentence: String {
        switch self {
        case .unsafePath(let repository, let file):
            "\(repository) has a file called \"\(file)\", which would lie outside the model's folder or "
                + "is no name for a file. Nothing was taken."
        case .selectionEmpty(let repository, let selector, let available):
            "\(repository) has nothing that \"\(selector)\" names. It has: \(Self.list(available))."
        case .selectionAmbiguous(let repository, let available):
            "\(repository) has several models. Name one: \(Self.list(available.map { "hf:\(repository):\($0)" }))."
        case .partMissing(let repository, let file):
            "\(repository) has a split model, but its part \(file) is missing."
        case .noModel(let repository):
            "\(repository) has neither GGUF files nor a safetensors model with config.json."
        default: ""
        }
    }

    private static func list(_ names: [String]) -> String {
        if names.isEmpty { return "nothing of that kind" }
        return names.prefix(12).joined(separator: ", ") + (names.count > 12 ? " and \(names.count - 12) more" : "")
    }
}
