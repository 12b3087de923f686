import JSON
import Testing

@Suite struct CompletionsTests {
    @Test func `a whole answer is written byte by byte`() async throws {
        try await withServer { server in
            let body = #"{"model":"scripted","prompt":"ab\n"}"#
            let response = try await server.send("POST", "/v1/completions", body)
            #expect(
                response.body
                    == #"{"id":"cmpl-id2","object":"text_completion","created":1700000000,"model":"scripted","#
                    + #""choices":[{"text":"Héllo!","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":"#
                    + #"{"prompt_tokens":3,"completion_tokens":8,"total_tokens":11,"prompt_tokens_details":"#
                    + #"{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}},"#
                    + #""system_fingerprint":null}"#
            )
        }
    }

    @Test func `answers are numbered across prompts`() async throws {
        try await withServer { server in
            let body = #"{"model":"scripted","prompt":["ab\n",[10],"x\nHé"],"n":2,"max_tokens":3}"#
            let answer = try await server.send("POST", "/v1/completions", body).json()
            let choices = try #require(answer["choices"]?.arrayValue)
            #expect(choices.map { $0["index"]?.integerValue } == [0, 1, 2, 3, 4, 5])
            #expect(choices.map { $0["text"]?.stringValue } == ["Hé", "Hé", "Hé", "Hé", "llo", "llo"])
            #expect(answer["usage"]?["prompt_tokens"] == 9)
            let stream = try await server.send("POST", "/v1/completions", body.dropLast() + #","stream":true}"#)
            #expect(try text(of: stream) == ["Hé", "Hé", "Hé", "Hé", "llo", "llo"])
        }
    }

    @Test func `of many answers the best come back, and all are counted`() async throws {
        try await withServer { server in
            let body = #"{"model":"scripted","prompt":["ab\n","x\nHé"],"best_of":4,"n":2,"max_tokens":3}"#
            let answer = try await server.send("POST", "/v1/completions", body).json()
            let choices = try #require(answer["choices"]?.arrayValue)
            #expect(choices.map { $0["text"]?.stringValue } == ["Hé", "Hé", "llo", "llo"])
            #expect(choices.map { $0["logprobs"] } == [.null, .null, .null, .null])
            #expect(answer["usage"]?["completion_tokens"] == 24)
        }
    }

    @Test(arguments: [
        (#""n":3,"best_of":2"#, "below 'n'"), (#""best_of":2,"stream":true"#, "streamed"), (#""best_of":0"#, "minimum"),
    ])
    func `a choice of the best that cannot be made is refused`(fields: String, message: String) async throws {
        try await withServer { server in
            let body = #"{"model":"scripted","prompt":"ab","#
            let response = try await server.send("POST", "/v1/completions", body + fields + "}")
            let error = try response.json()["error"]
            #expect(response.status == 400)
            #expect(error?["param"] == "best_of")
            #expect(error?["message"]?.stringValue?.contains(message) == true)
        }
    }

    @Test(arguments: [0, 1])
    func `an echo with log probabilities scores the prompt`(maxTokens: Int) async throws {
        try await withServer { server in
            let body = #"{"model":"scripted","prompt":"\nHéX","echo":true,"logprobs":1,"max_tokens":\#(maxTokens)}"#
            let answer = try await server.send("POST", "/v1/completions", body).json()
            let choice = try #require(answer["choices"]?[0])
            let logprobs = try #require(choice["logprobs"])
            #expect(choice["text"]?.stringValue == "\nHéX" + (maxTokens == 1 ? "l" : ""))
            let tokens = try #require(logprobs["tokens"]?.arrayValue)
            #expect(tokens.count == 5 + maxTokens)
            #expect(tokens[1] == "H" && tokens[2] == #"bytes:\xc3"#)
            let scores = try #require(logprobs["token_logprobs"]?.arrayValue)
            #expect(scores[0] == .null)
            #expect((scores[1].doubleValue ?? -1) > -0.1)
            #expect((scores[4].doubleValue ?? 0) < -20)
            #expect(logprobs["top_logprobs"]?[4]?.objectValue?.keys == ["l", "X"])
            let offsets = logprobs["text_offset"]?.arrayValue?.map { $0.integerValue }
            #expect(offsets == [0, 1, 2, 3, 3] + (maxTokens == 1 ? [4] : []))
            #expect(answer["usage"]?["completion_tokens"]?.integerValue == maxTokens)
        }
    }

    @Test func `a streamed echo comes first`() async throws {
        try await withServer { server in
            for extra in ["", #","logprobs":1"#] {
                let body = #"{"model":"scripted","prompt":"ab\n","echo":true,"stream":true\#(extra)}"#
                let stream = try await server.send("POST", "/v1/completions", body)
                #expect(try text(of: stream) == ["ab\nHéllo!"])
            }
        }
    }

    @Test func `token ids of prompt and answer are returned`() async throws {
        try await withServer { server in
            let body = #"{"model":"scripted","prompt":[97,10],"max_tokens":1,"return_token_ids":true}"#
            let choice = try #require(try await server.send("POST", "/v1/completions", body).json()["choices"]?[0])
            #expect(choice["prompt_token_ids"] == [97, 10])
            #expect(choice["token_ids"] == [72])
        }
    }
}
