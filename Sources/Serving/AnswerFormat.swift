import Deployments
import JSON
import OpenAIAPI
import Tokenization

/// The wire objects of one endpoint: how whole answers and the pieces of a stream are written.
protocol AnswerFormat: Sendable {
    /// How a stream's objects are told apart.
    var framing: StreamFraming { get }
    /// The object that fills a long silence of a stream; nil where a comment does.
    var silence: JSONValue? { get }
    /// The objects that open a stream.
    mutating func opening() -> [JSONValue]
    /// The objects that `event` of prompt number `prompt` becomes; often one, sometimes none.
    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue]
    /// The objects that end a stream whose answers are complete.
    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue]
    /// The object that ends a stream which broke.
    func failure(_ error: APIError) -> JSONValue
    /// The object of a whole answer.
    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue
}

/// What OpenAI's endpoints have in common.
extension AnswerFormat {
    var framing: StreamFraming { .events }
    var silence: JSONValue? { nil }
    func failure(_ error: APIError) -> JSONValue { error.json }
}

/// Chats.
struct ChatFormat: AnswerFormat {
    let header: ResponseHeader
    let options: AnswerOptions
    /// The prompt's token ids.
    let promptTokens: [Int]
    /// Makes names for calls.
    let makeID: @Sendable () -> String
    /// Calls that each choice has begun, and how many of them came to their end.
    private var calls: [Int: (begun: Int, ended: Int)] = [:]

    init(
        header: ResponseHeader,
        options: AnswerOptions,
        promptTokens: [Int],
        makeID: @escaping @Sendable () -> String
    ) {
        self.header = header
        self.options = options
        self.promptTokens = promptTokens
        self.makeID = makeID
    }

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
        case .part(let choice, let part):
            return delta(part, of: choice).map { [chunk(.choice(choice, $0)).json] } ?? []
        case .finished(let choice, let finish):
            guard let finish = WireFinish(ending: finish) else { return [] }
            let areWhole = calls[choice].map { $0.begun == $0.ended } ?? false
            return [chunk(.choice(choice, .finish(withCalls(finish, areWhole: areWhole)))).json]
        case .started, .promptLogprobs, .usage, .failed:
            return []
        }
    }

    private mutating func delta(_ part: AnswerDelta, of choice: Int) -> ChatCompletionChunk.Delta? {
        let isLegacy = options.callsAreLegacy
        switch part {
        case .reasoning(let text): return .reasoning(text, logprobs: nil, tokens: nil)
        case .content(let text): return .text(text, logprobs: nil, tokens: nil)
        case .callStart(let index, let name):
            calls[choice, default: (0, 0)].begun += 1
            return .toolCall(index: index, .start(id: "call_" + makeID(), name: name), isLegacy: isLegacy)
        case .callArguments(let index, let text):
            return .toolCall(index: index, .arguments(text), isLegacy: isLegacy)
        case .callEnd(_, let isComplete):
            if isComplete { calls[choice, default: (0, 0)].ended += 1 }
            return nil
        }
    }

    /// An answer with calls that came to its end stopped to have them made. One that a stop string cut short, or whose calls
    /// are not whole, did not: clients would make what is left of them.
    ///
    /// - Parameter areWhole: whether there are calls, each with its end.
    private func withCalls(_ finish: WireFinish, areWhole: Bool) -> WireFinish {
        guard areWhole, finish.reason == .stop, finish.stop?.stringValue == nil else { return finish }
        return WireFinish(options.callsAreLegacy ? .functionCall : .toolCalls, stop: finish.stop)
    }

    /// The usage, where it was asked for.
    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue] {
        announcesUsage ? [chunk(.usage(answers.usage)).json] : []
    }

    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue {
        let choices = answers.answers.enumerated().map { index, answer in
            var choice = ChatCompletionResponse.Choice(
                index: index,
                text: answer.text,
                finish: withCalls(answer.finish ?? WireFinish(.length), areWhole: answer.hasWholeCalls)
            )
            choice.callsAreLegacy = options.callsAreLegacy
            choice.reasoning = answer.reasoning.isEmpty ? nil : answer.reasoning
            choice.toolCalls = answer.calls.map { call in
                WireToolCall(id: "call_" + makeID(), name: call.name, arguments: call.arguments)
            }
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
