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
        let (run, permit) = try await start([chat.text], on: deployment, for: exchange)
        let header = ResponseHeader(
            id: "chatcmpl-" + environment.makeID(),
            created: Int(environment.now().timeIntervalSince1970),
            model: chat.options.model
        )
        let tokens = chat.options.returnsTokenIDs ? run.generations[0].promptTokens.map { Int($0.rawValue) } : []
        let format = ChatFormat(
            header: header,
            options: chat.options,
            promptTokens: tokens,
            makeID: environment.makeID
        )
        return try await answer(
            Answering(
                exchange: exchange,
                deployment: deployment,
                run: run,
                format: format,
                options: chat.options,
                permit: permit,
                recorder: RunRecorder()
            )
        )
    }
}
