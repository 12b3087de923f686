import Deployments
import OpenAIAPI
import Testing
import Tokenization

@testable import Serving

@Suite struct AnswerSegmentsTests {
    private static let token = TokenID(7)

    private func text(_ delta: String, tokens: Int = 1) -> TextEvent {
        .text(choice: 0, delta: delta, tokens: Array(repeating: Self.token, count: tokens), logprobs: [])
    }

    private func part(_ delta: AnswerDelta) -> TextEvent { .part(choice: 0, delta) }

    private func scored(_ delta: String, _ logprob: Float) -> TextEvent {
        let entry = TextLogprob(token: Self.token, text: "x", bytes: [120], logprob: logprob)
        return .text(choice: 0, delta: delta, tokens: [Self.token], logprobs: [entry])
    }

    private func segments(_ events: [TextEvent]) -> AnswerSegments {
        var segments = AnswerSegments()
        for event in events { _ = segments.take(event) }
        return segments
    }

    /// An answer that thinks, speaks and calls twice, in the order and with the tokens of a deployment.
    private var full: [TextEvent] {
        [
            .started(choice: 0, cachedTokenCount: 0), part(.reasoning("h")), text(""), part(.reasoning("m")), text(""),
            text("We"), text("ll"), part(.callStart(index: 0, name: "f")), text(""),
            part(.callArguments(index: 0, "{}")), part(.callEnd(index: 0, isComplete: true)), text(""),
            part(.callStart(index: 1, name: "g")), part(.callArguments(index: 1, "{\"a\"")), text(""),
            part(.callArguments(index: 1, ":1}")), part(.callEnd(index: 1, isComplete: true)), text(""),
            .finished(choice: 0, .endOfSequence),
        ]
    }

    @Test func `thoughts, text and calls are segments in their order`() {
        let segments = segments(full)
        #expect(
            segments.list == [
                AnswerSegment(kind: .thought, text: "hm", isComplete: true),
                AnswerSegment(kind: .text, text: "Well", isComplete: true),
                AnswerSegment(kind: .call("f"), text: "{}", isComplete: true),
                AnswerSegment(kind: .call("g"), text: "{\"a\":1}", isComplete: true),
            ]
        )
        #expect(segments.reasoningTokenCount == 2)
    }

    @Test func `changes rebuild the segments, and each begins and ends once`() {
        var segments = AnswerSegments()
        var (texts, open, ended): ([String], Int?, [Int]) = ([], nil, [])
        for event in full {
            for change in segments.take(event) {
                switch change {
                case .began(let index):
                    #expect(index == texts.count && open == nil)
                    texts.append("")
                    open = index
                case .grew(let index, let delta, _):
                    #expect(index == open)
                    texts[index] += delta
                case .ended(let index):
                    #expect(index == open)
                    ended.append(index)
                    open = nil
                }
            }
        }
        #expect(texts == segments.list.map(\.text) && ended == [0, 1, 2, 3])
    }

    @Test func `an answer without anything is an empty text`() {
        var segments = AnswerSegments()
        #expect(segments.take(.finished(choice: 0, .endOfSequence)) == [.began(0), .ended(0)])
        #expect(segments.list == [AnswerSegment(kind: .text, isComplete: true)])
    }

    @Test func `what the limit cut is known, and what was complete before is not`() {
        let open = segments([text("a"), part(.callStart(index: 0, name: "f")), .finished(choice: 0, .length)])
        #expect(open.list.map { !$0.isComplete } == [false, true])
        let broken = segments([
            part(.callStart(index: 0, name: "f")), part(.callEnd(index: 0, isComplete: false)),
            .finished(choice: 0, .length),
        ])
        #expect(broken.list.map { !$0.isComplete } == [true])
        let whole = segments([
            part(.callStart(index: 0, name: "f")), part(.callEnd(index: 0, isComplete: true)),
            .finished(choice: 0, .length),
        ])
        #expect(whole.list.map { !$0.isComplete } == [false])
    }

    @Test func `log probabilities belong to text only, and wait for it`() {
        let spoken = segments([scored("", -1), scored("é", -2), scored("", -3), .finished(choice: 0, .endOfSequence)])
        #expect(spoken.list[0].logprobs.map(\.logprob) == [-1, -2, -3])
        let thought = segments([
            scored("", -1), part(.reasoning("hm")), scored("", -2), scored("a", -3),
            part(.callStart(index: 0, name: "f")), scored("", -4),
        ])
        #expect(thought.list.map { $0.logprobs.map(\.logprob) } == [[], [-3], []])
    }
}
