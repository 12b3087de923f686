import JSON
import OpenAIAPI
import Testing

/// A request body that is wrong in one place, and what must be said about it.
struct WrongBody: CustomTestStringConvertible {
    var fields: String
    var code: String
    var parameter: String

    init(_ fields: String, _ code: String, _ parameter: String) {
        self.fields = fields
        self.code = code
        self.parameter = parameter
    }

    var testDescription: String { fields }
}

@Suite struct ChatCompletionRequestTests {
    @Test func `a minimal request has the defaults`() throws {
        let request = try chat("")
        #expect(request.model == "m")
        #expect(request.messages == [ChatMessage(role: .user, content: .text("hi"))])
        #expect(request.fields == GenerationFields())
        #expect(request.maxTokens == nil)
        #expect(request.topLogprobs == nil)
        #expect(request.addsGenerationPrompt)
        #expect(!request.continuesFinalMessage)
    }

    @Test func `every supported field is read`() throws {
        let request = try chat(
            """
            ,"temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.1,"typical_p":0.8,"repetition_penalty":1.1,
            "presence_penalty":-2,"frequency_penalty":2,"logit_bias":{"5":-100,"6":1.5},"seed":-3,"min_tokens":2,
            "stop":["a","b"],"stop_token_ids":[7],"ignore_eos":true,"include_stop_str_in_output":true,
            "skip_special_tokens":false,"return_token_ids":true,"cache_salt":"s","priority":-1,"n":3,"stream":true,
            "stream_options":{"include_usage":true},"max_completion_tokens":9,"logprobs":true,"top_logprobs":20,
            "perf_metrics_in_response":true,
            "add_generation_prompt":false,"continue_final_message":true,"chat_template_kwargs":{"enable_thinking":false}
            """
        )
        let fields = request.fields
        #expect(fields.temperature == 0.5 && fields.topP == 0.9 && fields.topK == 40 && fields.minP == 0.1)
        #expect(fields.typicalP == 0.8 && fields.repetitionPenalty == 1.1)
        #expect(fields.presencePenalty == -2 && fields.frequencyPenalty == 2)
        #expect(fields.logitBias.map(\.token) == [5, 6] && fields.logitBias.map(\.bias) == [-100, 1.5])
        #expect(fields.seed == -3 && fields.minTokens == 2 && fields.stop == ["a", "b"])
        #expect(fields.stopTokenIDs == [7] && fields.ignoresEndOfSequence && fields.includesStopString)
        #expect(!fields.skipsSpecialTokens && fields.returnsTokenIDs && fields.cacheSalt == "s")
        #expect(fields.priority == -1 && fields.choiceCount == 3 && fields.returnsComputeTime)
        #expect(fields.streaming == GenerationFields.StreamOptions(includesUsage: true))
        #expect(request.maxTokens == 9 && request.topLogprobs == 20)
        #expect(!request.addsGenerationPrompt && request.continuesFinalMessage)
        #expect(request.templateArguments == ["enable_thinking": false])
    }

    @Test func `an explicit null is the same as leaving the field out`() throws {
        let names = [
            "temperature", "top_p", "n", "stop", "stream", "stream_options", "tools", "tool_choice", "response_format",
            "logit_bias", "seed", "max_tokens", "user", "metadata", "store", "reasoning_effort", "prompt_truncate_len",
        ]
        let request = try chat(names.map { ",\"\($0)\":null" }.joined())
        #expect(request == (try chat("")))
    }

    @Test(arguments: [
        #","user":"u","metadata":{"a":"b"},"store":false,"service_tier":"auto","safety_identifier":"x""#,
        #","parallel_tool_calls":false,"tool_choice":"none","tools":[],"functions":[],"modalities":["text"]"#,
        #","response_format":{"type":"text"},"best_of":1,"use_beam_search":false,"length_penalty":1.0"#,
        #","context_length_exceeded_behavior":"error","prompt_cache_key":"k","service_tier":"default","mirostat":0"#,
        #","stream":true,"stream_options":{"include_obfuscation":false,"include_usage":false}"#,
    ])
    func `fields that ask for nothing are accepted`(fields: String) throws {
        _ = try chat(fields)
    }

    @Test(arguments: [
        ("structural_tag", "{}"), ("prediction", "{}"),
        ("modalities", #"["text","audio"]"#), ("audio", "{}"), ("web_search_options", "{}"), ("mirostat", "2"),
        ("mirostat_target", "5.0"), ("best_of", "2"),
        ("store", "true"), ("verbosity", #""low""#), ("prompt_truncate_len", "100"),
        ("truncate_prompt_tokens", "5"), ("moderation", "{}"),
        ("service_tier", #""flex""#), ("echo", "true"), ("raw_output", "true"), ("prompt_logprobs", "1"),
        ("add_special_tokens", "true"), ("images", #"["x"]"#), ("echo_last", "3"), ("chat_template", #""x""#),
    ])
    func `what is not there yet is refused by name`(name: String, value: String) {
        let error = wrong(",\"\(name)\":\(value)")
        #expect(error?.code == "unsupported_parameter")
        #expect(error?.parameter == name)
        #expect(error?.status == 400)
    }

    @Test(arguments: [
        WrongBody(#""temperature":"hot""#, "invalid_type", "temperature"),
        WrongBody(#""temperature":2.01"#, "decimal_above_max_value", "temperature"),
        WrongBody(#""temperature":-1"#, "decimal_below_min_value", "temperature"),
        WrongBody(#""temperature":[]"#, "invalid_type", "temperature"),
        WrongBody(#""top_p":1.5"#, "decimal_above_max_value", "top_p"),
        WrongBody(#""top_k":1.5"#, "invalid_type", "top_k"),
        WrongBody(#""top_k":-2"#, "integer_below_min_value", "top_k"),
        WrongBody(#""min_p":2"#, "decimal_above_max_value", "min_p"),
        WrongBody(#""typical_p":-1"#, "decimal_below_min_value", "typical_p"),
        WrongBody(#""repetition_penalty":0"#, "decimal_below_min_value", "repetition_penalty"),
        WrongBody(#""presence_penalty":3"#, "decimal_above_max_value", "presence_penalty"),
        WrongBody(#""frequency_penalty":-3"#, "decimal_below_min_value", "frequency_penalty"),
        WrongBody(#""logit_bias":[1]"#, "invalid_type", "logit_bias"),
        WrongBody(#""logit_bias":{"x":1}"#, "invalid_value", "logit_bias"),
        WrongBody(#""logit_bias":{"-1":1}"#, "invalid_value", "logit_bias"),
        WrongBody(#""logit_bias":{"1":101}"#, "decimal_above_max_value", "logit_bias.1"),
        WrongBody(#""seed":1e300"#, "integer_above_max_value", "seed"),
        WrongBody(#""seed":1.5"#, "invalid_type", "seed"),
        WrongBody(#""n":0"#, "integer_below_min_value", "n"),
        WrongBody(#""n":129"#, "integer_above_max_value", "n"),
        WrongBody(#""n":true"#, "invalid_type", "n"),
        WrongBody(#""stop":5"#, "invalid_type", "stop"),
        WrongBody(#""stop":"""#, "invalid_value", "stop"),
        WrongBody(#""stop":["a",1]"#, "invalid_type", "stop[1]"),
        WrongBody(#""stop":["1","2","3","4","5"]"#, "array_above_max_length", "stop"),
        WrongBody(#""stop_token_ids":[-1]"#, "integer_below_min_value", "stop_token_ids[0]"),
        WrongBody(#""max_tokens":0"#, "integer_below_min_value", "max_tokens"),
        WrongBody(#""max_tokens":99999999999999999999"#, "integer_above_max_value", "max_tokens"),
        WrongBody(#""max_tokens":5,"max_completion_tokens":6"#, "invalid_value", "max_tokens"),
        WrongBody(#""min_tokens":-1"#, "integer_below_min_value", "min_tokens"),
        WrongBody(#""logprobs":5"#, "invalid_type", "logprobs"),
        WrongBody(#""logprobs":true,"top_logprobs":21"#, "integer_above_max_value", "top_logprobs"),
        WrongBody(#""top_logprobs":2"#, "invalid_value", "top_logprobs"),
        WrongBody(#""stream":"yes""#, "invalid_type", "stream"),
        WrongBody(#""stream_options":{}"#, "invalid_value", "stream_options"),
        WrongBody(#""stream":true,"stream_options":{"x":1}"#, "unknown_parameter", "stream_options.x"),
        WrongBody(#""metadata":{"a":1}"#, "invalid_type", "metadata.a"),
        WrongBody(#""user":1"#, "invalid_type", "user"),
        WrongBody(#""chat_template_kwargs":"x""#, "invalid_type", "chat_template_kwargs"),
        WrongBody(#""cache_salt":"a","prompt_cache_isolation_key":"b""#, "invalid_value", "prompt_cache_isolation_key"),
        WrongBody(#""lora":{}"#, "invalid_type", "lora"),
        WrongBody(#""lora":["a"]"#, "invalid_type", "lora[0]"),
        WrongBody(#""lora":[{"scale":1}]"#, "missing_required_parameter", "lora[0].id"),
        WrongBody(#""lora":[{"id":1}]"#, "missing_required_parameter", "lora[0].scale"),
        WrongBody(#""lora":[{"id":0,"scale":1},{"id":true,"scale":1}]"#, "invalid_type", "lora[1].id"),
        WrongBody(#""lora":[{"id":-1,"scale":1}]"#, "integer_below_min_value", "lora[0].id"),
        WrongBody(#""lora":[{"id":0,"scale":"1"}]"#, "invalid_type", "lora[0].scale"),
        WrongBody(#""lora":[{"id":0,"scale":101}]"#, "decimal_above_max_value", "lora[0].scale"),
        WrongBody(#""lora":[{"id":"a","scale":1},{"id":"a","scale":1}]"#, "invalid_value", "lora[1].id"),
        WrongBody(#""lora":[{"id":"a","scale":1,"x":1}]"#, "unknown_parameter", "lora[0].x"),
        WrongBody(#""temprature":1"#, "unknown_parameter", "temprature"),
        WrongBody(#""ünïcödé🙂":1"#, "unknown_parameter", "ünïcödé🙂"),
    ])
    func `a wrong field is named with what is wrong`(body: WrongBody) {
        let error = wrong("," + body.fields)
        #expect(error?.code == body.code)
        #expect(error?.parameter == body.parameter)
        #expect(error?.message.contains(body.parameter) == true)
    }

    @Test func `a stop string longer than its limit is refused`() {
        let error = wrong(",\"stop\":\"\(String(repeating: "x", count: 4097))\"")
        #expect(error?.code == "string_above_max_length")
    }

    @Test(arguments: [
        (#"[]"#, "invalid_type", "body"), (#"{"messages":[]}"#, "missing_required_parameter", "model"),
        (#"{"model":"m"}"#, "missing_required_parameter", "messages"),
        (#"{"model":"m","messages":[]}"#, "empty_array", "messages"),
        (#"{"model":"m","messages":{}}"#, "invalid_type", "messages"),
        (#"{"model":5,"messages":[]}"#, "invalid_type", "model"),
    ])
    func `the two required fields must be there`(text: String, code: String, parameter: String) throws {
        let body = try JSONValue(parsing: text)
        let error = #expect(throws: APIError.self) { try ChatCompletionRequest(body) }
        #expect(error?.code == code)
        #expect(error?.parameter == parameter)
    }

    private func chat(_ fields: String) throws -> ChatCompletionRequest {
        let text = #"{"model":"m","messages":[{"role":"user","content":"hi"}]"# + fields + "}"
        return try ChatCompletionRequest(try JSONValue(parsing: text))
    }

    private func wrong(_ fields: String) -> APIError? {
        #expect(throws: APIError.self) { try chat(fields) }
    }
}
