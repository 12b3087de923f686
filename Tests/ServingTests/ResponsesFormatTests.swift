import Deployments
import JSON
import OpenAIAPI
import Testing
import Tokenization

@testable import Serving

@Suite struct ResponsesFormatTests {
    private let timing = RunTiming(waiting: .zero, prefill: .zero, decode: .zero)

    private var format: ResponsesFormat {
        ResponsesFormat(draft: ModelResponse(id: "resp_1", created: 7, model: "m", echo: [:])) { 9 }
    }

    /// A model that thinks, speaks, and calls a function.
    private static let events: [TextEvent] = [
        .started(choice: 0, cachedTokenCount: 3), .part(choice: 0, .reasoning("hm")),
        .text(choice: 0, delta: "", tokens: [TokenID(1)], logprobs: []),
        .text(choice: 0, delta: "Hi", tokens: [TokenID(2)], logprobs: []),
        .part(choice: 0, .callStart(index: 0, name: "f")), .part(choice: 0, .callArguments(index: 0, "{}")),
        .part(choice: 0, .callEnd(index: 0, isComplete: true)), .finished(choice: 0, .endOfSequence),
        .usage(TextUsage(promptTokenCount: 5, cachedTokenCount: 3, completionTokenCount: 4)),
    ]

    @Test func `thoughts, text and a call are streamed as items, and make the whole response`() {
        var format = format
        var collector = AnswerCollector(promptCount: 1, choiceCount: 1)
        var events = format.opening()
        for event in Self.events {
            collector.take(event, prompt: 0)
            events += format.chunks(for: event, prompt: 0)
        }
        events += format.closing(collector, timing)
        let item = ["response.output_item.added", "response.content_part.added"]
        let done = ["response.content_part.done", "response.output_item.done"]
        #expect(
            events.map { $0["type"]?.stringValue ?? "" } == ["response.created", "response.in_progress"]
                + item + ["response.reasoning_text.delta", "response.reasoning_text.done"] + done
                + item + ["response.output_text.delta", "response.output_text.done"] + done
                + ["response.output_item.added", "response.function_call_arguments.delta"]
                + ["response.function_call_arguments.done", "response.output_item.done", "response.completed"]
        )
        #expect(events.map { $0["sequence_number"]?.integerValue } == Array(0..<events.count))
        let response = events.last?["response"]
        #expect(response?["output"]?.arrayValue?.map { $0["id"] } == ["rs_1_0", "msg_1_1", "fc_1_2"])
        #expect(response?["output"]?[2]?["call_id"] == "call_1_2")
        #expect(response?["usage"]?["output_tokens_details"] == ["reasoning_tokens": 1])
        #expect(response?["completed_at"] == 9)
        #expect(response == self.format.whole(collector, timing))
        #expect(response == format.whole(collector, timing))
        let told = events.filter { $0["type"] == "response.output_item.done" }.compactMap { $0["item"] }
        #expect(response?["output"] == .array(told))
    }

    @Test func `a stop string ends a text, but cuts a call`() {
        let call: [TextEvent] = [
            .part(choice: 0, .callStart(index: 0, name: "f")), .part(choice: 0, .callArguments(index: 0, "{\"a\"")),
            .part(choice: 0, .callEnd(index: 0, isComplete: false)),
        ]
        let text: [TextEvent] = [.text(choice: 0, delta: "Hi", tokens: [TokenID(2)], logprobs: [])]
        for (answer, status) in [(call, "incomplete"), (text, "completed")] {
            var format = format
            var collector = AnswerCollector(promptCount: 1, choiceCount: 1)
            let end: [TextEvent] = [
                .finished(choice: 0, .stopString("3")),
                .usage(TextUsage(promptTokenCount: 5, completionTokenCount: 4)),
            ]
            for event in answer + end {
                collector.take(event, prompt: 0)
                _ = format.chunks(for: event, prompt: 0)
            }
            let last = format.closing(collector, timing).last
            let response = format.whole(collector, timing)
            let isCut = status == "incomplete"
            let details: JSONValue = isCut ? ["reason": "max_output_tokens"] : .null
            let completed: JSONValue = isCut ? .null : 9
            #expect(last?["type"]?.stringValue == "response." + status)
            #expect(last?["response"] == response)
            #expect(response["status"]?.stringValue == status)
            #expect(response["incomplete_details"] == details && response["completed_at"] == completed)
            #expect(response["output"]?[0]?["status"]?.stringValue == status)
        }
    }

    @Test func `a stream that breaks ends with what was told`() {
        var format = format
        _ = format.opening()
        for event in Self.events.prefix(4) { _ = format.chunks(for: event, prompt: 0) }
        let event = format.failure(.generationFailed("It broke."))
        #expect(event["type"] == "response.failed")
        let response = event["response"]
        #expect(response?["status"] == "failed" && response?["completed_at"] == .null)
        #expect(response?["error"] == ["code": "server_error", "message": "It broke."])
        #expect(response?["output"]?.arrayValue?.map { $0["status"] } == ["incomplete", "incomplete"])
    }
}
