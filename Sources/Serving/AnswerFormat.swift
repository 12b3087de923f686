import Deployments
import JSON
import OpenAIAPI
import Tokenization

/// The wire objects of one endpoint: how whole answers and the pieces of a stream are written.
protocol AnswerFormat: Sendable {
    /// The objects that open a stream.
    mutating func opening() -> [JSONValue]
    /// The objects that `event` of prompt number `prompt` becomes; often one, sometimes none.
    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue]
    /// The object that ends a stream whose caller asked for usage.
    func closing(_ usage: Usage) -> JSONValue
    /// The object of a whole answer.
    func whole(_ answers: AnswerCollector) -> JSONValue
}

/// Chats.
struct ChatFormat: AnswerFormat {
    let header: ResponseHeader
    let options: AnswerOptions
    /// The prompt's token ids.
    let promptTokens: [Int]

    private var announcesUsage: Bool { options.streaming?.includesUsage == true }

    mutating func opening() -> [JSONValue] {
        (0..<options.choiceCount).map { choice in
            var chunk = chunk(.choice(choice, .role))
            if choice == 0, options.returnsTokenIDs { chunk.promptTokens = promptTokens }
            return chunk.json
        }
    }

    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue] {
        switch event {
        case .text(let choice, let delta, let tokens, let logprobs):
            let isSilent = delta.isEmpty && logprobs.isEmpty && (tokens.isEmpty || !options.returnsTokenIDs)
            if isSilent { return [] }
            let text = ChatCompletionChunk.Delta.text(
                delta,
                logprobs: options.reportsLogprobs ? logprobs.map(WireLogprob.init) : nil,
                tokens: options.returnsTokenIDs ? tokens.map { Int($0.rawValue) } : nil
            )
            return [chunk(.choice(choice, text)).json]
        case .finished(let choice, let finish):
            guard let finish = WireFinish(ending: finish) else { return [] }
            return [chunk(.choice(choice, .finish(finish))).json]
        case .started, .promptLogprobs, .usage, .failed:
            return []
        }
    }

    func closing(_ usage: Usage) -> JSONValue { chunk(.usage(usage)).json }

    func whole(_ answers: AnswerCollector) -> JSONValue {
        let choices = answers.answers.enumerated().map { index, answer in
            var choice = ChatCompletionResponse.Choice(
                index: index,
                text: answer.text,
                finish: answer.finish ?? WireFinish(.length)
            )
            if options.reportsLogprobs { choice.logprobs = answer.logprobs }
            if options.returnsTokenIDs { choice.tokens = answer.tokens }
            return choice
        }
        let prompt = options.returnsTokenIDs ? promptTokens : nil
        return ChatCompletionResponse(header: header, choices: choices, usage: answers.usage, promptTokens: prompt).json
    }

    private func chunk(_ content: ChatCompletionChunk.Content) -> ChatCompletionChunk {
        ChatCompletionChunk(header: header, content: content, announcesUsage: announcesUsage)
    }
}
