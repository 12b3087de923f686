import JSON
import OpenAIAPI
import Testing

@Suite struct CompletionRequestTests {
    @Test func `a prompt comes in four shapes`() throws {
        #expect(try completion(#""a""#).prompts == [.text("a")])
        #expect(try completion(#"["a","b"]"#).prompts == [.text("a"), .text("b")])
        #expect(try completion("[1,2,3]").prompts == [.tokens([1, 2, 3])])
        #expect(try completion("[[1,2],[3]]").prompts == [.tokens([1, 2]), .tokens([3])])
        #expect(try completion(#"["a",[3]]"#).prompts == [.text("a"), .tokens([3])])
    }

    @Test func `the defaults are those of OpenAI`() throws {
        let request = try completion(#""a""#)
        #expect(request.maxTokens == 16)
        #expect(request.logprobs == nil && !request.echoesPrompt && request.addsSpecialTokens)
    }

    @Test func `an echo without an answer can be asked for`() throws {
        let request = try completion(#""a","echo":true,"logprobs":1,"max_tokens":0"#)
        #expect(request.maxTokens == 0 && request.echoesPrompt && request.logprobs == 1)
    }

    @Test(arguments: [
        WrongBody("5", "invalid_type", "prompt"), WrongBody("[]", "empty_array", "prompt"),
        WrongBody("[[]]", "empty_array", "prompt[0]"), WrongBody("[1,-2]", "integer_below_min_value", "prompt[1]"),
        WrongBody("[1,2.5]", "invalid_type", "prompt[1]"), WrongBody(#"[1,"a"]"#, "invalid_type", "prompt[1]"),
        WrongBody(#"["a",1]"#, "invalid_type", "prompt[1]"),
        WrongBody("[4294967296]", "integer_above_max_value", "prompt[0]"),
        WrongBody("null", "missing_required_parameter", "prompt"),
        WrongBody(#""a","logprobs":6"#, "integer_above_max_value", "logprobs"),
        WrongBody(#""a","logprobs":true"#, "invalid_type", "logprobs"),
        WrongBody(#"[1],"suffix":"b""#, "invalid_value", "suffix"),
        WrongBody(#""a","suffix":"b","echo":true"#, "invalid_value", "echo"),
        WrongBody(#""a","best_of":3,"n":4"#, "invalid_value", "best_of"),
        WrongBody(#""a","max_tokens":-1"#, "integer_below_min_value", "max_tokens"),
        WrongBody(#""a","messages":[]"#, "unknown_parameter", "messages"),
    ])
    func `a wrong field is named with what is wrong`(body: WrongBody) {
        let error = #expect(throws: APIError.self) { try completion(body.fields) }
        #expect(error?.code == body.code)
        #expect(error?.parameter == body.parameter)
    }

    @Test func `prompts and answers are bounded together`() {
        let prompts = "[" + Array(repeating: #""a""#, count: 257).joined(separator: ",") + "]"
        #expect(#expect(throws: APIError.self) { try completion(prompts) }?.code == "array_above_max_length")
        let error = #expect(throws: APIError.self) {
            try completion("[" + Array(repeating: #""a""#, count: 9).joined(separator: ",") + #"],"n":128"#)
        }
        #expect(error?.parameter == "n")
    }

    private func completion(_ fields: String) throws -> CompletionRequest {
        try CompletionRequest(try JSONValue(parsing: #"{"model":"m","prompt":"# + fields + "}"))
    }
}

@Suite struct TokenizeTests {
    @Test func `text and chats are read in the shapes of vLLM`() throws {
        let text = try TokenizeRequest(["model": "m", "prompt": "a", "return_token_strs": true])
        #expect(text.input == .text("a", addsSpecialTokens: true))
        #expect(text.returnsTokenTexts)
        let chat = try TokenizeRequest([
            "messages": [["role": "user", "content": "a"]], "add_generation_prompt": false,
        ])
        #expect(chat.model == nil)
        #expect(
            chat.input
                == .chat(
                    [ChatMessage(role: .user, content: .text("a"))],
                    addsGenerationPrompt: false,
                    continuesFinalMessage: false,
                    templateArguments: [:]
                )
        )
    }

    @Test(arguments: [
        WrongBody("{}", "missing_required_parameter", "prompt"), WrongBody(#"{"prompt":1}"#, "invalid_type", "prompt"),
        WrongBody(#"{"prompt":"a","messages":[]}"#, "invalid_value", "messages"),
        WrongBody(#"{"prompt":"a","tools":[]}"#, "unknown_parameter", "tools"),
        WrongBody(#"{"messages":[]}"#, "empty_array", "messages"),
    ])
    func `a wrong field is named with what is wrong`(body: WrongBody) throws {
        let json = try JSONValue(parsing: body.fields)
        let error = #expect(throws: APIError.self) { try TokenizeRequest(json) }
        #expect(error?.code == body.code)
        #expect(error?.parameter == body.parameter)
    }

    @Test func `the answers have their keys in order`() {
        #expect(
            TokenizeResponse(tokens: [1, 2], contextLength: 8, tokenTexts: ["a", "b"]).json.serialized()
                == #"{"count":2,"max_model_len":8,"tokens":[1,2],"token_strs":["a","b"]}"#
        )
        #expect(DetokenizeResponse(prompt: "é").json.serialized() == #"{"prompt":"é"}"#)
        #expect(throws: APIError.self) { try DetokenizeRequest(["tokens": ["a"]]) }
    }
}
