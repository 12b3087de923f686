import Deployments
import OpenAIAPI

/// The segments of one answer in the order in which it came to them. Pure: no clock, no `await`.
struct AnswerSegments: Sendable {
    /// What an event did to the segments.
    enum Change: Equatable {
        /// A segment began at the end of the list, empty.
        case began(Int)
        /// A segment got longer; `delta` may be empty where only log probabilities came.
        case grew(Int, delta: String, logprobs: [WireLogprob])
        /// Nothing more comes to a segment.
        case ended(Int)
    }

    private(set) var list: [AnswerSegment] = []
    /// Tokens that were thought, not said.
    private(set) var reasoningTokenCount = 0
    /// The segment that may still grow.
    private var openIndex: Int?
    /// Where in the list each call stands.
    private var callIndices: [Int: Int] = [:]
    /// Log probabilities of tokens whose text is not certain yet.
    private var heldLogprobs: [WireLogprob] = []

    mutating func take(_ event: TextEvent) -> [Change] {
        switch event {
        case .text(_, let delta, let tokens, let logprobs):
            return takeText(delta, tokenCount: tokens.count, logprobs.map(WireLogprob.init))
        case .part(_, .reasoning(let text)): return grow(.thought, text)
        case .part(_, .content(let text)): return takeText(text, tokenCount: 0, [])
        case .part(_, .callStart(let index, let name)):
            let changes = begin(.call(name))
            callIndices[index] = list.count - 1
            return changes
        case .part(_, .callArguments(let index, let text)):
            guard let segment = callIndices[index] else { return [] }
            list[segment].text += text
            return [.grew(segment, delta: text, logprobs: [])]
        case .part(_, .callEnd(let index, let isComplete)):
            guard let segment = callIndices[index], segment == openIndex else { return [] }
            return end(isComplete: isComplete, isCallsOwn: true)
        case .finished(_, let finish): return end(of: finish)
        case .started, .promptLogprobs, .usage, .failed: return []
        }
    }

    private mutating func takeText(_ delta: String, tokenCount: Int, _ logprobs: [WireLogprob]) -> [Change] {
        let kind = openIndex.map { list[$0].kind }
        if delta.isEmpty {
            if kind == .thought { reasoningTokenCount += tokenCount }
            // Marks and thoughts have log probabilities, too, but are no text.
            if logprobs.isEmpty || (kind ?? .text) != .text { return [] }
            guard let openIndex else {
                heldLogprobs += logprobs
                return []
            }
            list[openIndex].logprobs += logprobs
            return [.grew(openIndex, delta: "", logprobs: logprobs)]
        }
        var changes = kind == .text ? [] : begin(.text)
        let index = list.count - 1
        let logprobs = heldLogprobs + logprobs
        heldLogprobs = []
        list[index].text += delta
        list[index].logprobs += logprobs
        changes.append(.grew(index, delta: delta, logprobs: logprobs))
        return changes
    }

    private mutating func grow(_ kind: AnswerSegment.Kind, _ delta: String) -> [Change] {
        if delta.isEmpty { return [] }
        heldLogprobs = []
        let isOpen = openIndex.map { list[$0].kind } == kind
        var changes = isOpen ? [] : begin(kind)
        let index = list.count - 1
        list[index].text += delta
        changes.append(.grew(index, delta: delta, logprobs: []))
        return changes
    }

    private mutating func begin(_ kind: AnswerSegment.Kind) -> [Change] {
        let changes = end()
        if kind != .text { heldLogprobs = [] }
        list.append(AnswerSegment(kind: kind))
        openIndex = list.count - 1
        return changes + [.began(list.count - 1)]
    }

    /// - Parameter isCallsOwn: whether a call's end was met; without it a call is not complete.
    private mutating func end(isComplete: Bool = true, isCallsOwn: Bool = false) -> [Change] {
        guard let index = openIndex else { return [] }
        if case .call = list[index].kind {
            list[index].isComplete = isComplete && isCallsOwn
        } else {
            list[index].isComplete = isComplete
        }
        openIndex = nil
        return [.ended(index)]
    }

    /// An answer without anything is an empty text.
    private mutating func end(of finish: TextFinish) -> [Change] {
        let changes = list.isEmpty ? begin(.text) : []
        return changes + end(isComplete: finish != .length)
    }
}
