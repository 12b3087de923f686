import JSON
import OpenAIAPI
import Testing

@Suite struct WireToolCallTests {
    private let header = ResponseHeader(id: "c", created: 7, model: "m")
    private let call = WireToolCall(id: "call_1", name: "f", arguments: #"{"x": 1}"#)

    @Test func `an answer lists its calls`() {
        var choice = ChatCompletionResponse.Choice(index: 0, text: "", finish: WireFinish(.toolCalls))
        choice.toolCalls = [call]
        choice.reasoning = "Hm."
        #expect(
            message(choice) == [
                "role": "assistant", "content": nil, "refusal": nil, "annotations": [], "reasoning_content": "Hm.",
                "tool_calls": [
                    ["id": "call_1", "type": "function", "function": ["name": "f", "arguments": #"{"x": 1}"#]]
                ],
            ]
        )
        choice.text = "Wait."
        #expect(message(choice)["content"] == "Wait.")
    }

    @Test func `an answer to the older functions has one call of the older form`() {
        var choice = ChatCompletionResponse.Choice(index: 0, text: "", finish: WireFinish(.functionCall))
        choice.toolCalls = [call]
        let message = message(choice)
        #expect(message["function_call"] == ["name": "f", "arguments": #"{"x": 1}"#])
        #expect(message["tool_calls"] == nil && message["content"] == .null)
        let json = ChatCompletionResponse(header: header, choices: [choice], usage: Usage()).json
        #expect(json["choices"]?[0]?["finish_reason"] == "function_call")
        choice.finish = WireFinish(.stop, stop: "x")
        choice.callsAreLegacy = true
        #expect(self.message(choice)["function_call"] != nil && self.message(choice)["tool_calls"] == nil)
    }

    @Test func `a stream brings calls in pieces`() {
        let start = WireToolDelta.start(id: "call_1", name: "f")
        #expect(
            delta(.toolCall(index: 1, start, isLegacy: false))
                == #"{"tool_calls":[{"index":1,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}"#
        )
        #expect(
            delta(.toolCall(index: 1, .arguments("{\""), isLegacy: false))
                == #"{"tool_calls":[{"index":1,"function":{"arguments":"{\""}}]}"#
        )
        #expect(
            delta(.toolCall(index: 0, start, isLegacy: true)) == #"{"function_call":{"name":"f","arguments":""}}"#
        )
        #expect(
            delta(.toolCall(index: 0, .arguments("{"), isLegacy: true)) == #"{"function_call":{"arguments":"{"}}"#
        )
        #expect(delta(.reasoning("So", logprobs: nil, tokens: nil)) == #"{"reasoning_content":"So"}"#)
        let finish = ChatCompletionChunk(
            header: header,
            content: .choice(0, .finish(WireFinish(.toolCalls))),
            announcesUsage: false
        )
        #expect(finish.json["choices"]?[0]?["finish_reason"] == "tool_calls")
    }

    private func message(_ choice: ChatCompletionResponse.Choice) -> JSONValue {
        let response = ChatCompletionResponse(header: header, choices: [choice], usage: Usage())
        return response.json["choices"]?[0]?["message"] ?? .null
    }

    private func delta(_ delta: ChatCompletionChunk.Delta) -> String? {
        let chunk = ChatCompletionChunk(header: header, content: .choice(0, delta), announcesUsage: false)
        return chunk.json["choices"]?[0]?["delta"]?.serialized()
    }
}
