import Foundation
import Serving
import Testing

/// What becomes of a connection beside its answers.
@Suite struct ConnectionTests {
    private static let head = "GET /health HTTP/1.1\r\nHost: localhost\r\n"

    /// Whether the server closes its side after one answer to `request`.
    private func closes(after request: String) async throws -> Bool {
        var isClosed = false
        try await withServer({ $0.idleTimeout = .seconds(30) }) { server in
            let connection = try await server.connect()
            defer { connection.close() }
            // The second request is answered on connections that go on, and on those only.
            try await connection.send(request + Self.head + "Connection: close\r\n\r\n")
            var text = ""
            while case let bytes = try await connection.receive(), !bytes.isEmpty {
                text += String(decoding: bytes, as: UTF8.self)
            }
            let count = text.components(separatedBy: "HTTP/1.1 200 OK").count - 1
            isClosed = count == 1
            #expect(count == 1 || count == 2)
        }
        return isClosed
    }

    @Test(arguments: ["close", "Close", "CLOSE", "te, close", "close\r\nConnection: te"])
    func `a request that ends its connection ends it`(options: String) async throws {
        #expect(try await closes(after: Self.head + "Connection: \(options)\r\n\r\n"))
    }

    @Test(arguments: ["", "Connection: keep-alive\r\n", "Connection: closed\r\n"])
    func `others do not`(header: String) async throws {
        #expect(try await !closes(after: Self.head + header + "\r\n"))
    }

    @Test func `old clients get one answer, unless they ask for more`() async throws {
        #expect(try await closes(after: "GET /health HTTP/1.0\r\n\r\n"))
        #expect(try await !closes(after: "GET /health HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"))
    }

    @Test func `a client that asks first is told to go on`() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            defer { connection.close() }
            let body = "{\(ChatCompletionsTests.question)}"
            try await connection.send(Self.asking(body))
            let answer = try await connection.receive(until: "\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 100 Continue"))
            try await connection.send(body)
            #expect(try await connection.response().status == 200)
        }
    }

    @Test func `who asks while an answer is written is told behind it`() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            defer { connection.close() }
            defer { ScriptedDeployment.letGo("c") }
            let endless = #""model":"scripted","prompt":"endless held:c\n","max_tokens":1000,"stream":true"#
            try await connection.send("POST", "/v1/completions", "{\(endless)}")
            _ = try await connection.receive(until: #""text":"a""#)
            let body = "{\(ChatCompletionsTests.question)}"
            try await connection.send(Self.asking(body))
            ScriptedDeployment.letGo("c")
            let text = try await connection.receive(until: "100 Continue\r\n\r\n")
            let parts = text.components(separatedBy: "data: [DONE]\n\n\r\n0\r\n\r\n")
            #expect(parts.count == 2 && parts.last == "HTTP/1.1 100 Continue\r\n\r\n", "\(text.suffix(400))")
            try await connection.send(body)
            #expect(try await connection.response().status == 200)
        }
    }

    private static func asking(_ body: String) -> String {
        """
        POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
        Content-Length: \(body.utf8.count)\r\n\r\n
        """
    }
}
