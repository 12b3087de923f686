import Deployments
import Foundation
import Hummingbird
import OpenAIAPI
import Tokenization

extension APIService {
    /// `POST /v1/chat/completions`
    func chatCompletions(_ exchange: Exchange) async throws -> Response {
        let body = try ChatCompletionRequest(try await bodies.json(exchange.request))
        let deployment = try directory.find(body.model)
        let chat = try ChatRequest(body, for: deployment, id: exchange.id)
        return try await answer([chat.text], chat.options, on: deployment, for: exchange) { run in
            let tokens = chat.options.returnsTokenIDs ? run.generations[0].promptTokens.map { Int($0.rawValue) } : []
            return ChatFormat(
                header: header("chatcmpl-", chat.options),
                options: chat.options,
                promptTokens: tokens,
                makeID: environment.makeID
            )
        }
    }

    /// The head of an OpenAI object, with a new id.
    func header(_ prefix: String, _ options: AnswerOptions) -> ResponseHeader {
        ResponseHeader(
            id: prefix + environment.makeID(),
            created: Int(environment.now().timeIntervalSince1970),
            model: options.model
        )
    }
}
