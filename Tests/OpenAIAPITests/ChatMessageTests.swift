import JSON
import OpenAIAPI
import Testing

@Suite struct ChatMessageTests {
    @Test func `every role is read`() throws {
        let messages = try messages(
            """
            {"role":"system","content":"s"},{"role":"developer","content":"d","name":"n"},
            {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            {"role":"assistant","content":null,"refusal":null,"annotations":[],"audio":null,"function_call":null,
             "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\\"x\\":1}"}}]},
            {"role":"tool","content":"42","tool_call_id":"c1"},{"role":"function","content":"1","name":"f"},
            {"role":"assistant","content":"","reasoning_content":"because"},
            {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}
            """
        )
        #expect(
            messages.map(\.role) == [.system, .developer, .user, .assistant, .tool, .function, .assistant, .assistant]
        )
        #expect(messages[1].name == "n")
        #expect(messages[2].content == .parts(["a", "b"]))
        #expect(messages[3].content == .none)
        #expect(
            messages[3].toolCalls == [
                ["id": "c1", "type": "function", "function": ["name": "f", "arguments": #"{"x":1}"#]]
            ]
        )
        #expect(messages[4].toolCallID == "c1")
        #expect(messages[7].toolCalls == [["type": "function", "function": ["name": "f", "arguments": "{}"]]])
        #expect(messages[6].content == .text("") && messages[6].reasoning == "because")
    }

    @Test(arguments: [
        WrongBody(#""hi""#, "invalid_type", "messages[1]"),
        WrongBody(#"{"content":"x"}"#, "missing_required_parameter", "messages[1].role"),
        WrongBody(#"{"role":"robot","content":"x"}"#, "invalid_value", "messages[1].role"),
        WrongBody(#"{"role":1,"content":"x"}"#, "invalid_type", "messages[1].role"),
        WrongBody(#"{"role":"user"}"#, "missing_required_parameter", "messages[1].content"),
        WrongBody(#"{"role":"assistant","content":null}"#, "missing_required_parameter", "messages[1].content"),
        WrongBody(#"{"role":"user","content":5}"#, "invalid_type", "messages[1].content"),
        WrongBody(#"{"role":"user","content":[]}"#, "empty_array", "messages[1].content"),
        WrongBody(#"{"role":"user","content":["a"]}"#, "invalid_type", "messages[1].content[0]"),
        WrongBody(
            #"{"role":"user","content":[{"text":"a"}]}"#,
            "missing_required_parameter",
            "messages[1].content[0].type"
        ),
        WrongBody(
            #"{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}}]}"#,
            "unsupported_parameter",
            "messages[1].content[1]"
        ),
        WrongBody(
            #"{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}"#,
            "unsupported_parameter",
            "messages[1].content[0]"
        ),
        WrongBody(
            #"{"role":"user","content":[{"type":"smell"}]}"#,
            "invalid_value",
            "messages[1].content[0].type"
        ),
        WrongBody(
            #"{"role":"user","content":[{"type":"text","text":1}]}"#,
            "invalid_type",
            "messages[1].content[0].text"
        ),
        WrongBody(#"{"role":"user","content":"x","mood":"good"}"#, "unknown_parameter", "messages[1].mood"),
        WrongBody(#"{"role":"tool","content":"x"}"#, "missing_required_parameter", "messages[1].tool_call_id"),
        WrongBody(
            #"{"role":"assistant","tool_calls":[{"type":"function"}]}"#,
            "missing_required_parameter",
            "messages[1].tool_calls[0].function"
        ),
        WrongBody(#"{"role":"function","content":"x"}"#, "missing_required_parameter", "messages[1].name"),
        WrongBody(
            #"{"role":"assistant","tool_calls":[{"function":{"name":"a b"}}]}"#,
            "invalid_value",
            "messages[1].tool_calls[0].function.name"
        ),
        WrongBody(
            #"{"role":"assistant","function_call":{"name":"f","arguments":{}}}"#,
            "invalid_type",
            "messages[1].function_call.arguments"
        ),
        WrongBody(
            #"{"role":"user","content":"x","tool_calls":[]}"#,
            "unknown_parameter",
            "messages[1].tool_calls"
        ),
    ])
    func `a wrong message is named by its place`(body: WrongBody) {
        let error = #expect(throws: APIError.self) {
            try messages(#"{"role":"user","content":"first"},"# + body.fields)
        }
        #expect(error?.code == body.code)
        #expect(error?.parameter == body.parameter)
    }

    private func messages(_ list: String) throws -> [ChatMessage] {
        try ChatCompletionRequest(try JSONValue(parsing: #"{"model":"m","messages":["# + list + "]}")).messages
    }
}
