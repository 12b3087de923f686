import AnthropicAPI
import JSON
import OpenAIAPI
import Testing

@Suite struct MessagesRequestTests {
    private static let messages = #""messages":[{"role":"user","content":"hi"}]"#

    @Test func `a minimal request has the defaults`() throws {
        let request = try read("")
        #expect(request.prompt.model == "m" && request.prompt.system.isEmpty)
        #expect(request.prompt.turns == [.init(.user, ["hi"])])
        #expect(request.maxTokens == 5 && request.stopSequences.isEmpty && !request.isStreamed)
        #expect(request.temperature == nil && request.topP == nil && request.topK == nil)
    }

    @Test func `every supported field is read`() throws {
        let request = try read(
            #","system":"s","temperature":1,"top_p":0.5,"top_k":3,"stop_sequences":["a","b"],"stream":true,"#
                + #""metadata":{"user_id":"u"},"service_tier":"auto","cache_control":{"type":"ephemeral"}"#
        )
        #expect(request.prompt.system == ["s"] && request.temperature == 1 && request.topP == 0.5)
        #expect(request.topK == 3 && request.stopSequences == ["a", "b"] && request.isStreamed)
    }

    @Test func `what asks for nothing is accepted`() throws {
        let request = try read(
            #","tools":[],"tool_choice":{"type":"none"},"mcp_servers":[],"container":null,"#
                + #""speed":"standard","output_config":{}"#
        )
        #expect(request == (try read("")))
        #expect(try read(#","tool_choice":{"type":"auto"}"#) == request)
    }

    @Test func `texts come as strings and as blocks`() throws {
        let request = try read(
            #","system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"b"}]"#,
            messages: #"[{"role":"user","content":[{"type":"text","text":"c","citations":null}]}]"#
        )
        #expect(request.prompt.system == ["a", "b"] && request.prompt.turns == [.init(.user, ["c"])])
    }

    @Test func `messages of one role in a row are one turn`() throws {
        let request = try read(
            "",
            messages:
                #"[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"}]"#
        )
        #expect(request.prompt.turns == [.init(.user, ["a", "b"]), .init(.assistant, ["c"])])
        #expect(request.prompt.continuesFinalTurn)
    }

    @Test func `empty texts say nothing`() throws {
        let system = try read(#","system":"""#)
        #expect(system == (try read("")))
        #expect(try read(#","system":[{"type":"text","text":""},{"type":"text","text":"s"}]"#).prompt.system == ["s"])
        let user = #"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":""}]}"#
        for content in ["\"\"", "[]", #"[{"type":"text","text":""}]"#] {
            let request = try read("", messages: #"[\#(user),{"role":"assistant","content":\#(content)}]"#)
            #expect(request.prompt.turns == [.init(.user, ["a"])] && !request.prompt.continuesFinalTurn)
        }
        let silent = try read("", messages: #"[\#(user),{"role":"assistant","content":""},\#(user)]"#)
        #expect(silent.prompt.turns == [.init(.user, ["a"]), .init(.assistant, []), .init(.user, ["a"])])
        let both = #"{"role":"assistant","content":"b"},{"role":"assistant","content":""}"#
        let begun = try read("", messages: "[\(user),\(both)]")
        #expect(begun.prompt.turns.last == .init(.assistant, ["b"]) && begun.prompt.continuesFinalTurn)
    }

    @Test(arguments: [
        (#","thread":{"type":"create"}"#, "unsupported_parameter", "thread"),
        (#","mcp_servers":[{}]"#, "unsupported_parameter", "mcp_servers"),
        (#","container":"c""#, "unsupported_parameter", "container"),
        (#","context_management":{}"#, "unsupported_parameter", "context_management"),
        (#","diagnostics":{"previous_message_id":null}"#, "unsupported_parameter", "diagnostics"),
        (#","inference_geo":"eu""#, "unsupported_parameter", "inference_geo"),
        (#","speed":"fast""#, "unsupported_parameter", "speed"),
        (#","service_tier":"priority""#, "unsupported_parameter", "service_tier"),
        (#","temperature":1.1"#, "decimal_above_max_value", "temperature"),
        (#","top_k":-1"#, "integer_below_min_value", "top_k"),
        (#","stop_sequences":"a""#, "invalid_type", "stop_sequences"),
        (#","stop_sequences":["a",""]"#, "invalid_value", "stop_sequences"),
        (#","stop_sequences":[1]"#, "invalid_type", "stop_sequences[0]"),
        (#","metadata":{"user":"u"}"#, "unknown_parameter", "metadata.user"),
        (#","cache_control":{"type":"eternal"}"#, "invalid_value", "cache_control.type"),
        (#","cache_control":{"ttl":"5m"}"#, "missing_required_parameter", "cache_control.type"),
        (#","cache_control":{"type":"ephemeral","ttl":"2h"}"#, "invalid_value", "cache_control.ttl"),
        (#","cache_control":"ephemeral""#, "invalid_type", "cache_control"),
        (#","system":7"#, "invalid_type", "system"),
        (#","system":[{"type":"image"}]"#, "unsupported_parameter", "system[0]"),
        (#","n":2"#, "unknown_parameter", "n"),
    ])
    func `what cannot be honoured is refused by name`(fields: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try read(fields) }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    @Test(arguments: [
        ("image", "unsupported_parameter", "messages[0].content[0]"),
        ("document", "unsupported_parameter", "messages[0].content[0]"),
        ("server_tool_use", "unsupported_parameter", "messages[0].content[0]"),
        ("redacted_thinking", "unsupported_parameter", "messages[0].content[0]"),
        ("tool_use", "invalid_value", "messages[0].content[0].type"),
        ("thinking", "invalid_value", "messages[0].content[0].type"),
        ("tool_result", "missing_required_parameter", "messages[0].content[0].tool_use_id"),
        ("poem", "invalid_value", "messages[0].content[0].type"),
        ("text", "missing_required_parameter", "messages[0].content[0].text"),
    ])
    func `blocks that cannot be read are refused by name`(type: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) {
            try read("", messages: #"[{"role":"user","content":[{"type":"\#(type)"}]}]"#)
        }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    @Test(arguments: [
        ("[]", "empty_array", "messages"), ("{}", "invalid_type", "messages"),
        (#"[{"role":"poet","content":"a"}]"#, "invalid_value", "messages[0].role"),
        (#"[{"role":"user"}]"#, "missing_required_parameter", "messages[0].content"),
        (#"[{"role":"user","content":"a","name":"b"}]"#, "unknown_parameter", "messages[0].name"),
        (#"[{"role":"assistant","content":"a "}]"#, "invalid_value", "messages[0].content"),
        (
            #"[{"role":"assistant","content":"a\n"},{"role":"assistant","content":""}]"#,
            "invalid_value",
            "messages[1].content"
        ),
        (#"[{"role":"assistant","content":""}]"#, "invalid_value", "messages"),
        (#"["hi"]"#, "invalid_type", "messages[0]"), ("null", "missing_required_parameter", "messages"),
        (#"[{"role":7,"content":"a"}]"#, "invalid_type", "messages[0].role"),
        (#"[{"role":"user","content":["a"]}]"#, "invalid_type", "messages[0].content[0]"),
        (#"[{"role":"user","content":{"type":"text"}}]"#, "invalid_type", "messages[0].content"),
        (
            #"[{"role":"user","content":[{"type":"text","text":null}]}]"#, "missing_required_parameter",
            "messages[0].content[0].text"
        ),
    ])
    func `messages that mean nothing are refused by name`(messages: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try read("", messages: messages) }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    @Test func `a count has no answer to bound`() throws {
        let body = try JSONValue(parsing: #"{"model":"m",\#(Self.messages)}"#)
        #expect(try CountTokensRequest(body).prompt == (try read("").prompt))
        let error = #expect(throws: APIError.self) { try MessagesRequest(body) }
        #expect(error?.parameter == "max_tokens")
    }

    @Test func `errors have Anthropic's kinds and statuses`() {
        let kinds: [(Int, String)] = [
            (400, "invalid_request_error"), (401, "authentication_error"), (404, "not_found_error"),
            (405, "invalid_request_error"), (413, "request_too_large"), (500, "api_error"), (503, "api_error"),
            (504, "timeout_error"),
        ]
        for (status, kind) in kinds {
            let error = MessagesError(APIError(status: status, "no"))
            #expect(error.status == status && error.kind == kind)
        }
        let busy = MessagesError(APIError(status: 429, kind: .rateLimit, "no"))
        #expect(busy.status == 529)
        #expect(
            busy.json(requestID: "r").serialized()
                == #"{"type":"error","error":{"type":"overloaded_error","message":"no"},"request_id":"r"}"#
        )
    }

    @Test func `a client that asks for a held conversation is told that it must do without`() throws {
        let error = try #require(throws: APIError.self) { try read(#","thread":{"type":"create"}"#) }
        let details = MessagesError(error).json(requestID: "r")["error"]?["details"]
        #expect(details == ["error_code": "thread_unsupported_request", "unsupported": ["thread"]])
        #expect(MessagesError(.missing("thread")).details == nil)
    }

    @discardableResult
    private func read(_ fields: String, messages: String? = nil) throws -> MessagesRequest {
        let messages = messages.map { #""messages":\#($0)"# } ?? Self.messages
        return try MessagesRequest(try JSONValue(parsing: #"{"model":"m","max_tokens":5,\#(messages)\#(fields)}"#))
    }
}
