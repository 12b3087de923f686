import AnthropicAPI
import Deployments
import JSON
import OpenAIAPI

/// Answers of Anthropic's Messages API.
struct MessagesFormat: AnswerFormat {
    /// The answer's id.
    let id: String
    /// The request's id, for errors.
    let requestID: String
    /// The model's name as the request had it.
    let model: String
    let promptTokenCount: Int
    /// The request's limit, which the context may undercut.
    let maxTokens: Int
    /// Whether the stream's message and its block of text have begun.
    private var isOpen = false

    init(id: String, requestID: String, request: MessagesRequest, promptTokenCount: Int) {
        self.id = id
        self.requestID = requestID
        self.promptTokenCount = promptTokenCount
        model = request.prompt.model
        maxTokens = request.maxTokens
    }

    var framing: StreamFraming { .namedEvents }
    /// Nothing comes before the message, so a request that waits gets comments.
    var silence: JSONValue? { isOpen ? MessagesEvent.ping.json : nil }

    /// Nothing: the message begins once it is known how much of its prompt was cached.
    mutating func opening() -> [JSONValue] { [] }

    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue] {
        switch event {
        case .started(_, let cachedTokenCount):
            return open(cachedTokenCount: cachedTokenCount)
        case .text(_, let delta, _, _):
            if delta.isEmpty { return [] }
            return open() + [MessagesEvent.contentBlockDelta(delta).json]
        case .finished(_, let finish):
            if finish == .cancelled { return [] }
            return open() + [MessagesEvent.contentBlockStop.json]
        case .part, .promptLogprobs, .usage, .failed:
            return []
        }
    }

    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue] {
        let events: [MessagesEvent] = [.messageDelta(stop(answers), usage(answers)), .messageStop]
        return events.map(\.json)
    }

    func failure(_ error: APIError) -> JSONValue { MessagesError(error).json(requestID: requestID) }

    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue {
        MessagesResponse(
            id: id,
            model: model,
            text: answers.answers[0].text,
            stop: stop(answers),
            usage: usage(answers)
        ).json
    }

    private mutating func open(cachedTokenCount: Int = 0) -> [JSONValue] {
        if isOpen { return [] }
        isOpen = true
        let usage = MessagesUsage(promptTokens: promptTokenCount, cachedTokens: cachedTokenCount, outputTokens: 0)
        let message = MessagesResponse(id: id, model: model, text: nil, stop: nil, usage: usage)
        let events: [MessagesEvent] = [.messageStart(message), .contentBlockStart, .ping]
        return events.map(\.json)
    }

    private func usage(_ answers: AnswerCollector) -> MessagesUsage {
        let usage = answers.usage
        return MessagesUsage(
            promptTokens: usage.promptTokens,
            cachedTokens: usage.cachedTokens,
            outputTokens: usage.completionTokens
        )
    }

    private func stop(_ answers: AnswerCollector) -> MessagesStop {
        guard let finish = answers.answers[0].finish, finish.reason == .stop else {
            return answers.usage.completionTokens < maxTokens ? .contextWindow : .maxTokens
        }
        if let text = finish.stop?.stringValue { return .stopSequence(text) }
        return .endTurn
    }
}
