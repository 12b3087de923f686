import Inference
import JSON
import Serving
import Testing

@Suite struct ErrorTests {
    /// A request that is refused, and how.
    struct Refusal: Sendable, CustomTestStringConvertible {
        var method = "POST"
        var path = "/v1/chat/completions"
        var body: String
        var status = 400
        var code: String
        var parameter: String?

        var testDescription: String { "\(method) \(path) \(body.prefix(80))" }
    }

    static let question = ChatCompletionsTests.question
    static let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)

    static let refusals: [Refusal] = [
        Refusal(method: "GET", path: "/nowhere", body: "", status: 404, code: "unknown_url"),
        Refusal(path: "/v1", body: "{}", status: 404, code: "unknown_url"),
        Refusal(method: "GET", body: "", status: 405, code: "method_not_allowed"),
        Refusal(method: "DELETE", path: "/v1/models/scripted", body: "", status: 405, code: "method_not_allowed"),
        Refusal(body: "", code: "invalid_json"), Refusal(body: "{", code: "invalid_json"),
        Refusal(body: "{\(question),}", code: "invalid_json"),
        Refusal(body: "{\(question),\"n\":1,\"n\":2}", code: "invalid_json"),
        Refusal(body: "{\(question),\"chat_template_kwargs\":{\"a\":\(deep)}}", code: "invalid_json"),
        Refusal(body: "[]", code: "invalid_type", parameter: "body"),
        Refusal(
            body: #"{"model":"other","messages":[{"role":"user","content":"hi"}]}"#,
            status: 404,
            code: "model_not_found",
            parameter: "model"
        ),
        Refusal(
            method: "GET",
            path: "/v1/models/other",
            body: "",
            status: 404,
            code: "model_not_found",
            parameter: "model"
        ),
        Refusal(body: "{\(question),\"temperature\":3}", code: "decimal_above_max_value", parameter: "temperature"),
        Refusal(body: "{\(question),\"prediction\":{}}", code: "unsupported_parameter", parameter: "prediction"),
        Refusal(
            body: "{\(question),\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
                + "{\"properties\":{\"a\":{\"format\":\"nope\"}}}}}]}",
            code: "invalid_value",
            parameter: "tools"
        ),
        Refusal(
            body: "{\(question),\"response_format\":{\"type\":\"regex\",\"regex\":\"(\"}}",
            code: "invalid_value",
            parameter: "response_format.regex"
        ),
        Refusal(body: "{\(question),\"max_tokens\":5000}", code: "context_length_exceeded", parameter: "messages"),
        Refusal(
            body: "{\(question),\"stream\":true,\"max_tokens\":5000}",
            code: "context_length_exceeded",
            parameter: "messages"
        ),
        Refusal(body: "{\(question),\"logit_bias\":{\"257\":1}}", code: "invalid_value", parameter: "logit_bias"),
        Refusal(body: "{\(question),\"stop_token_ids\":[999]}", code: "invalid_value", parameter: "stop_token_ids"),
        Refusal(
            body: "{\(question),\"min_tokens\":9,\"max_tokens\":5}",
            code: "invalid_value",
            parameter: "min_tokens"
        ),
        Refusal(
            body: "{\(question),\"continue_final_message\":true}",
            code: "invalid_value",
            parameter: "continue_final_message"
        ),
        Refusal(
            path: "/v1/completions",
            body: #"{"model":"scripted","prompt":[9999]}"#,
            code: "invalid_value",
            parameter: "prompt"
        ),
        Refusal(
            path: "/v1/completions",
            body: #"{"model":"scripted","prompt":""}"#,
            code: "invalid_value",
            parameter: "prompt"
        ),
        Refusal(
            path: "/v1/completions",
            body: #"{"model":"scripted","prompt":"a","echo":true,"logprobs":1,"n":2,"stream":true}"#,
            code: "invalid_value",
            parameter: "n"
        ),
        Refusal(
            path: "/v1/completions",
            body: #"{"model":"scripted","prompt":"a","max_tokens":5000}"#,
            code: "context_length_exceeded",
            parameter: "prompt"
        ),
        Refusal(path: "/detokenize", body: #"{"tokens":[1,257]}"#, code: "invalid_value", parameter: "tokens[1]"),
    ]

    @Test func `every refusal has its status and the four keys of an error`() async throws {
        try await withServer { server in
            for refusal in Self.refusals {
                let response = try await server.send(refusal.method, refusal.path, refusal.body)
                let label = Comment(rawValue: refusal.testDescription + response.body)
                #expect(response.status == refusal.status, label)
                let error = try response.error()
                #expect(error.objectValue?.keys == ["message", "type", "param", "code"], label)
                #expect(error["code"]?.stringValue == refusal.code, label)
                #expect(error["param"]?.stringValue == refusal.parameter, label)
                #expect(error["type"] == "invalid_request_error", label)
                #expect(response.headers["x-request-id"]?.hasPrefix("req_id") == true, label)
            }
        }
    }

    @Test func `a method that does not fit names those that do`() async throws {
        try await withServer { server in
            let put = try await server.send("PUT", "/v1/completions", "{}")
            #expect(put.headers["allow"] == "POST")
            let post = try await server.send("POST", "/health", "{}")
            #expect(post.headers["allow"] == "GET, HEAD")
        }
    }

    @Test func `a body beyond the limit is refused, announced or not`() async throws {
        try await withServer({ $0.bodyBytes = 1000 }) { server in
            let long = "{\"x\":\"" + String(repeating: "a", count: 2000) + "\"}"
            let announced = try await server.send("POST", "/v1/chat/completions", long)
            #expect(announced.status == 413)
            #expect(try announced.error()["code"] == "request_too_large")
            #expect(announced.headers["connection"] == "close")
            let connection = try await server.connect()
            defer { connection.close() }
            try await connection.send(
                "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "7d0\r\n" + String(repeating: "a", count: 2000) + "\r\n"
            )
            #expect(try await connection.response().status == 413)
        }
    }

    @Test func `a body that does not come is not waited for`() async throws {
        try await withServer({ $0.bodyTimeout = .milliseconds(100) }) { server in
            let connection = try await server.connect()
            defer { connection.close() }
            try await connection.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
            let response = try await connection.response()
            #expect(response.status == 408)
            #expect(try response.error()["code"] == "request_timeout")
        }
    }

    @Test func `a connection that idles is closed`() async throws {
        try await withServer({ $0.idleTimeout = .milliseconds(200) }) { server in
            let connection = try await server.connect()
            defer { connection.close() }
            try await connection.send("GET / HTTP/1.1\r\nHost:")
            let answer = try await connection.receive()
            #expect(answer.isEmpty)
        }
    }

    @Test func `bodies that cannot be JSON are refused by their type`() async throws {
        try await withServer { server in
            let body = "{\(Self.question)}"
            let packed = try await server.send(
                "POST",
                "/v1/chat/completions",
                body,
                headers: ["Content-Encoding": "gzip"]
            )
            #expect(packed.status == 415)
            let connection = try await server.connect()
            defer { connection.close() }
            let form = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n"
            try await connection.send(form + "Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body)
            #expect(try await connection.response().status == 200)
            try await connection.send(form + "Content-Type: multipart/form-data; boundary=x\r\n\r\n" + body)
            #expect(try await connection.response().status == 415)
        }
    }

    @Test func `a key is asked for where one is set`() async throws {
        try await withServer({ $0.apiKeys = ["secret", "other"] }) { server in
            let body = "{\(Self.question)}"
            for header in [nil, "Bearer wrong", "Bearer", "Basic secret", "Bearer secretx", "Bearer secre"] {
                let headers = header.map { ["Authorization": $0] } ?? [:]
                let response = try await server.send("POST", "/v1/chat/completions", body, headers: headers)
                #expect(response.status == 401)
                #expect(try response.error()["code"] == "invalid_api_key")
                #expect(response.headers["www-authenticate"] == "Bearer")
            }
            for header in ["Bearer secret", "bearer  other"] {
                let headers = ["Authorization": header]
                let response = try await server.send("POST", "/v1/chat/completions", body, headers: headers)
                #expect(response.status == 200)
            }
            for path in ["/health", "/ready", "/metrics", "/"] {
                #expect(try await server.send("GET", path).status == 200)
            }
            #expect(try await server.send("GET", "/v1/models").status == 401)
        }
    }

    @Test func `a full queue answers 429 and says when to come back`() async throws {
        let limits = try StepLimits(tokensPerStep: 64, maxRunning: 1, maxWaiting: 1)
        let directory = DeploymentDirectory([try ScriptedDeployment.make(room: .init(limits: limits))])
        try await withServer({ $0.concurrentRequestLimit = 3 }, directory: directory) { server in
            defer { ScriptedDeployment.letGo("2") }
            let endless = #"{"model":"scripted","prompt":"endless held:2\n","max_tokens":4000,"stream":true}"#
            var connections: [RawConnection] = []
            for _ in 0..<2 {
                let connection = try await server.connect()
                try await connection.send("POST", "/v1/completions", endless)
                _ = try await connection.receive(until: "200 OK")
                connections.append(connection)
            }
            let refused = try await server.send("POST", "/v1/completions", endless)
            #expect(refused.status == 429)
            #expect(try refused.error()["code"] == "engine_overloaded")
            #expect(try refused.error()["type"] == "requests")
            #expect(refused.headers["retry-after"] == "1" && refused.headers["retry-after-ms"] == "1000")
            #expect(refused.headers["x-should-retry"] == "true")
            for connection in connections { connection.close() }
            ScriptedDeployment.letGo("2")
            try await server.waitUntilIdle()
        }
    }
}
