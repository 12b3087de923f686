import JSON
import OpenAIAPI
import Testing

@Suite struct ModelResponseTests {
    private let draft = ModelResponse(id: "resp_1", created: 7, model: "m", echo: ["tools": []])

    @Test func `a response tells how far it has come`() {
        #expect(
            draft.json.serialized()
                == #"{"id":"resp_1","object":"response","created_at":7,"status":"in_progress","completed_at":null,"#
                + #""error":null,"incomplete_details":null,"model":"m","output":[],"tools":[],"usage":null}"#
        )
        var failed = draft
        failed.status = .failed
        failed.error = APIError(status: 500, kind: .server, "It broke.")
        #expect(failed.json["error"] == ["code": "server_error", "message": "It broke."])
        var cut = draft
        cut.status = .incomplete
        cut.usage = Usage(promptTokens: 5, completionTokens: 3, cachedTokens: 4)
        cut.usage?.reasoningTokens = 2
        #expect(cut.json["incomplete_details"] == ["reason": "max_output_tokens"])
        #expect(
            cut.json["usage"]?.serialized()
                == #"{"input_tokens":5,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":0},"#
                + #""output_tokens":3,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":8}"#
        )
    }
}

@Suite struct ModelResponseEventTests {
    private static let place = ModelResponseEvent.Place(itemID: "x", outputIndex: 2)
    private static let here = #""item_id":"x","output_index":2"#

    @Test(arguments: [
        (
            ModelResponseEvent.partDelta(.text, "a", logprobs: [], place),
            #"{"type":"response.output_text.delta","sequence_number":5,"# + here
                + #","content_index":0,"delta":"a","logprobs":[]}"#
        ),
        (
            .partDelta(.reasoning, "a", logprobs: [], place),
            #"{"type":"response.reasoning_text.delta","sequence_number":5,"# + here
                + #","content_index":0,"delta":"a"}"#
        ),
        (
            .partAdded(.reasoning, place),
            #"{"type":"response.content_part.added","sequence_number":5,"# + here
                + #","content_index":0,"part":{"type":"reasoning_text","text":""}}"#
        ),
        (
            .textDone(.text, ResponseItem.Part("ab"), place),
            #"{"type":"response.output_text.done","sequence_number":5,"# + here
                + #","content_index":0,"text":"ab","logprobs":[]}"#
        ),
        (
            .argumentsDelta("{", place),
            #"{"type":"response.function_call_arguments.delta","sequence_number":5,"# + here + #","delta":"{"}"#
        ),
        (
            .argumentsDone(name: "f", arguments: "{}", place),
            #"{"type":"response.function_call_arguments.done","sequence_number":5,"# + here
                + #","name":"f","arguments":"{}"}"#
        ),
        (
            .itemAdded(ResponseItem(id: "rs_1", .reasoning(""), status: .inProgress), outputIndex: 2),
            #"{"type":"response.output_item.added","sequence_number":5,"output_index":2,"item":{"id":"rs_1","#
                + #""type":"reasoning","status":"in_progress","summary":[],"content":[]}}"#
        ),
    ])
    func `an event says what happened and where`(event: ModelResponseEvent, text: String) {
        #expect(event.json(sequence: 5).serialized() == text)
    }

    @Test func `the last event is named after the response's status`() {
        var response = ModelResponse(id: "resp_1", created: 7, model: "m", echo: [:])
        for status in [ModelResponse.Status.completed, .incomplete, .failed] {
            response.status = status
            #expect(ModelResponseEvent.ended(response).type == "response.\(status)")
        }
    }
}
