import AnthropicAPI
import JSON
import OpenAIAPI
import Testing

@Suite struct MessagesToolsTests {
    private static let tool =
        #"{"name":"f","description":"d","input_schema":{"type":"object","properties":{}},"strict":true}"#
    private static let tools = #","tools":[\#(tool),{"name":"g","type":"custom","input_schema":{}}]"#

    @Test func `functions are read in Anthropic's form`() throws {
        let fields = try read(Self.tools).tools
        let parameters: JSONObject = ["type": "object", "properties": [:]]
        #expect(
            fields.tools == [
                ToolDefinition(name: "f", description: "d", parameters: parameters, isStrict: true),
                ToolDefinition(name: "g", parameters: [:]),
            ]
        )
        #expect(fields.choice == .auto && fields.allowsParallelCalls && !fields.isLegacy)
    }

    @Test func `what asks for nothing of a function is accepted`() throws {
        let more =
            #""cache_control":{"type":"ephemeral"},"eager_input_streaming":true,"defer_loading":false,"#
            + #""allowed_callers":["direct"],"input_examples":[]"#
        let tool = #"{"name":"f","input_schema":{},\#(more)}"#
        #expect(try read(#","tools":[\#(tool)]"#).tools.tools == [ToolDefinition(name: "f", parameters: [:])])
    }

    @Test(arguments: [
        (#"{"type":"auto"}"#, ToolChoice.auto, true), (#"{"type":"any"}"#, .required, true),
        (#"{"type":"tool","name":"g"}"#, .function("g"), true), (#"{"type":"none"}"#, .none, true),
        (#"{"type":"any","disable_parallel_tool_use":true}"#, .required, false),
        (#"{"type":"auto","disable_parallel_tool_use":false}"#, .auto, true),
    ])
    func `a choice says whether functions are called`(choice: String, wanted: ToolChoice, several: Bool) throws {
        let fields = try read(Self.tools + #","tool_choice":\#(choice)"#).tools
        #expect(fields.choice == wanted && fields.allowsParallelCalls == several)
    }

    @Test(arguments: [
        (#","tools":{}"#, "invalid_type", "tools"), (#","tools":[7]"#, "invalid_type", "tools[0]"),
        (#","tools":[{"input_schema":{}}]"#, "missing_required_parameter", "tools[0].name"),
        (#","tools":[{"name":"f"}]"#, "missing_required_parameter", "tools[0].input_schema"),
        (#","tools":[{"name":"a b","input_schema":{}}]"#, "invalid_value", "tools[0].name"),
        (#","tools":[{"name":"f","input_schema":[]}]"#, "invalid_type", "tools[0].input_schema"),
        (#","tools":[{"name":"f","input_schema":{"type":"array"}}]"#, "invalid_value", "tools[0].input_schema"),
        (#","tools":[{"name":"f","input_schema":{},"strict":1}]"#, "invalid_type", "tools[0].strict"),
        (#","tools":[{"name":"f","input_schema":{},"parameters":{}}]"#, "unknown_parameter", "tools[0].parameters"),
        (
            #","tools":[{"name":"f","input_schema":{},"defer_loading":true}]"#, "unsupported_parameter",
            "tools[0].defer_loading"
        ),
        (#","tools":[{"type":"web_search_20250305","name":"web_search"}]"#, "unsupported_parameter", "tools[0].type"),
        (#","tools":[{"name":"f","input_schema":{}},{"name":"f","input_schema":{}}]"#, "invalid_value", "tools[1]"),
        (#","tool_choice":{"type":"any"}"#, "invalid_value", "tool_choice"),
        (#","tool_choice":"any""#, "invalid_type", "tool_choice"),
        (#","tool_choice":{"type":"required"}"#, "invalid_value", "tool_choice.type"),
        (tools + #","tool_choice":{"type":"tool"}"#, "missing_required_parameter", "tool_choice.name"),
        (tools + #","tool_choice":{"type":"tool","name":"h"}"#, "invalid_value", "tool_choice.name"),
        (tools + #","tool_choice":{"type":"any","name":"f"}"#, "unknown_parameter", "tool_choice.name"),
        (
            tools + #","tool_choice":{"type":"any","disable_parallel_tool_use":1}"#, "invalid_type",
            "tool_choice.disable_parallel_tool_use"
        ),
    ])
    func `functions that mean nothing are refused by name`(fields: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try read(fields) }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    // MARK: Calls and results

    private static let call = #"{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}"#
    private static let result = #"{"type":"tool_result","tool_use_id":"t1","content":"21"}"#
    private static let question = #"{"role":"user","content":"q"}"#

    @Test func `calls and results are blocks of their turns`() throws {
        let thought = #"{"type":"thinking","thinking":"so","signature":"s"}"#
        let text = #"{"type":"text","text":"One moment.","citations":null,"parsed_output":null}"#
        let failed =
            #"{"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"no"}]}"#
        let second = #"{"type":"tool_use","id":"t2","name":"g","input":{},"caller":{"type":"direct"}}"#
        let turns = try read(
            "",
            messages: [
                Self.question, #"{"role":"assistant","content":[\#(thought),\#(text),\#(Self.call),\#(second)]}"#,
                #"{"role":"user","content":[\#(failed),\#(Self.result),{"type":"text","text":"and?"}]}"#,
            ]
        ).turns
        #expect(
            turns == [
                .init(.user, ["q"]),
                .init(
                    .assistant,
                    blocks: [
                        .thinking("so"), .text("One moment."), .toolUse(id: "t1", name: "f", input: ["a": 1]),
                        .toolUse(id: "t2", name: "g", input: [:]),
                    ]
                ),
                .init(
                    .user,
                    blocks: [
                        .toolResult(id: "t2", texts: ["no"], isError: true),
                        .toolResult(id: "t1", texts: ["21"], isError: false), .text("and?"),
                    ]
                ),
            ]
        )
    }

    @Test func `results may come in messages of their own and without content`() throws {
        let silent = #"{"type":"tool_result","tool_use_id":"t1"}"#
        let answer = #"{"role":"assistant","content":[\#(Self.call)]}"#
        let turns = try read(
            "",
            messages: [Self.question, answer, #"{"role":"user","content":[\#(silent)]}"#, Self.question]
        ).turns
        #expect(turns.last == .init(.user, blocks: [.toolResult(id: "t1", texts: [], isError: false), .text("q")]))
        // The same identifier may come again in a later turn.
        let again = #"{"role":"user","content":[\#(Self.result)]}"#
        #expect(try read("", messages: [Self.question, answer, again, answer, again]).turns.count == 5)
    }

    @Test(arguments: [
        (#"[\#(call)]"#, "[]", "invalid_value", "messages[1].content[0]"),
        (#"[\#(call)]"#, #""no result""#, "invalid_value", "messages[1].content[0]"),
        (#"[\#(call)]"#, #"[{"type":"text","text":"a"},\#(result)]"#, "invalid_value", "messages[1].content[0]"),
        (#"[\#(call)]"#, #"[\#(result),\#(result)]"#, "invalid_value", "messages[2].content[1].tool_use_id"),
        (#""a""#, #"[\#(result)]"#, "invalid_value", "messages[2].content[0].tool_use_id"),
        (#"[\#(call),\#(call)]"#, #"[\#(result)]"#, "invalid_value", "messages[1].content[1].id"),
        (#"[\#(result)]"#, #""a""#, "invalid_value", "messages[1].content[0].type"),
        (
            #"[{"type":"tool_use","id":"t","name":"f"}]"#, "[]", "missing_required_parameter",
            "messages[1].content[0].input"
        ),
        (
            #"[{"type":"tool_use","id":"t","name":"f","input":"{}"}]"#, "[]", "invalid_type",
            "messages[1].content[0].input"
        ),
        (
            #"[{"type":"tool_use","id":"t","name":"f","input":{},"caller":{"type":"x"}}]"#, "[]",
            "unsupported_parameter", "messages[1].content[0].caller"
        ),
        (
            #"[\#(call)]"#, #"[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"image"}]}]"#,
            "unsupported_parameter", "messages[2].content[0].content[0]"
        ),
        (
            #"[\#(call)]"#, #"[{"type":"tool_result","tool_use_id":"t1","is_error":"no"}]"#, "invalid_type",
            "messages[2].content[0].is_error"
        ),
    ])
    func `calls and results that do not belong together are refused by name`(
        answer: String,
        next: String,
        code: String,
        parameter: String
    ) throws {
        let messages = [
            Self.question, #"{"role":"assistant","content":\#(answer)}"#, #"{"role":"user","content":\#(next)}"#,
        ]
        let error = #expect(throws: APIError.self) { try read("", messages: messages) }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    @Test func `a conversation does not end with a call, nor goes on with thoughts alone`() throws {
        for (block, parameter) in [
            (Self.call, "messages[1].content[0]"), (#"{"type":"thinking","thinking":"a"}"#, "messages[1].content"),
        ] {
            let error = #expect(throws: APIError.self) {
                try read("", messages: [Self.question, #"{"role":"assistant","content":[\#(block)]}"#])
            }
            #expect(error?.parameter == parameter)
        }
    }

    @Test func `an answer that has begun calls nothing and has no schema`() throws {
        let messages = [Self.question, #"{"role":"assistant","content":"a"}"#]
        let tools = #expect(throws: APIError.self) { try read(Self.tools, messages: messages) }
        #expect(tools?.parameter == "tools")
        let none = Self.tools + #","tool_choice":{"type":"none"}"#
        #expect(try read(none, messages: messages).continuesFinalTurn)
        let format = #","output_config":{"format":{"type":"json_schema","schema":{}}}"#
        let error = #expect(throws: APIError.self) { try read(format, messages: messages) }
        #expect(error?.parameter == "output_config.format.schema")
    }

    @discardableResult
    private func read(_ fields: String, messages: [String] = [question]) throws -> MessagesPrompt {
        let messages = messages.joined(separator: ",")
        return try MessagesRequest(
            try JSONValue(parsing: #"{"model":"m","max_tokens":5,"messages":[\#(messages)]\#(fields)}"#)
        ).prompt
    }
}
