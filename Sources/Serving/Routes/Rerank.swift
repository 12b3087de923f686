import Deployments
import Foundation
import Hummingbird
import Inference
import OpenAIAPI

extension APIService {
    /// `POST /v1/rerank`: documents in the order of how well they answer the query.
    func rerank(_ exchange: Exchange) async throws -> Response {
        let body = try RerankRequest(try await bodies.json(exchange.request))
        let model = try directory.findScorer(body.model)
        var work = ScoringWork(first: [body.query], second: body.documents, parameter: body.parameter)
        work.appliesActivation = body.appliesActivation
        let answer = try await score(work, with: model, for: exchange)
        var results = zip(body.documents, answer.scores).enumerated().map { index, scored in
            RerankResponse.Result(
                index: index,
                score: scored.1,
                document: body.returnsDocuments ? scored.0 : nil
            )
        }
        // Of equal scores the earlier document comes first.
        results.sort { ($0.score, -$0.index) > ($1.score, -$1.index) }
        if let count = body.topCount { results = Array(results.prefix(count)) }
        let response = RerankResponse(
            id: "rerank-" + environment.makeID(),
            model: body.model,
            results: results,
            method: answer.method,
            tokenCount: answer.tokenCount
        )
        return .json(response.json)
    }

    /// `POST /v1/score`: how well the texts of pairs fit one another.
    func score(_ exchange: Exchange) async throws -> Response {
        let body = try ScoreRequest(try await bodies.json(exchange.request))
        let model = try directory.findScorer(body.model)
        var work = ScoringWork(first: body.first, second: body.second, parameter: body.parameter)
        work.appliesActivation = body.appliesActivation
        let answer = try await score(work, with: model, for: exchange)
        let response = ScoreResponse(
            id: "score-" + environment.makeID(),
            created: Int(environment.now().timeIntervalSince1970),
            model: body.model,
            scores: answer.scores,
            method: answer.method,
            tokenCount: answer.tokenCount
        )
        return .json(response.json)
    }

    private func score(
        _ work: ScoringWork,
        with model: EmbeddingDeployment,
        for exchange: Exchange
    ) async throws(APIError) -> ScoringAnswer {
        if model.isCrossEncoder { return try await judge(work, with: model, for: exchange) }
        let texts = EmbeddingWork(
            inputs: (work.first + work.second).map { .text($0) },
            dimensions: nil,
            parameter: work.parameter
        )
        let answer = try await embed(texts, with: model, for: exchange)
        let scores = work.second.indices.map { index in
            Self.cosine(answer.vectors[work.partner(of: index)], answer.vectors[work.first.count + index])
        }
        return ScoringAnswer(scores: scores, method: .cosine, tokenCount: answer.tokenCount)
    }

    /// Scores of a cross-encoder, which reads both texts of a pair together.
    private func judge(
        _ work: ScoringWork,
        with model: EmbeddingDeployment,
        for exchange: Exchange
    ) async throws(APIError) -> ScoringAnswer {
        if let index = work.first.firstIndex(of: "") {
            throw APIError(EmbeddingError.emptyText(index: index), parameter: work.parameter)
        }
        let pairs = EmbeddingWork(
            inputs: work.second.enumerated().map { .pair(work.first[work.partner(of: $0)], $1) },
            dimensions: nil,
            parameter: { work.parameter(work.first.count + $0) }
        )
        let answer = try await embed(pairs, with: model, for: exchange)
        let logits = answer.vectors.map { $0[0] }
        return ScoringAnswer(
            scores: work.appliesActivation ? logits.map { 1 / (1 + exp(-$0)) } : logits,
            method: work.appliesActivation ? .sigmoid : .logit,
            tokenCount: answer.tokenCount
        )
    }

    /// Of vectors of length 1.
    private static func cosine(_ left: [Float], _ right: [Float]) -> Float {
        Float(zip(left, right).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
    }
}

/// Pairs of texts to score.
private struct ScoringWork: Sendable {
    /// One for all of `second`, or one for each.
    var first: [String]
    var second: [String]
    /// Whether a cross-encoder's logits become probabilities.
    var appliesActivation = true
    /// The request's parameter that held text `index` of the first and then the second texts, for errors.
    var parameter: @Sendable (Int) -> String

    init(first: [String], second: [String], parameter: @escaping @Sendable (Int) -> String) {
        self.first = first
        self.second = second
        self.parameter = parameter
    }

    /// Which of `first` belongs to `second[index]`.
    func partner(of index: Int) -> Int { first.count == 1 ? 0 : index }
}

private struct ScoringAnswer {
    /// One for every pair.
    var scores: [Float]
    var method: ScoringMethod
    var tokenCount: Int
}
