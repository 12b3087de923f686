import Deployments
import Hummingbird
import OpenAIAPI
import Tokenization

extension APIService {
    /// `POST /v1/completions`
    func completions(_ exchange: Exchange) async throws -> Response {
        let body = try CompletionRequest(try await bodies.json(exchange.request))
        let deployment = try directory.find(body.model)
        let batch = try CompletionBatch(body, for: deployment, id: exchange.id)
        return try await answer(batch.texts, batch.options, on: deployment, for: exchange) { run in
            let prompts = zip(batch.texts, run.generations).map { text, generation in
                batch.echo(of: text.prompt, tokens: generation.promptTokens, deployment.tokenizer)
            }
            return CompletionFormat(header: header("cmpl-", batch.options), options: batch.options, prompts: prompts)
        }
    }
}

extension CompletionBatch {
    /// What the answer shows of a prompt.
    fileprivate func echo(of prompt: PromptSource, tokens: [TokenID], _ tokenizer: Tokenizer) -> PromptEcho {
        var echo = PromptEcho(tokens: tokens.map { Int($0.rawValue) }, tokenBytes: [])
        guard echoesPrompt else { return echo }
        switch prompt {
        case .text(let text): echo.text = text
        case .tokens, .chat, .between: echo.text = tokenizer.decode(tokens, skipSpecial: false)
        }
        if options.reportsLogprobs { echo.tokenBytes = tokens.map { tokenizer.bytes(of: $0) } }
        return echo
    }
}
