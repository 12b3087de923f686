import Foundation
import HTTPTypes
import Hummingbird
import Inference
import Logging
import NIOCore
import OpenAIAPI

/// What a request's handling may use of the connection it came on.
struct RequestScope: InitializableFromSource, Sendable {
    let channel: any Channel
    let logger: Logger

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
        logger = source.logger
    }
}

/// One request on its way through the server.
struct Exchange: Sendable {
    let request: Request
    let scope: RequestScope
    /// The request's id, the caller's own when it sent a sane one.
    let id: String
    let start: ContinuousClock.Instant

    /// Whose API the request is of.
    var surface: Surface {
        Surface(path: path, isAnthropics: request.headers[.anthropicVersion] != nil)
    }

    /// The request's path, without its query.
    var path: String { String(request.head.path?.prefix { $0 != "?" } ?? "/") }

    /// Where the answer is written.
    var executor: ConnectionExecutor { ConnectionExecutor(scope.channel.eventLoop) }
}

/// Answers every request: finds its route, checks its key, turns errors into the shape of its API, adds the headers all answers
/// have. Nothing thrown leaves it.
struct Responder: HTTPResponder {
    typealias Context = RequestScope

    /// What scripts of another origin may read.
    private static let exposedHeaders = [
        HTTPField.Name.requestID, .anthropicRequestID, .processingMilliseconds, .apiVersion, .organization,
        .retryAfter, .retryAfterMilliseconds, .shouldRetry, .promptTokens, .cachedPromptTokens, .timeToFirstToken,
        .processingTime, .samplingOptions,
    ].map(\.canonicalName).joined(separator: ", ")

    let service: APIService

    func respond(to request: Request, context: RequestScope) async -> Response {
        let id = request.headers.plain(.requestID) ?? "req_" + service.environment.makeID()
        let exchange = Exchange(request: request, scope: context, id: id, start: .now)
        let path = exchange.path
        var response: Response
        var name = "unknown"
        do {
            if var preflight = service.preflight(request) {
                preflight.headers[.requestID] = id
                return preflight
            }
            let route = try Route.match(method: request.method.rawValue, path: path)
            name = route.name
            if !route.isOpen, !service.authentication.allows(request.headers) { throw APIError.unauthorized }
            try service.crossOriginProtection.check(request.head)
            _ = try request.headers.clientRequestID()
            response = try await service.answer(route, exchange)
        } catch {
            response = failure(error, path: path, exchange)
        }
        service.metrics.countResponse(name, status: response.status.code)
        decorate(&response, exchange.surface, exchange)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func failure(_ error: any Error, path: String, _ exchange: Exchange) -> Response {
        let known = error as? APIError
        if known == nil {
            service.logger.error("request failed", metadata: ["error": "\(error)"].adding(exchange.names))
        }
        let error = known ?? .generationFailed("The server failed on this request.")
        var response = exchange.surface.refusal(error, requestID: exchange.id)
        if let seconds = error.retryAfterSeconds {
            response.headers[.retryAfter] = String(seconds)
            response.headers[.retryAfterMilliseconds] = String(1000 * seconds)
            response.headers[.shouldRetry] = "true"
        }
        // OpenAI's clients would ask again for what took too long.
        if error.status == 504 { response.headers[.shouldRetry] = "false" }
        if error.status == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
        if error.status == 405, let route = Route.find(path) {
            response.headers[.allow] = route.methods.joined(separator: ", ")
        }
        // What is left of the body would have to be read before the connection could serve again.
        if error.status == 413 || error.status == 408 { hangUpSoon(&response, exchange) }
        service.logger.info(
            "request refused",
            metadata: [
                "http.path": "\(path)", "http.status": "\(error.status)",
                "error.code": "\(error.code ?? "none")", "error.param": "\(error.parameter ?? "none")",
            ].adding(exchange.names)
        )
        return response
    }

    /// Closes the connection a moment after the response: at once, the client would lose what it has not read yet.
    private func hangUpSoon(_ response: inout Response, _ exchange: Exchange) {
        response.headers[.connection] = "close"
        let channel = exchange.scope.channel
        _ = channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
    }

    private func decorate(_ response: inout Response, _ surface: Surface, _ exchange: Exchange) {
        response.headers[.requestID] = exchange.id
        if surface == .anthropic { response.headers[.anthropicRequestID] = exchange.id }
        let elapsed = exchange.start.duration(to: .now).seconds
        response.headers[.processingMilliseconds] = String(Int((elapsed * 1000).rounded()))
        response.headers[.apiVersion] = "2020-10-01"
        response.headers[.organization] = exchange.request.headers.plain(.organization)
        if let origin = service.configuration.allowedOrigin {
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.accessControlExposeHeaders] = Self.exposedHeaders
        }
    }
}
