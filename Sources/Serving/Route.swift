import Foundation
import OpenAIAPI

/// What a request's method and path ask for.
enum Route: Equatable {
    case index
    case chatCompletions
    case completions
    case embeddings
    case rerank
    case score
    case responses
    case responseTokens
    case response(String)
    case responseCancel(String)
    case responseInput(String)
    case messages
    case countTokens
    case ollama(OllamaRoute)
    case models
    case model(String)
    case loadAdapter
    case unloadAdapter
    case adapters
    case tokenize
    case detokenize
    case openAPI
    case health
    case ready
    case metrics

    /// Whether the route answers without a key: what load balancers and monitors ask.
    var isOpen: Bool {
        switch self {
        case .index, .openAPI, .health, .ready, .metrics: true
        case .chatCompletions, .completions, .embeddings, .rerank, .score, .models, .model, .tokenize, .detokenize:
            false
        case .responses, .responseTokens, .response, .responseCancel, .responseInput: false
        case .messages, .countTokens, .ollama, .loadAdapter, .unloadAdapter, .adapters: false
        }
    }

    /// Methods the route answers to.
    var methods: [String] {
        switch self {
        case .chatCompletions, .completions, .embeddings, .rerank, .score, .tokenize, .detokenize: ["POST"]
        case .messages, .countTokens, .responses, .responseTokens, .responseCancel: ["POST"]
        case .loadAdapter, .unloadAdapter: ["POST"]
        case .response: ["GET", "HEAD", "DELETE"]
        case .responseInput: ["GET", "HEAD"]
        case .ollama(let route): route.methods
        case .index, .openAPI, .models, .model, .adapters, .health, .ready, .metrics: ["GET", "HEAD"]
        }
    }

    /// Every path of the server, for the answer to `GET /`.
    static let paths =
        [
            "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/v1/score", "/v1/models",
            "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/responses", "/v1/responses/input_tokens",
            "/lora-adapters", "/tokenize", "/detokenize", "/openapi.json", "/health", "/ready", "/metrics",
        ] + ["/v1/messages", "/v1/messages/count_tokens"] + OllamaRoute.allCases.map(\.rawValue)

    /// The route at `path`, whatever the method; a slash at the end changes nothing.
    static func find(_ path: String) -> Route? {
        let path = withoutSlashes(path)
        switch path {
        case "/": return .index
        case "/v1/chat/completions": return .chatCompletions
        case "/v1/completions": return .completions
        case "/v1/embeddings": return .embeddings
        case "/v1/rerank", "/v2/rerank", "/rerank": return .rerank
        case "/v1/score", "/score": return .score
        case "/v1/responses": return .responses
        case "/v1/responses/input_tokens": return .responseTokens
        case "/v1/messages": return .messages
        case "/v1/messages/count_tokens": return .countTokens
        case "/v1/models": return .models
        case "/v1/load_lora_adapter": return .loadAdapter
        case "/v1/unload_lora_adapter": return .unloadAdapter
        case "/lora-adapters": return .adapters
        case "/tokenize": return .tokenize
        case "/detokenize": return .detokenize
        case "/openapi.json": return .openAPI
        case "/health": return .health
        case "/ready": return .ready
        case "/metrics": return .metrics
        default:
            if let route = OllamaRoute(rawValue: path) { return .ollama(route) }
            if path.hasPrefix("/v1/responses/") { return response(path.dropFirst("/v1/responses/".count)) }
            guard path.hasPrefix("/v1/models/") else { return nil }
            let name = path.dropFirst("/v1/models/".count)
            return .model(name.removingPercentEncoding ?? String(name))
        }
    }

    /// What stands behind `/v1/responses/`: a response, or something of one.
    private static func response(_ path: Substring) -> Route? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map { part in
            part.removingPercentEncoding ?? String(part)
        }
        switch (parts.count, parts.last) {
        case (1, _): return .response(parts[0])
        case (2, "cancel"): return .responseCancel(parts[0])
        case (2, "input_items"): return .responseInput(parts[0])
        default: return nil
        }
    }

    /// The path without the slashes at its end; the root keeps its own.
    static func withoutSlashes(_ path: String) -> String {
        let bytes = path.utf8
        let last = bytes.lastIndex { $0 != UInt8(ascii: "/") }
        return last.map { String(decoding: bytes[...$0], as: UTF8.self) } ?? "/"
    }

    /// The route of a request, or the error that says why there is none.
    static func match(method: String, path: String) throws(APIError) -> Route {
        guard let route = find(path) else {
            if let absent = AbsentRoute(path: path) { throw .notImplemented(method, path, absent.explanation) }
            throw .unknownURL(method, path)
        }
        guard route.methods.contains(method) else {
            throw .methodNotAllowed(method, path, allowed: route.methods)
        }
        return route
    }
}

/// The paths of Ollama's own API.
enum OllamaRoute: String, CaseIterable {
    case chat = "/api/chat"
    case generate = "/api/generate"
    case embed = "/api/embed"
    case embeddings = "/api/embeddings"
    case tags = "/api/tags"
    case show = "/api/show"
    case version = "/api/version"
    case processes = "/api/ps"

    var methods: [String] {
        switch self {
        case .chat, .generate, .embed, .embeddings, .show: ["POST"]
        case .tags, .version, .processes: ["GET", "HEAD"]
        }
    }

    /// The route's name in metrics.
    var name: String {
        switch self {
        case .chat: "ollama_chat"
        case .generate: "ollama_generate"
        case .embed: "ollama_embed"
        case .embeddings: "ollama_embeddings"
        case .tags: "ollama_tags"
        case .show: "ollama_show"
        case .version: "ollama_version"
        case .processes: "ollama_ps"
        }
    }
}

/// Paths that clients know from Ollama and this server has nothing behind. A client takes 404 there for a model that is
/// missing, and some then try to pull it.
enum AbsentRoute: Equatable {
    case store

    /// nil for paths that nobody expects here, and for those that are there.
    init?(path: String) {
        let path = Route.withoutSlashes(path)
        switch path {
        case "/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete": self = .store
        default:
            guard path.hasPrefix("/api/blobs/") else { return nil }
            self = .store
        }
    }

    var explanation: String {
        switch self {
        case .store: "Models are fetched and removed on the server's own machine: 'hearth pull', 'hearth remove'."
        }
    }
}
