import Deployments
import Foundation
import Hummingbird
import OpenAIAPI

extension APIService {
    /// `POST /v1/rerank`: documents in the order of their cosine with the query.
    func rerank(_ exchange: Exchange) async throws -> Response {
        let body = try RerankRequest(try await bodies.json(exchange.request))
        let embedder = try directory.findEmbedder(body.model)
        let work = EmbeddingWork(texts: [body.query] + body.documents, parameter: body.parameter)
        let answer = try await embed(work, with: embedder, for: exchange)
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
        let work = EmbeddingWork(texts: body.first + body.second, parameter: body.parameter)
        let answer = try await embed(work, with: embedder, for: exchange)
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

    /// Of vectors of length 1.
    private static func cosine(_ left: [Float], _ right: [Float]) -> Float {
        Float(zip(left, right).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
    }
}

extension EmbeddingWork {
    /// Whole vectors of texts.
    fileprivate init(texts: [String], parameter: @escaping @Sendable (Int) -> String) {
        self.init(inputs: texts.map { .text($0) }, dimensions: nil, parameter: parameter)
    }
}
