import JSON
import OpenAIAPI
import Testing

@Suite struct ToolFieldsTests {
    private static let two =
        #""tools":[{"type":"function","function":{"name":"a","description":"A.","parameters":{"type":"object","#
        + #""properties":{"x":{"type":"integer"}}},"strict":true}},{"type":"function","function":{"name":"b-_9"}}]"#

    @Test func `functions are read with their schemas`() throws {
        let fields = try chat(Self.two).tools
        let schema: JSONObject = ["type": "object", "properties": ["x": ["type": "integer"]]]
        #expect(
            fields.tools == [
                ToolDefinition(name: "a", description: "A.", parameters: schema, isStrict: true),
                ToolDefinition(name: "b-_9"),
            ]
        )
        #expect(fields.choice == .auto && fields.allowsParallelCalls && !fields.isLegacy)
        #expect(fields.callable == fields.tools && !fields.isCallRequired)
        #expect(
            fields.tools[1].templateValue == [
                "type": "function",
                "function": ["name": "b-_9", "description": "", "parameters": ["type": "object", "properties": [:]]],
            ]
        )
    }

    @Test(arguments: [
        (#""none""#, ToolChoice.none, [], false), (#""auto""#, .auto, ["a", "b-_9"], false),
        (#""required""#, .required, ["a", "b-_9"], true),
        (#"{"type":"function","function":{"name":"b-_9"}}"#, .function("b-_9"), ["b-_9"], true),
        (
            #"{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"a"}}]}}"#,
            .allowed(["a"], isRequired: false), ["a"], false
        ),
        (
            #"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":"#
                + #"[{"type":"function","function":{"name":"b-_9"}},{"type":"function","function":{"name":"a"}}]}}"#,
            .allowed(["b-_9", "a"], isRequired: true), ["a", "b-_9"], true
        ),
    ])
    func `every choice is read`(value: String, choice: ToolChoice, names: [String], isRequired: Bool) throws {
        let fields = try chat(Self.two + #","parallel_tool_calls":false,"tool_choice":"# + value).tools
        #expect(fields.choice == choice && !fields.allowsParallelCalls)
        #expect(fields.callable.map(\.name) == names && fields.isCallRequired == isRequired)
    }

    @Test func `the older names mean the same`() throws {
        let functions = #""functions":[{"name":"f","parameters":{"type":"object"}},{"name":"g"}]"#
        let fields = try chat(functions).tools
        #expect(fields.isLegacy && fields.choice == .auto && !fields.allowsParallelCalls)
        #expect(fields.tools.map(\.name) == ["f", "g"])
        #expect(try chat(functions + #","function_call":"none""#).tools.choice == .none)
        #expect(try chat(functions + #","function_call":"auto""#).tools.choice == .auto)
        #expect(try chat(functions + #","function_call":{"name":"g"}"#).tools.choice == .function("g"))
    }

    @Test(arguments: [
        #""tools":[],"functions":[],"tool_choice":"none""#, #""tool_choice":"auto""#, #""function_call":"none""#,
        #""parallel_tool_calls":true"#,
    ])
    func `asking for nothing is accepted`(fields: String) throws {
        #expect(try chat(fields).tools.choice == .none)
    }

    @Test(arguments: [
        WrongBody(#""tools":{}"#, "invalid_type", "tools"),
        WrongBody(#""tools":["f"]"#, "invalid_type", "tools[0]"),
        WrongBody(#""tools":[{"function":{"name":"f"}}]"#, "missing_required_parameter", "tools[0].type"),
        WrongBody(#""tools":[{"type":"function"}]"#, "missing_required_parameter", "tools[0].function"),
        WrongBody(#""tools":[{"type":"custom","custom":{}}]"#, "unsupported_parameter", "tools[0].type"),
        WrongBody(#""tools":[{"type":"hammer"}]"#, "invalid_value", "tools[0].type"),
        WrongBody(
            #""tools":[{"type":"function","function":{}}]"#,
            "missing_required_parameter",
            "tools[0].function.name"
        ),
        WrongBody(
            #""tools":[{"type":"function","function":{"name":"a b"}}]"#,
            "invalid_value",
            "tools[0].function.name"
        ),
        WrongBody(#""tools":[{"type":"function","function":{"name":""}}]"#, "invalid_value", "tools[0].function.name"),
        WrongBody(#""tools":[{"type":"function","function":{"name":"é"}}]"#, "invalid_value", "tools[0].function.name"),
        WrongBody(
            #""tools":[{"type":"function","function":{"name":"\#(String(repeating: "x", count: 65))"}}]"#,
            "string_above_max_length",
            "tools[0].function.name"
        ),
        WrongBody(
            #""tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#,
            "invalid_type",
            "tools[0].function.parameters"
        ),
        WrongBody(
            #""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"array"}}}]"#,
            "invalid_value",
            "tools[0].function.parameters"
        ),
        WrongBody(
            #""tools":[{"type":"function","function":{"name":"f","strict":"yes"}}]"#,
            "invalid_type",
            "tools[0].function.strict"
        ),
        WrongBody(
            #""tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]"#,
            "invalid_value",
            "tools[1]"
        ),
        WrongBody(#""tools":[{"type":"function","function":{"name":"f"},"x":1}]"#, "unknown_parameter", "tools[0].x"),
        WrongBody(#""parallel_tool_calls":1"#, "invalid_type", "parallel_tool_calls"),
        WrongBody(#""tool_choice":"required""#, "invalid_value", "tool_choice"),
        WrongBody(#""tool_choice":"always""#, "invalid_value", "tool_choice"),
        WrongBody(#""tool_choice":5"#, "invalid_type", "tool_choice"),
        WrongBody(#""tool_choice":{"type":"function"}"#, "missing_required_parameter", "tool_choice.function"),
        WrongBody(#""tool_choice":{"type":"function","function":{"name":"f"}}"#, "invalid_value", "tool_choice"),
        WrongBody(#""tool_choice":{"type":"magic"}"#, "invalid_value", "tool_choice.type"),
        WrongBody(
            #""tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"some","tools":[]}}"#,
            "invalid_value",
            "tool_choice.allowed_tools.mode"
        ),
        WrongBody(
            #""tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}"#,
            "empty_array",
            "tool_choice.allowed_tools.tools"
        ),
        WrongBody(#""function_call":"required""#, "invalid_value", "function_call"),
        WrongBody(#""function_call":{"name":"f"}"#, "invalid_value", "function_call"),
        WrongBody(#""functions":[{"name":"f"}],"tool_choice":"auto""#, "invalid_value", "functions"),
        WrongBody(#""functions":[{"description":"f"}]"#, "missing_required_parameter", "functions[0].name"),
    ])
    func `a wrong field is named`(body: WrongBody) {
        let error = #expect(throws: APIError.self) { try chat(body.fields) }
        #expect(error?.code == body.code)
        #expect(error?.parameter == body.parameter)
    }

    private func chat(_ fields: String) throws -> ChatCompletionRequest {
        let text = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"# + fields + "}"
        return try ChatCompletionRequest(try JSONValue(parsing: text))
    }
}
