import JSON
import OpenAIAPI
import Testing

@Suite struct ResponseItemTests {
    @Test(arguments: [
        #"{"id":"msg_1","type":"message","status":"completed","role":"user","content":[{"type":"input_text","text":"hi"}]}"#,
        #"{"id":"msg_2","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"h"},{"type":"refusal","refusal":"no"}]}"#,
        #"{"id":"fc_1","type":"function_call","status":"completed","call_id":"c","name":"f","arguments":"{}"}"#,
        #"{"id":"fco_1","type":"function_call_output","status":"completed","call_id":"c","output":"4"}"#,
        #"{"id":"fco_2","type":"function_call_output","status":"completed","call_id":"c","output":[{"type":"input_text","text":"4"}]}"#,
        #"{"id":"rs_1","type":"reasoning","status":"in_progress","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}"#,
    ])
    func `an item is written as it was read`(text: String) throws {
        guard case .item(let item) = try ResponseInput(JSONValue(parsing: text), path: "input[0]") else {
            Issue.record("no item")
            return
        }
        #expect(item.json.serialized() == text)
        #expect(item.id?.hasPrefix(item.prefix) == true)
    }

    @Test func `what may be left out is understood`() throws {
        let message = try ResponseInput(["role": "user", "content": "hi"], path: "input[0]")
        #expect(message == .item(ResponseItem(.message(.user, [.init("hi")]))))
        #expect(try ResponseInput(["id": "msg_1"], path: "input[3]") == .reference("msg_1", parameter: "input[3].id"))
        let dumped: JSONValue = [
            "type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}", "status": .null,
            "namespace": .null, "caller": .null, "created_by": .null, "async": .null,
        ]
        #expect(
            try ResponseInput(dumped, path: "i")
                == .item(ResponseItem(id: "fc_1", .call(id: "c", name: "f", arguments: "{}")))
        )
        let summary: JSONValue = [
            "type": "reasoning", "id": "rs_1", "encrypted_content": "xyz",
            "summary": [["type": "summary_text", "text": "in short"]],
        ]
        #expect(try ResponseInput(summary, path: "i") == .item(ResponseItem(id: "rs_1", .reasoning("in short"))))
        let unnamed: JSONValue = ["role": "user", "content": "hi", "id": ""]
        #expect(try ResponseInput(unnamed, path: "i") == message)
    }

    @Test func `whatever other servers call their items is taken`() throws {
        for id in ["msg_68a0c1d2e3f4", "call-1:2/3", "0199f2b0-7d3e-7c1a-9f00-000000000000", "my item #1"] {
            let message: JSONValue = ["role": "user", "content": "hi", "id": .string(id)]
            let item = ResponseItem(id: id, .message(.user, [.init("hi")]))
            #expect(try ResponseInput(message, path: "i") == .item(item))
            let reference: JSONValue = ["type": "item_reference", "id": .string(id)]
            #expect(try ResponseInput(reference, path: "i") == .reference(id, parameter: "i.id"))
        }
        let long: JSONValue = ["id": .string(String(repeating: "x", count: 257))]
        let error = #expect(throws: APIError.self) { try ResponseInput(long, path: "i") }
        #expect(error?.code == "string_above_max_length")
    }

    @Test(arguments: [
        (#"{"content":"hi"}"#, "input[0].type", "missing_required_parameter"),
        (#"{"role":"tool","content":"hi"}"#, "input[0].role", "invalid_value"),
        (#"{"role":"user"}"#, "input[0].content", "missing_required_parameter"),
        (#"{"role":"user","content":5}"#, "input[0].content", "invalid_type"),
        (#"{"role":"user","content":[{"type":"refusal","refusal":"x"}]}"#, "input[0].content[0].type", "invalid_value"),
        (#"{"role":"user","content":[{"type":"input_file"}]}"#, "input[0].content[0]", "unsupported_parameter"),
        (#"{"role":"user","content":"x","colour":1}"#, "input[0].colour", "unknown_parameter"),
        (#"{"role":"user","content":"x","status":"sold"}"#, "input[0].status", "invalid_value"),
        (#"{"type":"function_call","name":"f","arguments":"{}"}"#, "input[0].call_id", "missing_required_parameter"),
        (#"{"type":"function_call","call_id":"c","name":"f g","arguments":"{}"}"#, "input[0].name", "invalid_value"),
        (#"{"type":"function_call_output","call_id":"","output":"x"}"#, "input[0].call_id", "invalid_value"),
        (#"{"type":"web_search_call","id":"ws_1"}"#, "input[0]", "unsupported_parameter"),
        (#"{"type":"poem"}"#, "input[0].type", "invalid_value"),
        (#"{"type":"item_reference"}"#, "input[0].id", "missing_required_parameter"),
        (#"{"type":"item_reference","id":"msg\u0000x"}"#, "input[0].id", "invalid_value"),
        (#"{"role":"user","content":"x","id":"msg\u0000x"}"#, "input[0].id", "invalid_value"),
        (#"{"role":"user","content":"x","id":"a\nb"}"#, "input[0].id", "invalid_value"),
        (#"{"type":"reasoning","summary":[],"id":"é"}"#, "input[0].id", "invalid_value"),
        (#"5"#, "input[0]", "invalid_type"),
    ])
    func `an item that means nothing here is refused by its place`(text: String, parameter: String, code: String) throws
    {
        let value = try JSONValue(parsing: text)
        let error = #expect(throws: APIError.self) { try ResponseInput(value, path: "input[0]") }
        #expect(error?.parameter == parameter)
        #expect(error?.code == code)
    }
}
