import Deployments
import JSON
import OpenAIAPI

/// Answers of `POST /v1/responses`.
struct ResponsesFormat: AnswerFormat {
    /// The response before anything of its answer is there.
    let draft: ModelResponse
    /// What the stream has told so far.
    private var segments = AnswerSegments()
    private var eventCount = 0

    /// When the stream's answer was complete, in seconds since 1970.
    private var completed: Int?
    /// Tells the time, in seconds since 1970.
    private let now: @Sendable () -> Int

    init(draft: ModelResponse, now: @escaping @Sendable () -> Int) {
        self.draft = draft
        self.now = now
    }

    var framing: StreamFraming { .namedEvents }

    mutating func opening() -> [JSONValue] { numbered([.created(draft), .inProgress(draft)]) }

    mutating func chunks(for event: TextEvent, prompt: Int) -> [JSONValue] {
        if case .finished(_, .cancelled) = event { return [] }
        if case .usage = event { completed = now() }
        let changes = segments.take(event)
        return numbered(changes.flatMap(events(for:)))
    }

    func closing(_ answers: AnswerCollector, _ timing: RunTiming) -> [JSONValue] {
        [ModelResponseEvent.ended(response(answers)).json(sequence: eventCount)]
    }

    func failure(_ error: APIError) -> JSONValue {
        ModelResponseEvent.ended(failed(error, segments.list)).json(sequence: eventCount)
    }

    func whole(_ answers: AnswerCollector, _ timing: RunTiming) -> JSONValue { response(answers).json }

    /// The response whose answer is complete.
    func response(_ answers: AnswerCollector) -> ModelResponse {
        let answer = answers.answers[0]
        var response = draft
        // A stop string can end an answer in the middle of a call.
        let isCut = answer.finish?.reason == .length || !answer.segments.allSatisfy(\.isComplete)
        response.status = isCut ? .incomplete : .completed
        if !isCut { response.completed = completed ?? now() }
        response.output = answer.segments.enumerated().map { item($1, $0, $1.isComplete ? .completed : .incomplete) }
        response.usage = answers.usage
        return response
    }

    /// The response of which nobody was told anything, and that came to no end: what there is of it.
    func failed(_ answers: AnswerCollector, with error: APIError, as status: ModelResponse.Status) -> ModelResponse {
        var response = failed(error, answers.answers[0].segments)
        response.status = status
        if status != .failed { response.error = nil }
        // Not told where the engine never got to it: every prompt has tokens.
        if answers.usage.promptTokens > 0 { response.usage = answers.usage }
        return response
    }

    private func failed(_ error: APIError, _ segments: [AnswerSegment]) -> ModelResponse {
        var response = draft
        response.status = .failed
        response.error = error
        response.output = segments.enumerated().map { item($1, $0, .incomplete) }
        return response
    }

    private mutating func numbered(_ events: [ModelResponseEvent]) -> [JSONValue] {
        let first = eventCount
        eventCount += events.count
        return events.enumerated().map { $1.json(sequence: first + $0) }
    }

    private func events(for change: AnswerSegments.Change) -> [ModelResponseEvent] {
        switch change {
        case .began(let index):
            var start = segments.list[index]
            start.text = ""
            var item = item(start, index, .inProgress)
            if case .message(let role, _) = item.content { item.content = .message(role, []) }
            let added = ModelResponseEvent.itemAdded(item, outputIndex: index)
            return start.kind.part.map { [added, .partAdded($0, place(index))] } ?? [added]
        case .grew(let index, let delta, let logprobs):
            guard let kind = segments.list[index].kind.part else { return [.argumentsDelta(delta, place(index))] }
            return [.partDelta(kind, delta, logprobs: logprobs, place(index))]
        case .ended(let index):
            let segment = segments.list[index]
            let item = item(segment, index, segment.isComplete ? .completed : .incomplete)
            let done = ModelResponseEvent.itemDone(item, outputIndex: index)
            if case .call(let name) = segment.kind {
                return [.argumentsDone(name: name, arguments: segment.text, place(index)), done]
            }
            guard let kind = segment.kind.part else { return [done] }
            let part = ResponseItem.Part(segment.text, logprobs: segment.logprobs)
            return [.textDone(kind, part, place(index)), .partDone(kind, part, place(index)), done]
        }
    }

    private func place(_ index: Int) -> ModelResponseEvent.Place {
        ModelResponseEvent.Place(itemID: item(segments.list[index], index, .inProgress).id ?? "", outputIndex: index)
    }

    /// Item number `index`, named after the response, so that a stream and the whole name it alike.
    private func item(_ segment: AnswerSegment, _ index: Int, _ status: ResponseItem.Status) -> ResponseItem {
        let name = draft.id.dropFirst(Self.prefix.count) + "_\(index)"
        let content: ResponseItem.Content =
            switch segment.kind {
            case .thought: .reasoning(segment.text)
            case .text: .message(.assistant, [ResponseItem.Part(segment.text, logprobs: segment.logprobs)])
            case .call(let function): .call(id: "call_" + name, name: function, arguments: segment.text)
            }
        var item = ResponseItem(content, status: status)
        item.id = item.prefix + name
        return item
    }

    /// What the name of every response begins with.
    static let prefix = "resp_"
}

extension AnswerSegment.Kind {
    /// The kind of part in such an item; nil for calls, which have none.
    fileprivate var part: ModelResponseEvent.PartKind? {
        switch self {
        case .thought: .reasoning
        case .text: .text
        case .call: nil
        }
    }
}
