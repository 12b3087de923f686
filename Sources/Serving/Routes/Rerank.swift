import Deployments
import Foundation
import Hummingbird
import Inference
import OpenAIAPI

extension APIService {
    /// `POST /v1/rerank`: documents in the order of their cosine with the query.
    func rerank(_ exchange: Exchange) async throws -> Response {
        let body = try RerankRequest(try await bodies.json(exchange.request))
        let embedder = try directory.findEmbedder(body.model)
        let answer = try await vectors(of: [body.query] + body.documents, with: embedder, exchange, body.parameter)
        let query = answer.vectors[0]
        var results = body.documents.enumerated().map { index, document in
            RerankResponse.Result(
                index: index,
                score: Self.cosine(query, answer.vectors[index + 1]),
                document: body.returnsDocuments ? document : nil
            )
        }
        // Of equal scores the earlier document comes first.
        results.sort { ($0.score, -$0.index) > ($1.score, -$1.index) }
        if let count = body.topCount { results = Array(results.prefix(count)) }
        let response = RerankResponse(
            id: "rerank-" + environment.makeID(),
            model: body.model,
            results: results,
            tokenCount: answer.tokenCount
        )
        return .json(response.json)
    }

    /// `POST /v1/score`: the cosine of pairs of texts.
    func score(_ exchange: Exchange) async throws -> Response {
        let body = try ScoreRequest(try await bodies.json(exchange.request))
        let embedder = try directory.findEmbedder(body.model)
        let answer = try await vectors(of: body.first + body.second, with: embedder, exchange, body.parameter)
        let scores = body.second.indices.map { index in
            let first = answer.vectors[body.first.count == 1 ? 0 : index]
            return Self.cosine(first, answer.vectors[body.first.count + index])
        }
        let response = ScoreResponse(
            id: "score-" + environment.makeID(),
            created: Int(environment.now().timeIntervalSince1970),
            model: body.model,
            scores: scores,
            tokenCount: answer.tokenCount
        )
        return .json(response.json)
    }

    private func vectors(
        of texts: [String],
        with embedder: EmbeddingDeployment,
        _ exchange: Exchange,
        _ parameter: (Int) -> String
    ) async throws -> EmbeddingAnswer {
        do {
            return try await embed(texts.map { .text($0) }, with: embedder, for: exchange)
        } catch let error as EmbeddingError {
            throw APIError(error, parameter: parameter)
        }
    }

    /// Of vectors of length 1.
    private static func cosine(_ left: [Float], _ right: [Float]) -> Float {
        Float(zip(left, right).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
    }
}
