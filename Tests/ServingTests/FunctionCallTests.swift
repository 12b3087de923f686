import JSON
import Testing

/// The scripted model knows nothing of functions and structures: what comes out is the constraint's doing alone.
@Suite struct FunctionCallTests {
    private static let tools = #"""
        "tools":[{"type":"function","function":{"name":"roll","parameters":{"type":"object","properties":
        {"sides":{"enum":[6,20]},"times":{"type":"integer","minimum":1,"maximum":9}},"required":["sides","times"]}}}]
        """#

    private func choice(_ server: RunningServer, _ fields: String) async throws -> JSONValue {
        let body = "{\(ChatCompletionsTests.question),\(fields)}"
        let response = try await server.send("POST", "/v1/chat/completions", body)
        #expect(response.status == 200, "\(response.body)")
        return try #require(JSONValue(parsing: response.body)["choices"]?[0])
    }

    private func checkArguments(_ text: String?) throws {
        let arguments = try JSONValue(parsing: try #require(text))
        #expect([6, 20].contains(arguments["sides"]?.integerValue))
        #expect((1...9).contains(arguments["times"]?.integerValue ?? 0))
        #expect(arguments.objectValue?.count == 2)
    }

    @Test(arguments: [
        #""tool_choice":"required""#, #""tool_choice":{"type":"function","function":{"name":"roll"}}"#,
        #""tool_choice":"required","temperature":2,"seed":5"#,
    ])
    func `a required call is made, with valid arguments`(fields: String) async throws {
        try await withServer { server in
            let choice = try await choice(server, Self.tools + ",\"parallel_tool_calls\":false," + fields)
            #expect(choice["finish_reason"] == "tool_calls")
            #expect(choice["message"]?["content"] == .null)
            let call = try #require(choice["message"]?["tool_calls"]?[0])
            #expect(call["function"]?["name"] == "roll")
            #expect(call["id"]?.stringValue?.hasPrefix("call_") == true)
            try checkArguments(call["function"]?["arguments"]?.stringValue)
        }
    }

    @Test func `streamed deltas add up to the whole call`() async throws {
        try await withServer { server in
            let fields = Self.tools + #","tool_choice":"required","parallel_tool_calls":false,"temperature":0"#
            let whole = try await choice(server, fields)
            let body = "{\(ChatCompletionsTests.question),\(fields),\"stream\":true}"
            let response = try await server.send("POST", "/v1/chat/completions", body)
            var (name, arguments, finish) = ("", "", "")
            for line in response.body.split(separator: "\n") where line.hasPrefix("data: {") {
                let choice = try JSONValue(parsing: String(line.dropFirst(6)))["choices"]?[0]
                let function = choice?["delta"]?["tool_calls"]?[0]?["function"]
                name += function?["name"]?.stringValue ?? ""
                arguments += function?["arguments"]?.stringValue ?? ""
                finish += choice?["finish_reason"]?.stringValue ?? ""
            }
            let call = whole["message"]?["tool_calls"]?[0]?["function"]
            #expect(name == call?["name"]?.stringValue)
            #expect(arguments == call?["arguments"]?.stringValue)
            #expect(finish == "tool_calls")
        }
    }

    @Test func `a call that a stop string cuts is not told as one to make`() async throws {
        try await withServer { server in
            let choice = try await choice(server, Self.tools + #","tool_choice":"required","stop":["sides"]"#)
            #expect(choice["finish_reason"] == "stop" && choice["stop_reason"] == "sides")
        }
    }

    @Test func `a model that calls nothing says what it says without functions`() async throws {
        try await withServer { server in
            let choice = try await choice(server, Self.tools)
            #expect(choice["message"]?["content"] == "Héllo!")
            #expect(choice["message"]?["tool_calls"] == nil)
            #expect(choice["finish_reason"] == "stop")
        }
    }

    @Test func `the older way to ask gets the older answer`() async throws {
        try await withServer { server in
            let functions = #""functions":[{"name":"now"}],"function_call":{"name":"now"}"#
            let choice = try await choice(server, functions)
            #expect(choice["finish_reason"] == "function_call")
            #expect(choice["message"]?["function_call"]?["name"] == "now")
            #expect(choice["message"]?["tool_calls"] == nil)
        }
    }

    @Test(arguments: [
        (#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"enum":[7,8]}}}"#, ["7", "8"]),
        (#""structured_outputs":{"choice":["left","right"]}"#, ["left", "right"]),
        (#""guided_regex":"[xy]z""#, ["xz", "yz"]), (#""grammar":"root ::= \"a\" \"b\"?""#, ["a", "ab"]),
        (#""json_schema":{"const":"é"},"n":2,"temperature":1"#, ["\"é\""]),
    ])
    func `an answer has the structure that was asked for`(fields: String, allowed: [String]) async throws {
        try await withServer { server in
            let choice = try await choice(server, fields)
            #expect(allowed.contains(choice["message"]?["content"]?.stringValue ?? ""), "\(choice)")
            #expect(choice["finish_reason"] == "stop")
        }
    }
}
