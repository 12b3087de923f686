import JSON
import OpenAIAPI
import Testing

@Suite struct ResponsesRequestTests {
    private func request(_ fields: String) throws -> ResponsesRequest {
        try ResponsesRequest(JSONValue(parsing: #"{"model":"m","input":"hi","# + fields + "}"))
    }

    @Test func `a request that says little gets the defaults`() throws {
        let request = try ResponsesRequest(["model": "m", "input": "hi"])
        #expect(request.input == [.item(ResponseItem(.message(.user, [.init("hi")])))])
        #expect(request.stores == nil && !request.isBackground && !request.truncates)
        #expect(request.maxTokens == nil && request.topLogprobs == nil && request.tools == ToolFields())
        #expect(request.echo["text"] == ["format": ["type": "text"]])
        #expect(request.echo["tool_choice"] == "auto" && request.echo["metadata"] == [:])
    }

    @Test func `every field is read`() throws {
        let request = try request(
            #""instructions":"x","previous_response_id":"resp_1","store":true,"background":true,"temperature":0.5,"#
                + #""top_p":0.9,"max_output_tokens":7,"truncation":"auto","top_logprobs":3,"seed":4,"max_tool_calls":2,"#
                + #""reasoning":{"effort":"low","summary":"auto"},"metadata":{"a":"b"},"user":"u","include":"#
                + #"["reasoning.encrypted_content"],"service_tier":"auto","safety_identifier":"s","stream":false"#
        )
        #expect(request.instructions == "x" && request.previousID == "resp_1" && request.stores == true)
        #expect(request.isBackground && request.truncates && request.maxTokens == 7 && request.topLogprobs == 3)
        #expect(request.fields.temperature == 0.5 && request.fields.topP == 0.9 && request.fields.seed == 4)
        #expect(request.reasoning == ReasoningFields(effort: .level(.low)))
        #expect(request.echo["reasoning"] == ["effort": "low", "summary": "auto"])
        #expect(request.echo["truncation"] == "auto" && request.echo["user"] == "u")
        #expect(request.echo["max_tool_calls"] == 2 && request.echo["metadata"] == ["a": "b"])
    }

    @Test func `input may be missing where something goes on or is counted`() throws {
        #expect(try ResponsesRequest(["model": "m", "previous_response_id": "resp_1"]).input.isEmpty)
        #expect(try ResponsesRequest(["model": "m"], isCounted: true).input.isEmpty)
    }

    @Test(arguments: [
        #"{"id":"a","role":"user","content":"two"}"#, #"{"type":"item_reference","id":"a"}"#, #"{"id":"a"}"#,
    ])
    func `a second item of one name is refused`(second: String) throws {
        let first = #"{"id":"a","role":"user","content":"one"},{"id":"b","role":"user","content":"x"}"#
        let body = try JSONValue(parsing: #"{"model":"m","input":[\#(first),\#(second)]}"#)
        let error = #expect(throws: APIError.self) { try ResponsesRequest(body) }
        #expect(error?.parameter == "input[2].id" && error?.code == "invalid_value")
        let unnamed = try JSONValue(parsing: #"{"role":"user","content":"x","id":""}"#)
        #expect(try ResponsesRequest(["model": "m", "input": [unnamed, unnamed]]).input.count == 2)
    }

    @Test func `log probabilities come when they are counted or included`() throws {
        #expect(try request(#""include":["message.output_text.logprobs"]"#).topLogprobs == 0)
        #expect(try request(#""top_logprobs":0"#).topLogprobs == nil)
    }

    @Test(arguments: [
        (#""temperature":3"#, "temperature", "decimal_above_max_value"),
        (#""max_output_tokens":0"#, "max_output_tokens", "integer_below_min_value"),
        (#""max_tokens":5"#, "max_tokens", "unknown_parameter"),
        (#""n":2"#, "n", "unsupported_parameter"), (#""truncation":"middle""#, "truncation", "invalid_value"),
        (#""include":["everything"]"#, "include[0]", "invalid_value"),
        (#""response_format":{"type":"text"}"#, "response_format", "unsupported_parameter"),
        (#""conversation":{"id":"c"}"#, "conversation", "unsupported_parameter"),
        (#""prompt":{"id":"p"}"#, "prompt", "unsupported_parameter"),
        (#""background":true,"store":false"#, "background", "invalid_value"),
        (#""background":true,"stream":true"#, "stream", "unsupported_parameter"),
        (#""reasoning":{"summary":"detailed"}"#, "reasoning.summary", "unsupported_parameter"),
        (#""reasoning":{"effort":"much"}"#, "reasoning.effort", "invalid_value"),
        (#""metadata":{"a":5}"#, "metadata.a", "invalid_type"),
        (#""service_tier":"flex""#, "service_tier", "unsupported_parameter"),
        (
            #""stream_options":{"include_obfuscation":true},"stream":true"#, "stream_options.include_obfuscation",
            "unsupported_parameter"
        ),
        (#""text":{"format":{"type":"grammar"}}"#, "text.format.type", "invalid_value"),
        (#""text":{"format":{"type":"json_schema","schema":{}}}"#, "text.format.name", "missing_required_parameter"),
        (#""text":{"format":{"type":"json_object"}},"guided_regex":"a""#, "text.format", "invalid_value"),
    ])
    func `a field that cannot be met is refused by name`(fields: String, parameter: String, code: String) throws {
        let error = #expect(throws: APIError.self) { try request(fields) }
        #expect(error?.parameter == parameter)
        #expect(error?.code == code)
    }
}

@Suite struct ResponseToolsTests {
    private static let two =
        #""tools":[{"type":"function","name":"f","strict":true},{"type":"function","name":"g","parameters":null}]"#

    private func tools(_ fields: String) throws -> ToolFields {
        try ResponsesRequest(JSONValue(parsing: #"{"model":"m","input":"hi","# + fields + "}")).tools
    }

    @Test(arguments: [
        ("", ToolChoice.auto), (#","tool_choice":"none""#, .none), (#","tool_choice":"required""#, .required),
        (#","tool_choice":{"type":"function","name":"g"}"#, .function("g")),
        (
            #","tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}"#,
            .allowed(["f"], isRequired: true)
        ),
    ])
    func `functions stand flat, and so do choices`(choice: String, expected: ToolChoice) throws {
        let fields = try tools(Self.two + choice)
        #expect(fields.tools.map(\.name) == ["f", "g"] && fields.tools[0].isStrict)
        #expect(fields.choice == expected && fields.allowsParallelCalls)
    }

    @Test(arguments: [
        (#""tools":[{"type":"mcp","server_label":"x"}]"#, "tools[0].type", "unsupported_parameter"),
        (#""tools":[{"type":"hammer"}]"#, "tools[0].type", "invalid_value"),
        (#""tools":[{"type":"function","function":{"name":"f"}}]"#, "tools[0].name", "missing_required_parameter"),
        (#""tools":[{"type":"function","name":"f"},{"type":"function","name":"f"}]"#, "tools[1]", "invalid_value"),
        (#""tool_choice":"required""#, "tool_choice", "invalid_value"),
        (#""tool_choice":"sometimes""#, "tool_choice", "invalid_value"),
        (#""tool_choice":{"type":"file_search"}"#, "tool_choice.type", "unsupported_parameter"),
        (two + #","tool_choice":{"type":"function","name":"h"}"#, "tool_choice.name", "invalid_value"),
        (
            two + #","tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]}"#, "tool_choice.tools",
            "empty_array"
        ),
        (
            two + #","tool_choice":{"type":"allowed_tools","mode":"must","tools":[]}"#, "tool_choice.mode",
            "invalid_value"
        ),
    ])
    func `tools that are not here are refused by name`(fields: String, parameter: String, code: String) throws {
        let error = #expect(throws: APIError.self) { try tools(fields) }
        #expect(error?.parameter == parameter)
        #expect(error?.code == code)
    }
}
