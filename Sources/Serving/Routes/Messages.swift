import AnthropicAPI
import Deployments
import Hummingbird
import OpenAIAPI

extension APIService {
    /// `POST /v1/messages`
    func messages(_ exchange: Exchange) async throws -> Response {
        let body = try MessagesRequest(try await bodies.json(exchange.request))
        let deployment = try directory.find(body.prompt.model)
        let chat = try ChatRequest(body, for: deployment, id: exchange.id)
        return try await answer([chat.text], chat.options, on: deployment, for: exchange) { run in
            MessagesFormat(
                requestID: exchange.id,
                request: body,
                promptTokenCount: run.generations[0].promptTokens.count,
                makeID: environment.makeID
            )
        }
    }

    /// `POST /v1/messages/count_tokens`
    func countTokens(_ exchange: Exchange) async throws -> Response {
        let body = try CountTokensRequest(try await bodies.json(exchange.request))
        let deployment = try directory.find(body.prompt.model)
        let prompt = PromptSource.chat(try body.prompt.chat(for: deployment))
        do {
            return .json(CountTokensResponse(inputTokens: try await deployment.encode(prompt).count).json)
        } catch {
            throw APIError(error, prompt: prompt.parameter)
        }
    }
}
