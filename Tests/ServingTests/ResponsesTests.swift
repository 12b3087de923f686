import Deployments
import Foundation
import Inference
import JSON
import Serving
import Storage
import Testing

@Suite struct ResponsesTests {
    static let question = #""model":"scripted","input":"hi""#

    /// What a response repeats of a request that says nothing.
    private static func settings(store: Bool) -> String {
        #""instructions":null,"max_output_tokens":null,"max_tool_calls":null,"previous_response_id":null,"#
            + #""prompt_cache_key":null,"safety_identifier":null,"user":null,"background":false,"metadata":{},"#
            + #""parallel_tool_calls":true,"reasoning":{"effort":null,"summary":null},"service_tier":"default","#
            + #""text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"#
            + #""truncation":"disabled","temperature":1.0,"top_p":1.0,"store":\#(store)"#
    }

    @Test func `a whole response is written byte by byte`() async throws {
        try await withServer { server in
            let response = try await server.send("POST", "/v1/responses", "{\(Self.question)}")
            #expect(response.status == 200)
            #expect(
                response.body
                    == #"{"id":"resp_id3","object":"response","created_at":1700000000,"status":"completed","#
                    + #""completed_at":1700000000,"error":null,"incomplete_details":null,"model":"scripted","output":["#
                    + #"{"id":"msg_id3_0","type":"message","status":"completed","role":"assistant","content":["#
                    + #"{"type":"output_text","annotations":[],"logprobs":[],"text":"Héllo!"}]}],"#
                    + Self.settings(store: false)
                    + #","usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"#
                    + #""output_tokens":8,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":17}}"#
            )
        }
    }

    @Test func `a stream tells the same response, event by event`() async throws {
        try await withServer { server in
            let whole = try await server.send("POST", "/v1/responses", "{\(Self.question)}").json()
            let events = try await events(server, Self.question)
            let place = #""item_id":"msg_ID_0","output_index":0,"content_index":0,"#
            let types = events.map { $0["type"]?.stringValue ?? "" }
            #expect(
                types == ["response.created", "response.in_progress", "response.output_item.added"]
                    + ["response.content_part.added"] + Array(repeating: "response.output_text.delta", count: 6)
                    + ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
                    + ["response.completed"]
            )
            #expect(events.map { $0["sequence_number"]?.integerValue } == Array(0..<14))
            let id = try #require(events[0]["response"]?["id"]?.stringValue).dropFirst(5)
            #expect(
                events[4].serialized()
                    == #"{"type":"response.output_text.delta","sequence_number":4,"#
                    + place.replacing("ID", with: id) + #""delta":"H","logprobs":[]}"#
            )
            #expect(events.compactMap { $0["delta"]?.stringValue }.joined() == "Héllo!")
            let last = try #require(events.last?["response"])
            #expect(last["output"] == [try #require(events[12]["item"])])
            let oldID = try #require(whole["id"]?.stringValue).dropFirst(5)
            // Only what was cached differs.
            let told = last.serialized().replacing(id, with: oldID).replacing(
                #"cached_tokens":8"#,
                with: #"cached_tokens":0"#
            )
            #expect(told == whole.serialized())
        }
    }

    @Test func `a response that is cut off says so`() async throws {
        try await withServer { server in
            let body = Self.question + #","max_output_tokens":3"#
            let response = try await server.send("POST", "/v1/responses", "{\(body)}").json()
            #expect(response["status"] == "incomplete" && response["completed_at"] == .null)
            #expect(response["incomplete_details"] == ["reason": "max_output_tokens"])
            #expect(response["output"]?[0]?["status"] == "incomplete")
            let events = try await events(server, body)
            #expect(events.last?["type"] == "response.incomplete")
            #expect(events.last?["response"]?["output"]?[0]?["content"] == response["output"]?[0]?["content"])
        }
    }

    @Test func `a stored response is found, goes on, shows its input, and is forgotten`() async throws {
        try await withServer(storage: MemoryStore()) { server in
            let first = try await server.send("POST", "/v1/responses", "{\(Self.question),\"instructions\":\"x\"}")
                .json()
            let id = try #require(first["id"]?.stringValue)
            #expect(first["store"] == true)
            #expect(try await server.send("GET", "/v1/responses/\(id)").json() == first)
            let body = #""model":"scripted","input":"more","previous_response_id":"\#(id)""#
            let second = try await server.send("POST", "/v1/responses", "{\(body)}").json()
            // <user>hi, <assistant>Héllo!, <user>more: the instructions are not carried over.
            #expect(second["usage"]?["input_tokens"] == 39)
            #expect(second["previous_response_id"] == .string(id))
            let next = try #require(second["id"]?.stringValue)
            let list = try await server.send("GET", "/v1/responses/\(next)/input_items?order=asc").json()
            let texts = list["data"]?.arrayValue?.map { $0["content"]?[0]?["text"]?.stringValue }
            #expect(texts == ["hi", "Héllo!", "more"])
            #expect(list["has_more"] == false && list["first_id"] == list["data"]?[0]?["id"])
            let page = try await server.send("GET", "/v1/responses/\(next)/input_items?limit=1").json()
            #expect(page["data"]?[0]?["content"]?[0]?["text"] == "more" && page["has_more"] == true)
            let gone = try await server.send("DELETE", "/v1/responses/\(id)")
            #expect(gone.body == #"{"id":"\#(id)","object":"response","deleted":true}"#)
            #expect(try await server.send("GET", "/v1/responses/\(id)").status == 404)
            let error = try await server.send("POST", "/v1/responses", "{\(body)}")
            #expect(error.status == 400)
            #expect(try error.error()["code"] == "previous_response_not_found")
        }
    }

    @Test func `a streamed response is stored before its end is told`() async throws {
        try await withServer(storage: MemoryStore()) { server in
            let last = try #require(try await events(server, Self.question).last?["response"])
            let id = try #require(last["id"]?.stringValue)
            #expect(try await server.send("GET", "/v1/responses/\(id)").json() == last)
            let unstored = try await server.send("POST", "/v1/responses", "{\(Self.question),\"store\":false}").json()
            let path = "/v1/responses/\(unstored["id"]?.stringValue ?? "")"
            #expect(try await server.send("GET", path).status == 404)
        }
    }

    @Test func `an item of a stored response can be named`() async throws {
        try await withServer(storage: MemoryStore()) { server in
            let first = try await server.send("POST", "/v1/responses", "{\(Self.question)}").json()
            let item = try #require(first["output"]?[0]?["id"]?.stringValue)
            let input =
                #"[{"role":"user","content":"hi"},{"type":"item_reference","id":"\#(item)"},{"role":"user","content":"more"}]"#
            let body = #"{"model":"scripted","input":\#(input)}"#
            let second = try await server.send("POST", "/v1/responses", body).json()
            #expect(second["usage"]?["input_tokens"] == 39)
            let missing = try await server.send("POST", "/v1/responses", body.replacing(item, with: "msg_none"))
            #expect(missing.status == 404)
            #expect(try missing.error()["param"] == "input[1].id")
        }
    }

    @Test func `what runs in the background is polled, and can be given up`() async throws {
        try await withServer(storage: MemoryStore()) { server in
            let quick = try await server.send("POST", "/v1/responses", "{\(Self.question),\"background\":true}").json()
            #expect(quick["status"] == "in_progress" && quick["output"] == [])
            let path = "/v1/responses/\(try #require(quick["id"]?.stringValue))"
            try await server.wait("the response is complete") {
                try await server.send("GET", path).json()["status"] == "completed"
            }
            #expect(try await server.send("GET", path).json()["output"]?[0]?["content"]?[0]?["text"] == "Héllo!")
            let endless = #"{"model":"scripted","input":"endless","background":true}"#
            let slow = try await server.send("POST", "/v1/responses", endless).json()
            let id = try #require(slow["id"]?.stringValue)
            #expect(try await server.send("GET", "/v1/responses/\(id)").json()["status"] == "in_progress")
            try await server.wait("it has begun") {
                await server.directory.deployments[0].statistics().generatedTokens > 20
            }
            let cancelled = try await server.send("POST", "/v1/responses/\(id)/cancel").json()
            #expect(cancelled["status"] == "cancelled" && cancelled["error"] == .null)
            // What there is of it is not lost.
            #expect(cancelled["output"]?[0]?["content"]?[0]?["text"]?.stringValue?.hasPrefix("aaa") == true)
            #expect(cancelled["usage"]?["output_tokens"]?.doubleValue ?? 0 > 2)
            try await server.waitUntilIdle()
            #expect(try await server.send("POST", "/v1/responses/\(id)/cancel").json() == cancelled)
            let other = try await server.send("POST", "/v1/responses", endless).json()["id"]?.stringValue ?? ""
            #expect(try await server.send("DELETE", "/v1/responses/\(other)").status == 200)
            try await server.waitUntilIdle()
            #expect(try await server.send("GET", "/v1/responses/\(other)").status == 404)
        }
    }

    @Test func `a response that its server did not live to complete has failed`() async throws {
        let store = MemoryStore()
        try await store.put(
            StoredRecord(
                id: "resp_x",
                previousID: nil,
                body: #"{"id":"resp_x","status":"in_progress","background":true,"error":null,"output":[]}"#,
                input: "[]",
                itemIDs: []
            )
        )
        try await withServer(storage: store) { server in
            for (method, path) in [("GET", "/v1/responses/resp_x"), ("POST", "/v1/responses/resp_x/cancel")] {
                let response = try await server.send(method, path).json()
                #expect(response["status"] == "failed" && response["error"]?["code"] == "server_error")
            }
            let body = #"{"model":"scripted","input":"hi","previous_response_id":"resp_x"}"#
            let refused = try await server.send("POST", "/v1/responses", body)
            #expect(refused.status == 400)
            #expect(try refused.error()["param"] == "previous_response_id")
        }
    }

    /// The events of a streamed response, whose names must be their types.
    func events(_ server: RunningServer, _ fields: String) async throws -> [JSONValue] {
        let response = try await server.send("POST", "/v1/responses", "{\(fields),\"stream\":true}")
        #expect(response.headers["content-type"] == "text/event-stream; charset=utf-8")
        return try response.body.components(separatedBy: "\n\n").dropLast().map { event in
            let lines = event.split(separator: "\n")
            let value = try JSONValue(parsing: String(try #require(lines.last).dropFirst(6)))
            #expect(lines.first.map(String.init) == "event: \(value["type"]?.stringValue ?? "")")
            return value
        }
    }
}

/// The scripted model knows nothing of functions and structures: what comes out is the constraint's doing alone.
@Suite struct ResponsesToolTests {
    private static let tools = #"""
        "tools":[{"type":"function","name":"roll","parameters":{"type":"object","properties":
        {"sides":{"enum":[6,20]},"times":{"type":"integer","minimum":1,"maximum":9}},"required":["sides","times"]}}]
        """#

    @Test(arguments: [
        #""required""#, #"{"type":"function","name":"roll"}"#,
        #"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"roll"}]}"#,
    ])
    func `a required call is made, whole and streamed`(choice: String) async throws {
        try await withServer { server in
            let fields =
                "\(ResponsesTests.question),\(Self.tools),\"tool_choice\":\(choice),\"parallel_tool_calls\":false"
            let response = try await server.send("POST", "/v1/responses", "{\(fields)}").json()
            let call = try #require(response["output"]?[0])
            #expect(call["type"] == "function_call" && call["name"] == "roll" && call["status"] == "completed")
            let text = try #require(call["arguments"]?.stringValue)
            let arguments = try JSONValue(parsing: text)
            #expect([6, 20].contains(arguments["sides"]?.integerValue))
            let events = try await ResponsesTests().events(server, fields)
            let deltas = events.filter { $0["type"] == "response.function_call_arguments.delta" }
            let done = events.first { $0["type"] == "response.function_call_arguments.done" }
            #expect(deltas.compactMap { $0["delta"]?.stringValue }.joined() == done?["arguments"]?.stringValue)
            let last = events.last?["response"]?["output"]?[0]
            #expect(last?["arguments"] == done?["arguments"])
            #expect(events.first { $0["type"] == "response.output_item.done" }?["item"] == last)
        }
    }

    @Test func `the call and its result go into the next prompt`() async throws {
        try await withServer { server in
            let input =
                #"[{"role":"user","content":"hi"},{"type":"function_call","call_id":"c1","name":"roll","arguments":"{\"sides\":6}"},"#
                + #"{"type":"function_call_output","call_id":"c1","output":"4"}]"#
            let body = #"{"model":"scripted","input":\#(input)}"#
            let count = try await server.send("POST", "/v1/responses/input_tokens", body).json()
            let messages =
                #"[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","#
                + #""type":"function","function":{"name":"roll","arguments":"{\"sides\":6}"}}]},"#
                + #"{"role":"tool","tool_call_id":"c1","content":"4"}]"#
            let chat = #"{"model":"scripted","max_tokens":1,"messages":\#(messages)}"#
            let usage = try await server.send("POST", "/v1/chat/completions", chat).json()["usage"]
            #expect(count["object"] == "response.input_tokens")
            #expect(count["input_tokens"] == usage?["prompt_tokens"])
        }
    }

    @Test(arguments: [
        (#"{"type":"json_schema","name":"n","schema":{"enum":[7,8]}}"#, ["7", "8"]),
        (#"{"type":"json_schema","name":"n","strict":true,"schema":{"const":"é"}}"#, ["\"é\""]),
    ])
    func `an answer has the format that was asked for`(format: String, allowed: [String]) async throws {
        try await withServer { server in
            let body = "{\(ResponsesTests.question),\"text\":{\"format\":\(format)}}"
            let response = try await server.send("POST", "/v1/responses", body).json()
            #expect(allowed.contains(response["output"]?[0]?["content"]?[0]?["text"]?.stringValue ?? ""))
            #expect(response["text"]?["format"] == (try JSONValue(parsing: format)))
        }
    }

    @Test func `log probabilities come with the text, whole and streamed`() async throws {
        try await withServer { server in
            let fields = ResponsesTests.question + #","top_logprobs":2,"include":["message.output_text.logprobs"]"#
            let whole = try await server.send("POST", "/v1/responses", "{\(fields)}").json()
            let logprobs = try #require(whole["output"]?[0]?["content"]?[0]?["logprobs"]?.arrayValue)
            #expect(logprobs.count == 7 && logprobs[0]["top_logprobs"]?.arrayValue?.count == 2)
            let events = try await ResponsesTests().events(server, fields)
            #expect(events.flatMap { $0["delta"] == nil ? [] : $0["logprobs"]?.arrayValue ?? [] } == logprobs)
        }
    }

    // By the context, and by a cache that holds less.
    @Test(arguments: [ScriptedDeployment.Room(contextLength: 64), .init(contextLength: 4_096, blockCount: 8)])
    func `the oldest turns go where all do not fit, when that is asked for`(room: ScriptedDeployment.Room) async throws
    {
        let small = try ScriptedDeployment.make(room: room)
        try await withServer(directory: DeploymentDirectory([small])) { server in
            let turns = (0..<12).map { #"{"role":"user","content":"turn \#($0)"}"# }.joined(separator: ",")
            let body = #""model":"scripted","instructions":"x","max_output_tokens":16,"input":[\#(turns)]"#
            let refused = try await server.send("POST", "/v1/responses", "{\(body)}")
            #expect(refused.status == 400)
            #expect(try refused.error()["code"] == "context_length_exceeded")
            #expect(try refused.error()["param"] == "input")
            let fitted = try await server.send("POST", "/v1/responses", "{\(body),\"truncation\":\"auto\"}").json()
            // The instructions (10) and the last two turns (14 each).
            #expect(fitted["usage"]?["input_tokens"] == 38)
            #expect(fitted["truncation"] == "auto")
        }
    }
}

@Suite struct ResponsesErrorTests {
    /// A request that is refused, and what is said about it.
    struct Refusal: Sendable, CustomTestStringConvertible {
        var fields: String
        var parameter: String
        var code: String
        var testDescription: String { "\(parameter): \(code)" }
    }

    @Test(arguments: [
        Refusal(fields: #""input":"hi""#, parameter: "model", code: "missing_required_parameter"),
        Refusal(fields: #""model":"scripted""#, parameter: "input", code: "missing_required_parameter"),
        Refusal(fields: #""model":"scripted","input":5"#, parameter: "input", code: "invalid_type"),
        Refusal(fields: #""model":"scripted","input":[]"#, parameter: "input", code: "invalid_value"),
        Refusal(
            fields: #""model":"scripted","input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]"#,
            parameter: "input[0].content[0]",
            code: "unsupported_parameter"
        ),
        Refusal(
            fields: ResponsesTests.question + #","tools":[{"type":"web_search"}]"#,
            parameter: "tools[0].type",
            code: "unsupported_parameter"
        ),
        Refusal(
            fields: ResponsesTests.question + #","tool_choice":"required""#,
            parameter: "tool_choice",
            code: "invalid_value"
        ),
        Refusal(
            fields: ResponsesTests.question + #","conversation":"conv_1""#,
            parameter: "conversation",
            code: "unsupported_parameter"
        ),
        Refusal(
            fields: ResponsesTests.question + #","previous_response_id":"resp_none""#,
            parameter: "previous_response_id",
            code: "previous_response_not_found"
        ),
        Refusal(fields: ResponsesTests.question + #","store":true"#, parameter: "store", code: "unsupported_parameter"),
        Refusal(
            fields: ResponsesTests.question + #","background":true"#,
            parameter: "background",
            code: "unsupported_parameter"
        ),
        Refusal(
            fields: ResponsesTests.question
                + ##","text":{"format":{"type":"json_schema","name":"n","schema":{"$ref":"#/x"}}}"##,
            parameter: "text.format.schema",
            code: "invalid_value"
        ),
        Refusal(
            fields: ResponsesTests.question + #","reasoning":{"effort":"high"}"#,
            parameter: "reasoning.effort",
            code: "unsupported_parameter"
        ),
        Refusal(fields: ResponsesTests.question + #","messages":[]"#, parameter: "messages", code: "unknown_parameter"),
    ])
    func `a request that cannot be met is refused by name`(refusal: Refusal) async throws {
        try await withServer { server in
            let response = try await server.send("POST", "/v1/responses", "{\(refusal.fields)}")
            #expect(response.status == 400)
            let error = try response.error()
            #expect(error["param"]?.stringValue == refusal.parameter, "\(response.body)")
            #expect(error["code"]?.stringValue == refusal.code, "\(response.body)")
        }
    }

    @Test func `paths of responses that are not there answer with 404`() async throws {
        try await withServer(storage: MemoryStore()) { server in
            for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")] {
                let response = try await server.send(method, "/v1/responses/resp_none" + path)
                #expect(response.status == 404, Comment(rawValue: method + path))
                #expect(try response.error()["message"] == "Response with id 'resp_none' not found.")
            }
            #expect(try await server.send("GET", "/v1/responses/resp_none/other").status == 404)
            #expect(try await server.send("GET", "/v1/responses").status == 405)
            #expect(try await server.send("POST", "/v1/responses/resp_none").headers["allow"] == "GET, HEAD, DELETE")
        }
    }

    @Test func `a stored conversation is limited, too`() async throws {
        try await withServer({ $0.conversationBytes = 5_000 }, storage: MemoryStore()) { server in
            var (previous, count) = ("null", 0)
            while count < 10 {
                let body = "{\(ResponsesTests.question),\"previous_response_id\":\(previous)}"
                let response = try await server.send("POST", "/v1/responses", body)
                if response.status == 400 {
                    #expect(try response.error()["code"] == "context_length_exceeded")
                    #expect(try response.error()["param"] == "previous_response_id")
                    break
                }
                previous = try #require(response.json()["id"]).serialized()
                count += 1
            }
            #expect((2..<10).contains(count))
        }
    }

    @Test func `a store that fails is a server's error, whole and streamed`() async throws {
        var limits = StorageLimits()
        limits.byteCount = 10
        try await withServer(storage: MemoryStore(limits: limits)) { server in
            let whole = try await server.send("POST", "/v1/responses", "{\(ResponsesTests.question)}")
            #expect(whole.status == 500)
            #expect(try whole.error()["code"] == "storage_failed")
            let last = try await ResponsesTests().events(server, ResponsesTests.question).last
            #expect(last?["type"] == "response.failed")
            #expect(last?["response"]?["error"]?["code"] == "server_error")
            let unstored = try await server.send(
                "POST",
                "/v1/responses",
                "{\(ResponsesTests.question),\"store\":false}"
            )
            #expect(unstored.status == 200)
        }
    }

    @Test func `a stream that takes too long ends as failed`() async throws {
        try await withServer({ $0.requestTimeout = .seconds(2) }) { server in
            let events = try await ResponsesTests().events(server, #""model":"scripted","input":"endless""#)
            let last = try #require(events.last)
            #expect(last["type"] == "response.failed" && last["response"]?["status"] == "failed")
            #expect(last["sequence_number"]?.integerValue == events.count - 1)
            let text = events.compactMap { $0["delta"]?.stringValue }.joined()
            #expect(last["response"]?["output"]?[0]?["content"]?[0]?["text"] == .string(text))
        }
    }
}
