import AnthropicAPI
import JSON
import OpenAIAPI
import Testing

@Suite struct MessagesThinkingTests {
    @Test(arguments: [
        ("", MessagesThinking(.unsaid), false), (#"{"type":"disabled"}"#, MessagesThinking(.disabled), false),
        (#"{"type":"adaptive"}"#, MessagesThinking(.adaptive), true),
        (#"{"type":"adaptive","display":"summarized"}"#, MessagesThinking(.adaptive), true),
        (
            #"{"type":"enabled","budget_tokens":8,"display":"omitted"}"#,
            MessagesThinking(.enabled(budget: 8), isOmitted: true), true
        ),
    ])
    func `a request says whether to think and whether to show it`(
        value: String,
        wanted: MessagesThinking,
        isShown: Bool
    ) throws {
        let thinking = try read(value.isEmpty ? "" : #","thinking":\#(value)"#).prompt.thinking
        #expect(thinking == wanted && thinking.isShown == isShown)
    }

    @Test(arguments: [
        (#""on""#, "invalid_type", "thinking"), ("{}", "missing_required_parameter", "thinking.type"),
        (#"{"type":"on"}"#, "invalid_value", "thinking.type"),
        (#"{"type":"between_tools"}"#, "unsupported_parameter", "thinking.type"),
        (#"{"type":"enabled"}"#, "missing_required_parameter", "thinking.budget_tokens"),
        (#"{"type":"enabled","budget_tokens":0}"#, "integer_below_min_value", "thinking.budget_tokens"),
        (#"{"type":"enabled","budget_tokens":9}"#, "invalid_value", "thinking.budget_tokens"),
        (#"{"type":"adaptive","display":"all"}"#, "invalid_value", "thinking.display"),
        (#"{"type":"disabled","display":"omitted"}"#, "unknown_parameter", "thinking.display"),
        (#"{"type":"adaptive","budget_tokens":5}"#, "unknown_parameter", "thinking.budget_tokens"),
    ])
    func `what means nothing is refused by name`(value: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try read(#","thinking":\#(value)"#) }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    private func read(_ fields: String) throws -> MessagesRequest {
        let messages = #""messages":[{"role":"user","content":"hi"}]"#
        return try MessagesRequest(try JSONValue(parsing: #"{"model":"m","max_tokens":9,\#(messages)\#(fields)}"#))
    }
}
