import AnthropicAPI
import Deployments
import JSON
import OpenAIAPI
import Testing

@testable import Serving

/// The scripted model knows nothing of functions and structures: what comes out is the constraint's doing alone.
@Suite struct MessagesFunctionTests {
    private static let tools = #"""
        "tools":[{"name":"roll","input_schema":{"type":"object","properties":
        {"sides":{"enum":[6,20]},"times":{"type":"integer","minimum":1,"maximum":9}},"required":["sides","times"]}}]
        """#
    private static let one = #""tool_choice":{"type":"any","disable_parallel_tool_use":true}"#

    private static let question = MessagesTests.question.replacing("50", with: "300")

    private func ask(_ server: RunningServer, _ fields: String) async throws -> JSONValue {
        let response = try await server.send("POST", "/v1/messages", "{\(Self.question),\(fields)}")
        #expect(response.status == 200, "\(response.body)")
        return try response.json()
    }

    private func checkInput(_ input: JSONValue?) throws {
        let input = try #require(input?.objectValue)
        #expect([6, 20].contains(input["sides"]?.integerValue))
        #expect((1...9).contains(input["times"]?.integerValue ?? 0))
        #expect(input.count == 2)
    }

    @Test(arguments: [
        one, #""tool_choice":{"type":"tool","name":"roll","disable_parallel_tool_use":true}"#,
        one + #","temperature":1"#,
    ])
    func `a required call is made, with valid arguments`(fields: String) async throws {
        try await withServer { server in
            let answer = try await ask(server, Self.tools + "," + fields)
            #expect(answer["stop_reason"] == "tool_use" && answer["stop_sequence"] == .null)
            #expect(answer["content"]?.arrayValue?.count == 1)
            let block = try #require(answer["content"]?[0]?.objectValue)
            #expect(block.keys == ["type", "id", "name", "input"])
            #expect(block["type"] == "tool_use" && block["name"] == "roll")
            #expect(block["id"]?.stringValue?.hasPrefix("toolu_") == true)
            try checkInput(block["input"])
        }
    }

    @Test func `streamed deltas add up to the whole call`() async throws {
        try await withServer { server in
            let fields = Self.tools + "," + Self.one + #","temperature":0"#
            let whole = try await ask(server, fields)
            let body = "{\(Self.question),\(fields),\"stream\":true}"
            let stream = try await server.send("POST", "/v1/messages", body)
            let events = try stream.body.split(separator: "\n").filter { $0.hasPrefix("data: ") }
                .map { try JSONValue(parsing: String($0.dropFirst(6))) }
            let start = try #require(events.first { $0["type"] == "content_block_start" })
            #expect(start["index"] == 0 && start["content_block"]?["input"] == [:])
            #expect(start["content_block"]?["name"] == "roll")
            let deltas = events.compactMap { $0["delta"]?["partial_json"]?.stringValue }
            #expect(deltas.count > 1)
            #expect(try JSONValue(parsing: deltas.joined()) == whole["content"]?[0]?["input"])
            #expect(events.filter { $0["type"] == "content_block_stop" }.map { $0["index"] } == [0])
            let end = try #require(events.first { $0["type"] == "message_delta" })
            #expect(
                end["delta"]?["stop_reason"] == "tool_use"
                    && end["usage"]?["output_tokens"] == whole["usage"]?["output_tokens"]
            )
        }
    }

    @Test func `a call that is cut off keeps what is certain of its arguments`() async throws {
        try await withServer { server in
            let fields = Self.tools + "," + Self.one + #","temperature":0"#
            let whole = try await ask(server, fields)
            let count = try #require(whole["usage"]?["output_tokens"]?.integerValue)
            var seen: Set<Int> = []
            for limit in (count - 50)..<(count - 4) {
                let question = Self.question.replacing("300", with: String(limit))
                let answer = try await server.send("POST", "/v1/messages", "{\(question),\(fields)}").json()
                #expect(answer["stop_reason"] == "max_tokens")
                let input = try #require(answer["content"]?[0]?["input"]?.objectValue)
                for (key, value) in input { #expect(value == whole["content"]?[0]?["input"]?[key], "\(answer)") }
                seen.insert(input.count)
            }
            #expect(seen == [1, 2])
        }
    }

    @Test func `a model that calls nothing says what it says without functions`() async throws {
        try await withServer { server in
            let answer = try await ask(server, Self.tools)
            #expect(answer["content"] == [["type": "text", "text": "Héllo!"]])
            #expect(answer["stop_reason"] == "end_turn")
        }
    }

    @Test func `functions are part of what is counted`() async throws {
        try await withServer { server in
            func count(_ fields: String) async throws -> Int? {
                let prompt = #""model":"scripted","messages":[{"role":"user","content":"hi"}]"#
                let body = "{\(prompt),\(fields)}"
                return try await server.send("POST", "/v1/messages/count_tokens", body).json()["input_tokens"]?
                    .integerValue
            }
            let usage = try await ask(server, Self.tools)["usage"]
            let counted = try await count(Self.tools)
            #expect(counted == usage?["input_tokens"]?.integerValue && counted ?? 0 > 100)
            #expect(try await count(Self.tools + #","tool_choice":{"type":"none"}"#) == 9)
        }
    }

    @Test(arguments: [
        #""output_config":{"format":{"type":"json_schema","schema":{"enum":[7,8]}}}"#,
        #""output_format":{"type":"json_schema","schema":{"enum":[7,8]}},"temperature":1"#,
    ])
    func `an answer has the structure that was asked for`(fields: String) async throws {
        try await withServer { server in
            let answer = try await ask(server, fields)
            let text = answer["content"]?[0]?["text"]?.stringValue ?? ""
            #expect(["7", "8"].contains(text) && answer["stop_reason"] == "end_turn")
        }
    }

    @Test func `calls, results and thoughts reach the template as it takes them`() throws {
        let template =
            "{% for m in messages %}<{{ m.role }}>{% if m.reasoning_content %}({{ m.reasoning_content }}){% endif %}"
            + "{{ m.content }}{% endfor %}"
        let messages = #"""
            [{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"so"},
            {"type":"text","text":"Wait."},{"type":"tool_use","id":"a","name":"f","input":{"x":1}},
            {"type":"tool_use","id":"b","name":"g","input":{}}]},{"role":"user","content":[
            {"type":"tool_result","tool_use_id":"b","content":"two","is_error":true},
            {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"one"}]},
            {"type":"text","text":"And?"}]}]
            """#
        let body = try JSONValue(parsing: #"{"model":"m","max_tokens":5,"messages":\#(messages)}"#)
        let deployment = try ScriptedDeployment.make(template: template)
        let request = try ChatRequest(try MessagesRequest(body), for: deployment, id: "r")
        guard case .chat(let chat) = request.text.prompt else {
            Issue.record("the prompt is no chat")
            return
        }
        let calls =
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>\n"
            + "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>"
        let results =
            "<tool_response>\nError: two\n</tool_response>\n<tool_response>\none\n</tool_response>\nAnd?"
        #expect(
            try deployment.renderPrompt(chat) == "<user>q<assistant>(so)Wait.\n\(calls)<user>\(results)"
        )
    }
}
