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
        var work = EmbeddingWork(inputs: inputs, dimensions: body.dimensions, parameter: body.parameter)
        work.tokenLimit = EmbeddingRequest.tokenLimit
        let answer = try await embed(work, with: embedder, for: exchange)
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
        _ work: EmbeddingWork,
        with embedder: EmbeddingDeployment,
        for exchange: Exchange
    ) async throws(APIError) -> EmbeddingAnswer {
        let interruption = Interruption()
        let permit = try gate.enter { interruption.end($0) }
        defer { permit.leave() }
        let task = Task { () async -> Result<EmbeddingAnswer, APIError> in
            do throws(APIError) {
                return .success(try await work.run(on: embedder))
            } catch {
                return .failure(error)
            }
        }
        interruption.onEnd { _ in task.cancel() }
        let hasGone = Mutex(false)
        let unwatch = await ConnectionWatch.onClose(of: exchange.scope.channel) {
            hasGone.withLock { $0 = true }
            task.cancel()
        }
        defer { unwatch() }
        let (timeout, clock) = (configuration.requestTimeout, environment.clock)
        let deadline = Task {
            try await clock.sleep(for: timeout)
            interruption.end(.generationTimedOut(after: timeout))
        }
        defer { deadline.cancel() }
        let result = await task.value
        if hasGone.withLock({ $0 }) { metrics.countDisconnect() }
        switch result {
        case .success(let answer):
            log(answer, of: embedder, for: exchange)
            return answer
        case .failure(let error):
            throw interruption.error ?? error
        }
    }

    /// Writes the request's line in the log. Texts are never logged.
    private func log(_ answer: EmbeddingAnswer, of embedder: EmbeddingDeployment, for exchange: Exchange) {
        logger.info(
            "request done",
            metadata: [
                "model": "\(embedder.name)", "texts": "\(answer.vectors.count)",
                "tokens.prompt": "\(answer.tokenCount)",
                "seconds": "\(Self.rounded(exchange.start.duration(to: .now).seconds))",
            ].adding(exchange.names)
        )
    }
}

/// What a request wants embedded.
struct EmbeddingWork: Sendable {
    var inputs: [EmbeddingInput]
    /// Floats to keep of each vector; nil keeps all.
    var dimensions: Int?
    /// Whether texts that do not fit the model's context lose their end.
    var truncates = false
    /// Most tokens of all texts; nil for any number.
    var tokenLimit: Int?
    /// The request's parameter that held text `index`, for errors.
    var parameter: @Sendable (Int) -> String

    /// The vectors, once what the request may ask for is known not to be exceeded.
    func run(on embedder: EmbeddingDeployment) async throws(APIError) -> EmbeddingAnswer {
        let texts: EncodedTexts
        do {
            texts = try await embedder.encode(inputs, truncates: truncates)
        } catch {
            throw APIError(error, parameter: parameter)
        }
        if let tokenLimit, texts.tokenCount > tokenLimit {
            throw .tooManyTokens(texts.tokenCount, limit: tokenLimit)
        }
        do {
            return try await embedder.embed(texts, dimensions: dimensions)
        } catch {
            throw APIError(error, parameter: parameter)
        }
    }
}
