import Deployments
import Foundation
import Inference
import JSON
import Serving
import Testing

@Suite struct DisconnectTests {
    static let endless = #""model":"scripted","prompt":"endless\n","max_tokens":4000"#

    @Test func `closing the socket cancels a stream at once`() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            try await connection.send("POST", "/v1/completions", "{\(Self.endless),\"stream\":true}")
            _ = try await connection.receive(until: #""text":"a""#)
            connection.close()
            try await server.waitUntilIdle()
            let metrics = try await server.send("GET", "/metrics").body
            #expect(metrics.contains("hearth_client_disconnects_total 1\n"))
            #expect(metrics.contains(#"vllm:request_success_total{model_name="scripted",finished_reason="abort"} 1"#))
        }
    }

    @Test func `closing the socket cancels an answer that is not streamed`() async throws {
        try await withServer { server in
            defer { ScriptedDeployment.letGo("3") }
            let connection = try await server.connect()
            let body = #"{"model":"scripted","prompt":"endless held:3\n","max_tokens":4000,"n":4}"#
            try await connection.send("POST", "/v1/completions", body)
            try await server.wait("four answers run") {
                await server.directory.deployments[0].statistics().runningCount == 4
            }
            connection.close()
            ScriptedDeployment.letGo("3")
            try await server.waitUntilIdle()
        }
    }

    @Test func `half of many clients leaving disturbs nobody`() async throws {
        try await withServer { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<24 {
                    group.addTask {
                        let connection = try await server.connect()
                        defer { connection.close() }
                        if index % 2 == 0 {
                            try await connection.send("POST", "/v1/completions", "{\(Self.endless),\"stream\":true}")
                            _ = try await connection.receive(until: #""text":"a""#)
                        } else {
                            let body = "{\(ChatCompletionsTests.question),\"stream\":true}"
                            try await connection.send("POST", "/v1/chat/completions", body)
                            #expect(try text(of: try await connection.response()) == ["Héllo!"])
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await server.waitUntilIdle()
        }
    }

    @Test func `a client that never reads holds up nobody and is given up`() async throws {
        try await withServer({
            $0.streamBufferBytes = 50_000
            $0.keepAliveInterval = .milliseconds(100)
            $0.stalledWriteTimeout = .milliseconds(500)
        }) { server in
            let deaf = try await server.connect(receiveBytes: 4_096)
            defer { deaf.close() }
            // Half of the engine's places.
            let prompts = Array(repeating: #""endless\n""#, count: 32).joined(separator: ",")
            let body = #"{"model":"scripted","prompt":[\#(prompts)],"max_tokens":4000,"stream":true,"logprobs":5}"#
            try await deaf.send("POST", "/v1/completions", body)
            try await server.wait("its answers run") {
                await server.directory.deployments[0].statistics().runningCount == 32
            }
            let other = try await server.send("POST", "/v1/chat/completions", "{\(ChatCompletionsTests.question)}")
            #expect(other.status == 200)
            try await server.waitUntilIdle()
            #expect(try await server.send("GET", "/metrics").body.contains("hearth_client_disconnects_total 1\n"))
        }
    }

    @Test func `a client that never reads its whole answer is hung up on`() async throws {
        try await withServer({ $0.stalledWriteTimeout = .milliseconds(300) }) { server in
            let deaf = try await server.connect(receiveBytes: 4_096)
            defer { deaf.close() }
            // A number and a string for every byte: 6 MB, more than the system takes on.
            let text = String(repeating: "word ", count: 160_000)
            let body = #"{"model":"scripted","prompt":"\#(text)","return_token_strs":true}"#
            try await deaf.send("POST", "/tokenize", body)
            try await server.wait("the answer is on its way") { (try? await deaf.receive(limit: 1).count) == 1 }
            // Long enough for two looks, though other tests keep the server's threads.
            try await pause(milliseconds: 10_000)
            // What the system had taken on can be read; then comes the end, long before the answer's.
            var received = 0
            while case let count = try await deaf.receive().count, count > 0 { received += count }
            #expect(received > 1_000 && received < 5_000_000)
        }
    }

    @Test func `a client that reads slowly gets its whole answer`() async throws {
        try await withServer({ $0.idleTimeout = .milliseconds(1_500) }) { server in
            let slow = try await server.connect(receiveBytes: 4_096)
            defer { slow.close() }
            let tokens = Array(repeating: "120", count: 4_000).joined(separator: ",")
            let body = #"{"model":"scripted","prompt":[\#(tokens)],"max_tokens":1,"n":128,"return_token_ids":true}"#
            try await slow.send("POST", "/v1/completions", body)
            // A connection counts as idle long before all of it is read.
            var count = 0
            for _ in 0..<10 {
                count += try await slow.receive(limit: 1_000).count
                try await pause(milliseconds: 250)
            }
            var end = ""
            while case let bytes = try await slow.receive(), !bytes.isEmpty {
                count += bytes.count
                end = String((end + String(decoding: bytes, as: UTF8.self)).suffix(20))
            }
            #expect(count > 128 * 4_000 * 4 && end.hasSuffix("null}"), "\(count) bytes, \(end)")
        }
    }

    @Test func `silence is filled with comments`() async throws {
        try await withServer({ $0.keepAliveInterval = .milliseconds(5) }) { server in
            let prompt = String(repeating: "x", count: 3000) + "endless"
            let body =
                #"{"model":"scripted","prompt":"\#(prompt)\n","max_tokens":1000,"stream":true,"stop":["\#(String(repeating: "a", count: 1001))"]}"#
            let response = try await server.send("POST", "/v1/completions", body)
            #expect(response.body.contains(": keep-alive\n\n"))
            #expect(response.body.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test func `an answer that takes too long ends with an error`() async throws {
        try await withServer({ $0.requestTimeout = .milliseconds(200) }) { server in
            let whole = try await server.send("POST", "/v1/completions", "{\(Self.endless)}")
            #expect(whole.status == 504)
            #expect(try whole.error()["code"] == "generation_timeout")
            #expect(whole.headers["x-should-retry"] == "false")
            let stream = try await server.send("POST", "/v1/completions", "{\(Self.endless),\"stream\":true}")
            #expect(stream.status == 200)
            let last = stream.body.components(separatedBy: "\n\n").dropLast().last ?? ""
            #expect(try JSONValue(parsing: String(last.dropFirst(6)))["error"]?["code"] == "generation_timeout")
            #expect(!stream.body.contains("[DONE]"))
        }
    }
}
