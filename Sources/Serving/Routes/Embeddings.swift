import Deployments
import Hummingbird
import Inference
import Logging
import NIOCore
import OpenAIAPI
import Synchronization
import Tokenization

extension APIService {
    /// `POST /v1/embeddings`
    func embeddings(_ exchange: Exchange) async throws -> Response {
        let body = try EmbeddingRequest(try await bodies.json(exchange.request))
        let embedder = try directory.findEmbedder(body.model)
        let inputs = body.inputs.map { input -> EmbeddingInput in
            switch input {
            case .text(let text): .text(text)
            case .tokens(let tokens): .tokens(tokens.map { TokenID($0) })
            }
        }
        let answer: EmbeddingAnswer
        do {
            answer = try await embed(inputs, dimensions: body.dimensions, with: embedder, for: exchange)
        } catch let error as EmbeddingError {
            throw APIError(error, parameter: body.parameter)
        }
        let response = EmbeddingResponse(
            model: body.model,
            vectors: answer.vectors,
            encoding: body.encoding,
            tokenCount: answer.tokenCount
        )
        return .json(response.json)
    }

    /// Embeds within the server's bounds: not while it stops, not longer than a request may take, and not for a client that
    /// has gone.
    func embed(
        _ inputs: [EmbeddingInput],
        dimensions: Int? = nil,
        with embedder: EmbeddingDeployment,
        for exchange: Exchange
    ) async throws -> EmbeddingAnswer {
        let interruption = Interruption()
        let permit = try gate.enter { interruption.end($0) }
        defer { permit.leave() }
        let work = Task { () async -> Result<EmbeddingAnswer, EmbeddingError> in
            do throws(EmbeddingError) {
                return .success(try await embedder.embed(inputs, dimensions: dimensions))
            } catch {
                return .failure(error)
            }
        }
        interruption.onEnd { work.cancel() }
        let watch = try? await exchange.scope.channel.pipeline.handler(type: ConnectionWatch.self).get()
        let registration = watch?.onClose { work.cancel() }
        defer { if let registration { watch?.forget(registration) } }
        let (timeout, clock) = (configuration.requestTimeout, environment.clock)
        let deadline = Task {
            try await clock.sleep(for: timeout)
            interruption.end(.generationTimedOut(after: timeout))
        }
        defer { deadline.cancel() }
        let result = await work.value
        if case .failure = result, let error = interruption.error { throw error }
        let answer = try result.get()
        logger.info(
            "request done",
            metadata: [
                "request.id": "\(exchange.id)", "model": "\(embedder.name)", "texts": "\(inputs.count)",
                "tokens.prompt": "\(answer.tokenCount)", "seconds": "\(exchange.start.duration(to: .now).seconds)",
            ]
        )
        return answer
    }
}

/// What ends a request early, which may happen before there is anything to end.
private final class Interruption: Sendable {
    private struct State {
        var error: APIError?
        var action: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Why it was ended; nil while it was not.
    var error: APIError? { state.withLock { $0.error } }

    /// Ends it. The first reason stands.
    func end(_ error: APIError) {
        let action = state.withLock { state in
            state.error = state.error ?? error
            return state.action
        }
        action?()
    }

    /// What to do at the end; at once when it has come.
    func onEnd(_ action: @escaping @Sendable () -> Void) {
        let hasEnded = state.withLock { state in
            state.action = action
            return state.error != nil
        }
        if hasEnded { action() }
    }
}

extension APIError {
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
        case .queueFull:
            self = .overloaded(message)
        case .draining:
            self = .draining
        case .cancelled:
            self = .generationFailed(message)
        }
    }
}
