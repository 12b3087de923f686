import HTTPTypes
import JSON
import OpenAIAPI
import Testing

@testable import Serving

@Suite struct RequestNamesTests {
    static let question = ChatCompletionsTests.question

    @Test func `every answer has an id, whatever went wrong`() async throws {
        try await withServer({ ($0.bodyBytes, $0.allowedOrigin) = (1000, "https://app.example") }) { server in
            let long = "{\"x\":\"" + String(repeating: "a", count: 2000) + "\"}"
            for (method, path, body, status) in [
                ("GET", "/v1/models", "", 200), ("POST", "/v1/chat/completions", "{\(Self.question)}", 200),
                ("POST", "/v1/chat/completions", "{\(Self.question),\"stream\":true}", 200),
                ("POST", "/v1/chat/completions", "{", 400), ("GET", "/nowhere", "", 404),
                ("PUT", "/v1/completions", "{}", 405), ("POST", "/v1/completions", long, 413),
                ("OPTIONS", "/v1/completions", "", 204), ("POST", "/v1/messages", "{", 400),
                ("POST", "/api/chat", "{", 400),
            ] {
                let label = "\(method) \(path) \(status)"
                let fresh = try await server.send(method, path, body)
                #expect(fresh.status == status, "\(label)")
                #expect(fresh.headers["x-request-id"]?.hasPrefix("req_id") == true, "\(label)")
                let named = try await server.send(method, path, body, headers: ["X-Request-Id": "mine.1"])
                #expect(named.headers["x-request-id"] == "mine.1", "\(label)")
            }
        }
        try await withServer({ $0.apiKeys = ["secret"] }) { server in
            let refused = try await server.send("GET", "/v1/models")
            #expect(refused.status == 401 && refused.headers["x-request-id"]?.hasPrefix("req_id") == true)
        }
    }

    @Test(arguments: ["nonsense\r\n\r\n", "GET /health HTTP/1.1\r\nHost: localhost\r\nbad header: 1\r\n\r\n"])
    func `even the answer to what is no HTTP has an id`(text: String) async throws {
        try await withServer { server in
            let connection = try await server.connect()
            defer { connection.close() }
            try await connection.send(text)
            let answer = try await connection.response()
            #expect(answer.status == 400 && answer.headers["x-request-id"]?.hasPrefix("req_id") == true)
        }
    }

    @Test func `an organization is sent back to who names it, and nobody else`() async throws {
        try await withServer { server in
            func organization(_ value: String?, _ path: String) async throws -> String? {
                let headers = value.map { ["OpenAI-Organization": $0] } ?? [:]
                return try await server.send("GET", path, headers: headers).headers["openai-organization"]
            }
            for path in ["/health", "/nowhere"] {
                let named = try await organization("org-a1", path)
                #expect(named == "org-a1", "\(path)")
            }
            for value in [nil, "a b", "<x>", String(repeating: "o", count: 129)] {
                let named = try await organization(value, "/health")
                #expect(named == nil, "\(value ?? "none")")
            }
        }
    }

    @Test func `a caller's own name for a request is for the log, and refused when no log could show it`() async throws
    {
        try await withServer { server in
            let fine = try await server.send("GET", "/v1/models", headers: ["X-Client-Request-Id": "try 1"])
            #expect(fine.status == 200 && fine.headers["x-request-id"]?.hasPrefix("req_id") == true)
            for value in ["naïve", String(repeating: "c", count: 513)] {
                let odd = try await server.send("GET", "/v1/models", headers: ["X-Client-Request-Id": value])
                #expect(odd.status == 400)
                #expect(try odd.error()["param"] == "x-client-request-id")
                #expect(try odd.error()["code"] == "invalid_value")
            }
        }
        #expect(try HTTPFields([HTTPField(name: .clientRequestID, value: "try 1")]).clientRequestID() == "try 1")
        #expect(try HTTPFields().clientRequestID() == nil)
        #expect(throws: APIError.self) {
            try HTTPFields([HTTPField(name: .clientRequestID, value: "")]).clientRequestID()
        }
    }
}
