import JSON
import OpenAIAPI
import Testing

@Suite struct ResponseTests {
    let header = ResponseHeader(id: "chatcmpl-1", created: 7, model: "m")

    @Test func `a chat's answer is written key by key`() {
        var choice = ChatCompletionResponse.Choice(index: 0, text: "hé\n", finish: WireFinish(.stop, stop: "END"))
        choice.logprobs = [
            WireLogprob(
                bytes: Array("h".utf8),
                logprob: -0.1,
                alternatives: [WireLogprob(bytes: [0xC3], logprob: -.infinity)]
            )
        ]
        choice.tokens = [4]
        let usage = Usage(promptTokens: 3, completionTokens: 1, cachedTokens: 2)
        let response = ChatCompletionResponse(header: header, choices: [choice], usage: usage, promptTokens: [1, 2, 3])
        #expect(
            response.json.serialized()
                == #"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"#
                + #""message":{"role":"assistant","content":"hé\n","refusal":null,"annotations":[]},"logprobs":"#
                + #"{"content":[{"token":"h","logprob":-0.1,"bytes":[104],"top_logprobs":[{"token":"�","#
                + #""logprob":-9999.0,"bytes":[195]}]}],"refusal":null},"finish_reason":"stop","stop_reason":"END","#
                + #""token_ids":[4]}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"#
                + #""prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":0}},"#
                + #""service_tier":"default","system_fingerprint":null,"prompt_token_ids":[1,2,3]}"#
        )
    }

    @Test func `the time of computing is told in whole microseconds, and only where it was asked for`() {
        var usage = Usage(promptTokens: 3, completionTokens: 1)
        #expect(usage.json["compute_seconds"] == nil)
        usage.computeTime = .nanoseconds(1_234_567_891)
        #expect(usage.json["compute_seconds"] == 1.234568)
        var response = ModelResponse(id: "resp_1", created: 1, model: "m", echo: [:])
        response.usage = usage
        #expect(response.json["usage"]?["compute_seconds"] == 1.234568)
        usage.computeTime = .zero
        #expect(usage.json["compute_seconds"]?.serialized() == "0.0")
    }

    @Test func `a stream is written byte by byte`() {
        let contents: [ChatCompletionChunk.Content] = [
            .choice(0, .role), .choice(0, .text("a\"", logprobs: nil, tokens: nil)),
            .choice(0, .finish(WireFinish(.length))), .usage(Usage(promptTokens: 1, completionTokens: 1)),
        ]
        var bytes: [UInt8] = []
        for content in contents {
            let chunk = ChatCompletionChunk(header: header, content: content, announcesUsage: true)
            ServerSentEvent.append(chunk.json, to: &bytes)
        }
        bytes += ServerSentEvent.done
        let head =
            #"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","#
            + #""service_tier":"default","system_fingerprint":null,"choices":["#
        let expected = [
            #"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"#
                + #""finish_reason":null}],"usage":null}"#,
            #"{"index":0,"delta":{"content":"a\""},"logprobs":null,"finish_reason":null}],"usage":null}"#,
            #"{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],"usage":null}"#,
            #"],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"prompt_tokens_details":"#
                + #"{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}"#,
        ]
        let text = expected.map { head + $0 + "\n\n" }.joined() + "data: [DONE]\n\n"
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test func `a completion lists its log probabilities in columns`() {
        func token(_ text: String, _ logprob: Float, _ others: [WireLogprob] = []) -> CompletionLogprobs.Entry {
            let value = WireLogprob(bytes: Array(text.utf8), logprob: logprob, alternatives: others)
            return CompletionLogprobs.Entry(text: text, logprob: value)
        }
        var choice = CompletionChoice(index: 1, text: "aéb", finish: WireFinish(.stop, stop: 5))
        choice.logprobs = CompletionLogprobs(
            entries: [
                CompletionLogprobs.Entry(text: "a", logprob: nil),
                token("é", -1.5, [WireLogprob(bytes: [120], logprob: -0.5)]), token("b", -2),
            ]
        )
        let response = CompletionResponse(header: header, choices: [choice], usage: .none)
        #expect(
            response.json.serialized()
                == #"{"id":"chatcmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"text":"aéb","#
                + #""index":1,"logprobs":{"tokens":["a","é","b"],"token_logprobs":[null,-1.5,-2.0],"top_logprobs":"#
                + #"[null,{"x":-0.5,"é":-1.5},{"b":-2.0}],"text_offset":[0,1,2]},"finish_reason":"stop","#
                + #""stop_reason":5}],"system_fingerprint":null}"#
        )
    }

    @Test func `an error has all four keys`() {
        let error = APIError.invalidValue("n", "too odd.")
        #expect(
            error.json.serialized()
                == #"{"error":{"message":"Invalid value for 'n': too odd.","type":"invalid_request_error","param":"n","#
                + #""code":"invalid_value"}}"#
        )
        #expect(
            APIError(status: 500, kind: .server, "Broken.").json.serialized()
                == #"{"error":{"message":"Broken.","type":"server_error","param":null,"code":null}}"#
        )
    }

    @Test func `models are listed`() {
        let card = ModelCard(id: "m", created: 3, contextLength: 2048)
        #expect(
            ModelList(models: [card]).json.serialized()
                == #"{"object":"list","data":[{"id":"m","object":"model","created":3,"owned_by":"hearth","#
                + #""max_model_len":2048}]}"#
        )
    }
}
