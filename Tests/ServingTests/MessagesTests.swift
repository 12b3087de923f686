import Deployments
import Foundation
import JSON
import Serving
import Testing

@Suite struct MessagesTests {
    static let question = #""model":"scripted","max_tokens":50,"messages":[{"role":"user","content":"hi"}]"#
    static let endless = #""model":"scripted","max_tokens":4000,"messages":[{"role":"user","content":"endless"}]"#
    static let usage =
        #"{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":"#

    @Test func `a whole answer is written byte by byte`() async throws {
        try await withServer { server in
            let response = try await server.send("POST", "/v1/messages", "{\(Self.question)}")
            #expect(response.status == 200)
            #expect(response.headers["request-id"] == "req_id1")
            #expect(
                response.body
                    == #"{"id":"msg_id2","type":"message","role":"assistant","model":"scripted","content":["#
                    + #"{"type":"text","text":"Héllo!"}],"stop_reason":"end_turn","stop_sequence":null,"usage":"#
                    + Self.usage + "8}}"
            )
        }
    }

    @Test func `a stream is written byte by byte`() async throws {
        try await withServer { server in
            let response = try await server.send("POST", "/v1/messages/", "{\(Self.question),\"stream\":true}")
            #expect(response.headers["content-type"] == "text/event-stream; charset=utf-8")
            var events = [
                #"{"type":"message_start","message":{"id":"msg_id2","type":"message","role":"assistant","model":"#
                    + #""scripted","content":[],"stop_reason":null,"stop_sequence":null,"usage":"# + Self.usage
                    + "0}}}",
                #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                #"{"type":"ping"}"#,
            ]
            for character in "Héllo!" {
                events.append(
                    #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\#(character)"}}"#
                )
            }
            events += [
                #"{"type":"content_block_stop","index":0}"#,
                #"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":"#
                    + Self.usage + "8}}",
                #"{"type":"message_stop"}"#,
            ]
            let expected = try events.map { event in
                let type = try #require(try JSONValue(parsing: event)["type"]?.stringValue)
                return "event: \(type)\ndata: \(event)\n\n"
            }
            #expect(response.body == expected.joined())
        }
    }

    @Test func `an answer says why it ended`() async throws {
        let small = try ScriptedDeployment.make(name: "small", room: .init(contextLength: 32))
        let narrow = try ScriptedDeployment.make(name: "narrow", room: .init(blockCount: 4))
        let directory = DeploymentDirectory([try ScriptedDeployment.make(), small, narrow])
        try await withServer(directory: directory) { server in
            let stopped = try await server.send(
                "POST",
                "/v1/messages",
                "{\(Self.question),\"stop_sequences\":[\"xx\",\"lo\"]}"
            ).json()
            #expect(stopped["stop_reason"] == "stop_sequence" && stopped["stop_sequence"] == "lo")
            #expect(stopped["content"]?[0]?["text"] == "Hél")
            let cut = try await server.send(
                "POST",
                "/v1/messages",
                Self.question.replacing("50", with: "1").wrapped
            ).json()
            #expect(cut["stop_reason"] == "max_tokens" && cut["content"]?[0]?["text"] == "H")
            let full = try await server.send(
                "POST",
                "/v1/messages",
                Self.endless.replacing("scripted", with: "small").wrapped
            ).json()
            #expect(full["stop_reason"] == "model_context_window_exceeded")
            #expect(full["usage"]?["output_tokens"] == 18)
            // The cache holds 32 tokens, too, and the last one is never computed.
            let held = try await server.send(
                "POST",
                "/v1/messages",
                Self.endless.replacing("scripted", with: "narrow").wrapped
            ).json()
            #expect(held["stop_reason"] == "model_context_window_exceeded")
            #expect(held["usage"]?["output_tokens"] == 19)
        }
    }

    @Test func `cached tokens are told apart, and all are what was counted`() async throws {
        try await withServer { server in
            let prompt =
                #""model":"scripted","system":[{"type":"text","text":"be brief"}],"#
                + #""messages":[{"role":"user","content":"hi"}]"#
            let counted = try await server.send("POST", "/v1/messages/count_tokens", "{\(prompt)}")
            #expect(counted.body == #"{"input_tokens":26}"#)
            let first = try await server.send("POST", "/v1/messages", "{\(prompt),\"max_tokens\":9}").json()
            #expect(first["usage"]?["input_tokens"] == 26)
            let second = try await server.send("POST", "/v1/messages", "{\(prompt),\"max_tokens\":9}").json()
            #expect(second["usage"]?["input_tokens"] == 2)
            #expect(second["usage"]?["cache_read_input_tokens"] == 24)
            let stream = try await server.send("POST", "/v1/messages", "{\(prompt),\"max_tokens\":9,\"stream\":true}")
            let usage = #""usage":{"input_tokens":2,"cache_creation_input_tokens":0,"cache_read_input_tokens":24,"#
            #expect(stream.body.components(separatedBy: usage).count == 3)
        }
    }

    @Test func `models are listed in the form of the client that asks`() async throws {
        try await withServer { server in
            let headers = ["anthropic-version": "2023-06-01"]
            let list = try await server.send("GET", "/v1/models?limit=5", headers: headers)
            let model =
                #"{"type":"model","id":"scripted","display_name":"scripted","created_at":"2023-11-14T22:13:20Z","#
                + #""lifecycle":"active","max_input_tokens":4096,"max_tokens":4096}"#
            #expect(
                list.body == #"{"data":[\#(model)],"has_more":false,"first_id":"scripted","last_id":"scripted"}"#
            )
            #expect(list.headers["request-id"] != nil)
            #expect(try await server.send("GET", "/v1/models/scripted", headers: headers).body == model)
            let missing = try await server.send("GET", "/v1/models/other", headers: headers)
            #expect(missing.status == 404)
            #expect(try missing.json()["type"] == "error")
            #expect(try await server.send("GET", "/v1/models").json()["object"] == "list")
        }
    }

    @Test func `the assistant's last message is gone on with`() async throws {
        try await withServer { server in
            let messages = #"[{"role":"user","content":"hi"},{"role":"assistant","content":"x\nHé"}]"#
            let body = #"{"model":"scripted","max_tokens":50,"messages":\#(messages)}"#
            let answer = try await server.send("POST", "/v1/messages", body).json()
            #expect(answer["content"]?[0]?["text"] == "llo!")
        }
    }

    @Test func `instructions stand first or inside the conversation`() async throws {
        try await withServer { server in
            func check(_ system: String, _ messages: String, tokens: JSONValue) async throws {
                let body = #"{"model":"scripted",\#(system)"messages":[\#(messages)]}"#
                let answer = try await server.send("POST", "/v1/messages/count_tokens", body).json()
                #expect(answer["input_tokens"] == tokens, Comment(rawValue: body))
            }
            let user = #"{"role":"user","content":"hi"}"#
            let system = #"{"role":"system","content":"be brief"}"#
            try await check("", user, tokens: 9)
            try await check("", "\(system),\(user)", tokens: 26)
            try await check("", "\(user),\(system)", tokens: 26)
            // One message of two lines.
            try await check(#""system":"a","#, "\(system),\(user)", tokens: 28)
        }
    }

    @Test func `an answer begun in several blocks is gone on with, whatever the template makes of them`() async throws {
        let template =
            "{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% else %}"
            + "{% for part in m.content %}{{ part.text }}{% endfor %}{% endif %}<end>{% endfor %}"
        let parts = try ScriptedDeployment.make(name: "parts", template: template)
        try await withServer(directory: DeploymentDirectory([try ScriptedDeployment.make(), parts])) { server in
            let blocks = #"[{"type":"text","text":"x\nH"},{"type":"text","text":"\nHé"}]"#
            let messages = #"[{"role":"user","content":"hi"},{"role":"assistant","content":\#(blocks)}]"#
            for name in ["scripted", "parts"] {
                let body = #"{"model":"\#(name)","max_tokens":50,"messages":\#(messages)}"#
                let answer = try await server.send("POST", "/v1/messages", body).json()
                #expect(answer["content"]?[0]?["text"] == "llo!", Comment(rawValue: name))
            }
        }
    }

    @Test func `closing the socket cancels a stream at once`() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            try await connection.send("POST", "/v1/messages", "{\(Self.endless),\"stream\":true}")
            _ = try await connection.receive(until: #""text_delta","text":"a""#)
            connection.close()
            try await server.waitUntilIdle()
            let metrics = try await server.send("GET", "/metrics").body
            #expect(metrics.contains("hearth_client_disconnects_total 1\n"))
            #expect(metrics.contains(#"hearth_http_responses_total{route="messages",status="200"} 1"#))
        }
    }

    @Test func `a stream that takes too long ends with an error event`() async throws {
        try await withServer({ $0.requestTimeout = .milliseconds(200) }) { server in
            let stream = try await server.send("POST", "/v1/messages", "{\(Self.endless),\"stream\":true}")
            let last = try #require(stream.body.components(separatedBy: "\n\n").dropLast().last)
            #expect(last.hasPrefix("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"timeout_error\","))
            #expect(!stream.body.contains("message_stop"))
            let whole = try await server.send("POST", "/v1/messages", "{\(Self.endless)}")
            #expect(whole.status == 504)
            #expect(try whole.error()["type"] == "timeout_error")
        }
    }

    @Test func `silence is filled with pings`() async throws {
        try await withServer({ $0.keepAliveInterval = .milliseconds(5) }) { server in
            let stop = String(repeating: "a", count: 1001)
            let body = Self.endless.replacing("4000", with: "1000") + #","stream":true,"stop_sequences":["\#(stop)"]"#
            let response = try await server.send("POST", "/v1/messages", body.wrapped)
            let parts = response.body.components(separatedBy: "event: message_start\n")
            #expect(parts.count == 2 && parts[0].replacing(": keep-alive\n\n", with: "").isEmpty)
            #expect(parts[1].components(separatedBy: "event: ping\n").count > 2)
            #expect(!parts[1].contains(": keep-alive"))
        }
    }
}

@Suite struct MessagesErrorTests {
    /// A request that is refused, and what is said about it.
    struct Refusal: Sendable {
        var path = "/v1/messages"
        var body: String
        var status = 400
        var kind = "invalid_request_error"
        /// Stands in the message.
        var name: String
    }

    static let question = MessagesTests.question

    static let refusals: [Refusal] = [
        Refusal(body: "{", name: "JSON"),
        Refusal(body: #"{"model":"scripted","messages":[{"role":"user","content":"a"}]}"#, name: "'max_tokens'"),
        Refusal(body: "{\(question),\"tools\":[{\"name\":\"f\"}]}", name: "'tools[0].input_schema'"),
        Refusal(
            body: (question + #","tools":[{"name":"f","input_schema":{"properties":{"a":{"format":"nope"}}}}]"#)
                .wrapped,
            name: "'tools'"
        ),
        Refusal(
            body: (question + #","output_config":{"format":{"type":"json_schema","schema":{"format":"nope"}}}"#)
                .wrapped,
            name: "'output_config.format.schema'"
        ),
        Refusal(
            body: (question + #","tools":[{"name":"f","input_schema":{}}],"#
                + #""output_config":{"format":{"type":"json_schema","schema":{"format":"nope"}}}"#).wrapped,
            name: "'output_config.format.schema'"
        ),
        Refusal(
            body: (question + #","tools":[{"name":"f","input_schema":{"properties":{"a":{"format":"nope"}}}}],"#
                + #""output_config":{"format":{"type":"json_schema","schema":{}}}"#).wrapped,
            name: "'tools': at '/properties/a/format': function 'f'"
        ),
        Refusal(body: "{\(question),\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":9}}", name: "'thinking'"),
        Refusal(body: "{\(question),\"output_config\":{\"effort\":\"low\"}}", name: "'output_config.effort'"),
        Refusal(body: "{\(question),\"temperature\":1.5}", name: "'temperature'"),
        Refusal(body: "{\(question),\"temprature\":1}", name: "'temprature'"),
        Refusal(
            body: question.replacing("scripted", with: "other").wrapped,
            status: 404,
            kind: "not_found_error",
            name: "'other'"
        ),
        Refusal(
            path: "/v1/messages/count_tokens",
            body: "{\(question)}",
            name: "'max_tokens'"
        ),
        Refusal(path: "/v1/messages/batches", body: "{}", status: 404, kind: "not_found_error", name: "/batches"),
    ]

    @Test func `every refusal has its status and the shape of Anthropic's errors`() async throws {
        try await withServer { server in
            for refusal in Self.refusals {
                let response = try await server.send("POST", refusal.path, refusal.body)
                let label = Comment(rawValue: refusal.body + response.body)
                #expect(response.status == refusal.status, label)
                let body = try response.json()
                #expect(body.objectValue?.keys == ["type", "error", "request_id"], label)
                #expect(body["type"] == "error" && body["request_id"]?.stringValue?.hasPrefix("req_id") == true, label)
                #expect(try response.error()["type"]?.stringValue == refusal.kind, label)
                #expect(try response.error()["message"]?.stringValue?.contains(refusal.name) == true, label)
            }
            let method = try await server.send("GET", "/v1/messages")
            #expect(method.status == 405 && method.headers["allow"] == "POST")
        }
    }

    @Test func `a key is shown as Anthropic's clients do`() async throws {
        try await withServer({ $0.apiKeys = ["secret"] }) { server in
            let body = "{\(Self.question)}"
            let refused = try await server.send("POST", "/v1/messages", body, headers: ["x-api-key": "other"])
            #expect(refused.status == 401)
            #expect(try refused.error()["type"] == "authentication_error")
            for headers in [
                ["x-api-key": "secret", "anthropic-version": "2023-06-01"], ["Authorization": "Bearer secret"],
            ] {
                #expect(try await server.send("POST", "/v1/messages", body, headers: headers).status == 200)
            }
        }
    }

    @Test func `a server with too much to do says 529 and when to come back`() async throws {
        try await withServer({ $0.concurrentRequestLimit = 0 }) { server in
            let refused = try await server.send("POST", "/v1/messages", "{\(Self.question)}")
            #expect(refused.status == 529)
            #expect(try refused.error()["type"] == "overloaded_error")
            #expect(refused.headers["retry-after"] == "1")
        }
    }
}

extension String {
    /// The members as an object.
    var wrapped: String { "{\(self)}" }
}
