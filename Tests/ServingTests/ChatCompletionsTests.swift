import Foundation
import JSON
import Serving
import Testing

@Suite struct ChatCompletionsTests {
    static let question = #""model":"scripted","messages":[{"role":"user","content":"hi"}]"#

    @Test func `a whole answer is written byte by byte`() async throws {
        try await withServer { server in
            let response = try await server.send("POST", "/v1/chat/completions", "{\(Self.question)}")
            #expect(response.status == 200)
            #expect(response.headers["content-type"] == "application/json; charset=utf-8")
            #expect(
                response.body
                    == #"{"id":"chatcmpl-id2","object":"chat.completion","created":1700000000,"model":"scripted","#
                    + #""choices":[{"index":0,"message":{"role":"assistant","content":"Héllo!","refusal":null,"#
                    + #""annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"#
                    + #""completion_tokens":8,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":0},"#
                    + #""completion_tokens_details":{"reasoning_tokens":0}},"service_tier":"default","#
                    + #""system_fingerprint":null}"#
            )
        }
    }

    @Test func `a stream is written byte by byte`() async throws {
        try await withServer { server in
            let body = "{\(Self.question),\"stream\":true,\"stream_options\":{\"include_usage\":true}}"
            let response = try await server.send("POST", "/v1/chat/completions", body)
            #expect(response.headers["content-type"] == "text/event-stream; charset=utf-8")
            #expect(response.headers["cache-control"] == "no-cache")
            let head =
                #"data: {"id":"chatcmpl-id2","object":"chat.completion.chunk","created":1700000000,"model":"#
                + #""scripted","service_tier":"default","system_fingerprint":null,"choices":["#
            let tail = #"],"usage":null}"# + "\n\n"
            var expected =
                head + #"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"#
                + #""finish_reason":null}"# + tail
            for character in "Héllo!" {
                let delta = #"{"index":0,"delta":{"content":"\#(character)"},"logprobs":null,"finish_reason":null}"#
                expected += head + delta + tail
            }
            expected += head + #"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}"# + tail
            expected +=
                head + #"],"usage":{"prompt_tokens":9,"completion_tokens":8,"total_tokens":17,"#
                + #""prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}"#
                + "\n\ndata: [DONE]\n\n"
            #expect(response.body == expected)
        }
    }

    @Test func `several answers come with their index`() async throws {
        try await withServer { server in
            let whole = try await server.send("POST", "/v1/chat/completions", "{\(Self.question),\"n\":3}").json()
            #expect(whole["choices"]?.arrayValue?.map { $0["index"]?.integerValue } == [0, 1, 2])
            #expect(whole["usage"]?["completion_tokens"] == 24)
            let stream = try await server.send(
                "POST",
                "/v1/chat/completions",
                "{\(Self.question),\"n\":3,\"stream\":true}"
            )
            #expect(try text(of: stream) == ["Héllo!", "Héllo!", "Héllo!"])
            #expect(!stream.body.contains("usage"))
        }
    }

    @Test func `log probabilities and token ids are reported when asked for`() async throws {
        try await withServer { server in
            let body = "{\(Self.question),\"logprobs\":true,\"top_logprobs\":2,\"return_token_ids\":true}"
            let answer = try await server.send("POST", "/v1/chat/completions", body).json()
            let choice = try #require(answer["choices"]?[0])
            let first = try #require(choice["logprobs"]?["content"]?[0])
            #expect(first["token"] == "H")
            #expect(first["bytes"] == [72])
            #expect(first["top_logprobs"]?.arrayValue?.map { $0["token"] } == ["H", "I"])
            #expect(choice["token_ids"]?.arrayValue?.first == 72)
            #expect(answer["prompt_token_ids"]?.arrayValue?.count == 9)
        }
    }

    @Test func `a stop string and the token limit end an answer`() async throws {
        try await withServer { server in
            let stopped = try await server.send("POST", "/v1/chat/completions", "{\(Self.question),\"stop\":\"lo\"}")
            let choice = try #require(try stopped.json()["choices"]?[0])
            #expect(choice["message"]?["content"] == "Hél")
            #expect(choice["finish_reason"] == "stop" && choice["stop_reason"] == "lo")
            let cut = try await server.send("POST", "/v1/chat/completions", "{\(Self.question),\"max_tokens\":1}")
            #expect(try cut.json()["choices"]?[0]?["message"]?["content"] == "H")
            #expect(try cut.json()["choices"]?[0]?["finish_reason"] == "length")
        }
    }

    @Test
    func `an answer without a limit ends where the cache is full, a limit beyond that is refused, or cut if asked`()
        async throws
    {
        let directory = DeploymentDirectory([try ScriptedDeployment.make(room: .init(blockCount: 4))])
        try await withServer(directory: directory) { server in
            func ask(_ text: String, _ extra: String) async throws -> JSONValue {
                let messages = #"[{"role":"user","content":"\#(text)"}]"#
                let body = #"{"model":"scripted","messages":\#(messages)\#(extra)}"#
                return try await server.send("POST", "/v1/chat/completions", body).json()
            }
            let open = try await ask("endless", "")
            #expect(open["choices"]?[0]?["finish_reason"] == "length")
            #expect(open["usage"]?["completion_tokens"] == 19)
            #expect(try await ask("endless", #","max_tokens":19"#)["usage"]?["completion_tokens"] == 19)
            #expect(try await ask("endless", #","max_tokens":20"#)["error"]?["code"] == "context_length_exceeded")
            let cut = #","max_tokens":20,"context_length_exceeded_behavior":"truncate""#
            #expect(try await ask("endless", cut)["usage"]?["completion_tokens"] == 19)
            let long = try await ask(String(repeating: "a", count: 40), cut)
            #expect(long["error"]?["code"] == "context_length_exceeded")
        }
    }

    @Test func `one connection serves many requests, streamed and not`() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            defer { connection.close() }
            for index in 0..<6 {
                let extra = index % 2 == 0 ? ",\"stream\":true" : ""
                try await connection.send("POST", "/v1/chat/completions/", "{\(Self.question)\(extra)}")
                let response = try await connection.response()
                #expect(response.status == 200)
                #expect(response.body.contains(extra.isEmpty ? "Héllo!" : "[DONE]"))
            }
        }
    }

    @Test func `many clients at once each get the whole answer`() async throws {
        try await withServer { server in
            try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<32 {
                    group.addTask {
                        let body = "{\(Self.question),\"stream\":true}"
                        return try text(of: try await server.send("POST", "/v1/chat/completions", body))
                    }
                }
                for try await texts in group { #expect(texts == ["Héllo!"]) }
            }
            try await server.waitUntilIdle()
        }
    }
}

/// The texts of a stream's choices, put together.
func text(of stream: RawResponse) throws -> [String] {
    var texts: [Int: String] = [:]
    for event in stream.body.components(separatedBy: "\n\n") where event.hasPrefix("data: {") {
        let chunk = try JSONValue(parsing: String(event.dropFirst("data: ".count)))
        for choice in chunk["choices"]?.arrayValue ?? [] {
            let delta = choice["delta"]?["content"]?.stringValue ?? choice["text"]?.stringValue ?? ""
            texts[choice["index"]?.integerValue ?? -1, default: ""] += delta
        }
    }
    return texts.sorted { $0.key < $1.key }.map(\.value)
}
