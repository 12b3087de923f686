import Deployments
import Hummingbird
import OpenAIAPI
import Tokenization

extension APIService {
    /// `POST /tokenize`
    func tokenize(_ exchange: Exchange) async throws -> Response {
        let body = try TokenizeRequest(try await bodies.json(exchange.request))
        let model = try directory.findModel(body.model)
        let tokens =
            switch model {
            case .text(let deployment): try await encode(body.input, on: deployment)
            case .embedding(let embedder): try encode(body.input, on: embedder)
            }
        let texts = body.returnsTokenTexts ? tokens.map { model.tokenizer.piece($0) } : nil
        let ids = tokens.map { Int($0.rawValue) }
        return .json(TokenizeResponse(tokens: ids, contextLength: model.contextLength, tokenTexts: texts).json)
    }

    /// `POST /detokenize`
    func detokenize(_ exchange: Exchange) async throws -> Response {
        let body = try DetokenizeRequest(try await bodies.json(exchange.request))
        let tokenizer = try directory.findModel(body.model).tokenizer
        let size = tokenizer.vocabularySize
        for (index, token) in body.tokens.enumerated() where token >= size {
            throw APIError.invalidValue(
                "tokens[\(index)]",
                "token id \(token) is not in the vocabulary (0 to \(size - 1))."
            )
        }
        let text = tokenizer.decode(body.tokens.map { TokenID($0) }, skipSpecial: false)
        return .json(DetokenizeResponse(prompt: text).json)
    }

    private func encode(
        _ input: TokenizeRequest.Input,
        on deployment: Deployment
    ) async throws(APIError) -> [TokenID] {
        let prompt: PromptSource
        var addsSpecial = true
        switch input {
        case .text(let text, let addsSpecialTokens):
            prompt = .text(text)
            addsSpecial = addsSpecialTokens
        case .chat(let messages, let addsGenerationPrompt, let continuesFinalMessage, let templateArguments):
            let chat = ChatPrompt(
                messages: messages.map(\.templateValue),
                addGenerationPrompt: addsGenerationPrompt && !continuesFinalMessage,
                continueFinalMessage: continuesFinalMessage,
                templateArguments: templateArguments
            )
            prompt = .chat(chat)
        }
        do {
            return try await deployment.encode(prompt, addsSpecialTokens: addsSpecial)
        } catch {
            throw APIError(error, prompt: prompt.parameter)
        }
    }

    /// The tokens that `embedder` reads for a text: what looks like a special token in it is text.
    private func encode(
        _ input: TokenizeRequest.Input,
        on embedder: EmbeddingDeployment
    ) throws(APIError) -> [TokenID] {
        switch input {
        case .text(let text, let addsSpecialTokens):
            embedder.tokenizer.encode(text, addSpecial: addsSpecialTokens, parseSpecial: false)
        case .chat:
            throw .invalidValue("messages", "the model '\(embedder.name)' writes no text; give it a 'prompt'.")
        }
    }
}
