package import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import OpenAIAPI
import Storage

/// What the server takes from outside: the time of day, and names nobody has used.
package struct ServingEnvironment: Sendable {
    package var now: @Sendable () -> Date = { Date() }
    /// A new name of 32 hexadecimal digits.
    package var makeID: @Sendable () -> String = { UUID().uuidString.filter { $0 != "-" }.lowercased() }
    /// Measures time limits.
    package var clock: any Clock<Duration> = ContinuousClock()

    package init() {}
}

/// Everything the routes share.
struct APIService: Sendable {
    let configuration: ServingConfiguration
    let directory: DeploymentDirectory
    let gate: RequestGate
    let metrics: ServingMetrics
    let archive: ResponseArchive
    let background = BackgroundResponses()
    let environment: ServingEnvironment
    let authentication: Authentication
    let crossOriginProtection: CrossOriginProtection
    let logger: Logger

    init(
        configuration: ServingConfiguration,
        directory: DeploymentDirectory,
        environment: ServingEnvironment,
        storage: (any RecordStore)?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.directory = directory
        self.environment = environment
        self.logger = logger
        gate = RequestGate(limit: configuration.concurrentRequestLimit)
        metrics = ServingMetrics()
        archive = ResponseArchive(
            store: storage,
            conversationBytes: configuration.conversationBytes,
            logger: logger
        )
        authentication = Authentication(keys: configuration.apiKeys)
        crossOriginProtection = CrossOriginProtection(configuration)
    }

    var bodies: BodyReader {
        BodyReader(limit: configuration.bodyBytes, timeout: configuration.bodyTimeout, clock: environment.clock)
    }

    func answer(_ route: Route, _ exchange: Exchange) async throws -> Response {
        switch route {
        case .index: index()
        case .chatCompletions: try await chatCompletions(exchange)
        case .completions: try await completions(exchange)
        case .embeddings: try await embeddings(exchange)
        case .rerank: try await rerank(exchange)
        case .score: try await score(exchange)
        case .responses: try await responses(exchange)
        case .responseTokens: try await responseTokens(exchange)
        case .response(let id): try await response(id, exchange)
        case .responseCancel(let id): try await cancelResponse(id)
        case .responseInput(let id): try await responseInput(id, exchange)
        case .messages: try await messages(exchange)
        case .countTokens: try await countTokens(exchange)
        case .ollama(let route): try await ollama(route, exchange)
        case .models: models(exchange)
        case .model(let name): try model(name, exchange)
        case .loadAdapter: try await loadAdapter(exchange)
        case .unloadAdapter: try await unloadAdapter(exchange)
        case .adapters: try adapters(exchange)
        case .tokenize: try await tokenize(exchange)
        case .detokenize: try await detokenize(exchange)
        case .openAPI: .json(OpenAPIDocument.json)
        case .health: health()
        case .ready: ready()
        case .metrics: await prometheus()
        }
    }

    /// The answer to a browser's question whether it may call; nil when it is none or CORS is off.
    func preflight(_ request: Request) -> Response? {
        guard let origin = configuration.allowedOrigin, request.method == .options else { return nil }
        var response = Response(status: .noContent)
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlAllowMethods] = "GET, HEAD, POST, DELETE"
        response.headers[.accessControlAllowHeaders] = request.headers[.accessControlRequestHeaders] ?? "*"
        response.headers[.accessControlMaxAge] = "86400"
        return response
    }
}

extension Route {
    /// The route's name in metrics.
    var name: String {
        switch self {
        case .index: "index"
        case .chatCompletions: "chat_completions"
        case .completions: "completions"
        case .embeddings: "embeddings"
        case .rerank: "rerank"
        case .score: "score"
        case .responses, .response: "responses"
        case .responseTokens: "response_tokens"
        case .responseCancel: "response_cancel"
        case .responseInput: "response_input"
        case .messages: "messages"
        case .countTokens: "count_tokens"
        case .ollama(let route): route.name
        case .models, .model: "models"
        case .loadAdapter: "load_adapter"
        case .unloadAdapter: "unload_adapter"
        case .adapters: "adapters"
        case .tokenize: "tokenize"
        case .detokenize: "detokenize"
        case .openAPI: "openapi"
        case .health: "health"
        case .ready: "ready"
        case .metrics: "metrics"
        }
    }
}
