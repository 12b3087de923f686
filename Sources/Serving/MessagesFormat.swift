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
    let thinking: MessagesThinking
    /// Makes names for calls.
    let makeID: @Sendable () -> String
    /// Whether the stream's message has begun.
    private var isOpen = false
    /// The kind of block that the stream is in; nil before the first.
    private var block: AnswerSegment.Kind?
    /// Blocks of content that the stream has begun.
    private var blockCount = 0

    init(
        requestID: String,
        request: MessagesRequest,
        promptTokenCount: Int,
        makeID: @escaping @Sendable () -> String
    ) {
        id = "msg_" + makeID()
        self.requestID = requestID
        self.promptTokenCount = promptTokenCount
        self.makeID = makeID
        model = request.prompt.model
        thinking = request.prompt.thinking
        maxTokens = request.maxTokens
    }

    var framing: StreamFraming { .namedEvents }
    /// Nothing comes before the message, so a request that waits gets comments.
    var silence: JSONValue? { isOpen ? MessagesEvent.ping.json : nil }

    /// Nothing: the message begins once it is known how much of its prompt was cached.
    mutating func opening() -> [JSONValue] { [] }

    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue] {
        events(for: event).map(\.json)
    }

    private mutating func events(for event: TextEvent) -> [MessagesEvent] {
        switch event {
        case .started(_, let cachedTokenCount):
            return open(cachedTokenCount: cachedTokenCount)
        case .text(_, let text, _, _):
            return text.isEmpty ? [] : open() + enter(.text) + delta(.text(text))
        case .part(_, let part):
            return open() + events(for: part)
        case .finished(_, let finish):
            if finish == .cancelled { return [] }
            // An answer has a block in any case.
            return open() + (block == nil ? enter(.text) : []) + leave()
        case .promptLogprobs, .usage, .failed:
            return []
        }
    }

    private mutating func events(for part: AnswerDelta) -> [MessagesEvent] {
        switch part {
        case .reasoning(let text):
            if !thinking.isShown || text.isEmpty { return [] }
            return enter(.thought) + (thinking.isOmitted ? [] : delta(.thinking(text)))
        case .content(let text): return text.isEmpty ? [] : enter(.text) + delta(.text(text))
        case .callStart(_, let name): return leave() + enter(.call(name))
        case .callArguments(_, let text): return text.isEmpty ? [] : delta(.input(text))
        case .callEnd: return []
        }
    }

    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue] {
        let events: [MessagesEvent] = [.messageDelta(stop(answers), usage(answers)), .messageStop]
        return events.map(\.json)
    }

    func failure(_ error: APIError) -> JSONValue { MessagesError(error).json(requestID: requestID) }

    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue {
        var segments: [AnswerSegment] = []
        for segment in answers.answers[0].segments where segment.kind != .thought || thinking.isShown {
            if segment.kind == .text { segments.add(segment.text, to: .text) } else { segments.append(segment) }
        }
        let blocks = segments.map(block(of:))
        return MessagesResponse(
            id: id,
            model: model,
            content: blocks.isEmpty ? [.text("")] : blocks,
            stop: stop(answers),
            usage: usage(answers)
        ).json
    }

    private func block(of segment: AnswerSegment) -> MessagesBlock {
        switch segment.kind {
        case .text: return .text(segment.text)
        case .thought: return .thinking(thinking.isOmitted ? "" : segment.text)
        case .call(let name):
            let input = JSONObject(arguments: segment.text) ?? JSONObject(cutOff: segment.text)
            return .toolUse(id: makeCallID(), name: name, input: input)
        }
    }

    private func makeCallID() -> String { "toolu_" + makeID() }

    // MARK: Streaming

    private mutating func open(cachedTokenCount: Int = 0) -> [MessagesEvent] {
        if isOpen { return [] }
        isOpen = true
        let usage = MessagesUsage(promptTokens: promptTokenCount, cachedTokens: cachedTokenCount, outputTokens: 0)
        return [.messageStart(MessagesResponse(id: id, model: model, content: [], stop: nil, usage: usage))]
    }

    /// Begins a block of this kind where the stream is not in one already.
    private mutating func enter(_ kind: AnswerSegment.Kind) -> [MessagesEvent] {
        if block == kind { return [] }
        let end = leave()
        let begun: MessagesBlock =
            switch kind {
            case .text: .text("")
            case .thought: .thinking("")
            case .call(let name): .toolUse(id: makeCallID(), name: name, input: [:])
            }
        block = kind
        blockCount += 1
        let start = MessagesEvent.contentBlockStart(index: blockCount - 1, begun)
        return end + [start] + (blockCount == 1 ? [.ping] : [])
    }

    /// Ends the block that the stream is in.
    private mutating func leave() -> [MessagesEvent] {
        guard let kind = block else { return [] }
        block = nil
        return (kind == .thought ? delta(.signature) : []) + [.contentBlockStop(index: blockCount - 1)]
    }

    private func delta(_ delta: MessagesDelta) -> [MessagesEvent] {
        [.contentBlockDelta(index: blockCount - 1, delta)]
    }

    // MARK: The end

    private func usage(_ answers: AnswerCollector) -> MessagesUsage {
        let usage = answers.usage
        return MessagesUsage(
            promptTokens: usage.promptTokens,
            cachedTokens: usage.cachedTokens,
            outputTokens: usage.completionTokens
        )
    }

    private func stop(_ answers: AnswerCollector) -> MessagesStop {
        let answer = answers.answers[0]
        guard let finish = answer.finish, finish.reason == .stop else {
            return answers.usage.completionTokens < maxTokens ? .contextWindow : .maxTokens
        }
        if let text = finish.stop?.stringValue { return .stopSequence(text) }
        return answer.calls.isEmpty ? .endTurn : .toolUse
    }
}
