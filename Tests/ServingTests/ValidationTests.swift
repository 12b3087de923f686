import Deployments
import Inference
import JSON
import OpenAIAPI
import Testing
import Tokenization

@testable import Serving

@Suite struct ValidationTests {
    @Test func `the model's recommendations fill what a request leaves open`() throws {
        let defaults = SamplingDefaults(temperature: 0.6, topP: 0.9, topK: 20, repetitionPenalty: 1.1)
        let deployment = try ScriptedDeployment.make(samplingDefaults: defaults)
        let silent = try chat("", deployment).text.parameters.sampling
        #expect(silent.temperature == 0.6 && silent.topP == 0.9 && silent.topK == 20)
        #expect(silent.repetitionPenalty == 1.1)
        let own = try chat(#","temperature":0,"top_p":1,"top_k":-1,"repetition_penalty":1"#, deployment)
        #expect(own.text.parameters.sampling.temperature == 0 && own.text.parameters.sampling.topP == 1)
        #expect(own.text.parameters.sampling.topK == 0 && own.text.parameters.sampling.repetitionPenalty == 1)
    }

    @Test func `every parameter reaches the generation`() throws {
        let fields = """
            ,"seed":-1,"min_tokens":2,"max_tokens":5,"stop":["x"],"stop_token_ids":[7],"ignore_eos":true,"priority":3,
            "include_stop_str_in_output":true,"skip_special_tokens":false,"cache_salt":"s","logprobs":true,"n":2,
            "top_logprobs":4,"logit_bias":{"5":-7},"min_p":0.25,"typical_p":0.5,"presence_penalty":1,"frequency_penalty":-1
            """
        let request = try chat(fields, try ScriptedDeployment.make()).text
        let parameters = request.parameters
        #expect(request.id == "id" && request.choiceCount == 2)
        #expect(parameters.sampling.seed == .max && parameters.sampling.logitBias == [.init(5): -7])
        #expect(parameters.sampling.minP == 0.25 && parameters.sampling.typicalP == 0.5)
        #expect(parameters.sampling.presencePenalty == 1 && parameters.sampling.frequencyPenalty == -1)
        #expect(parameters.maxTokens == 5 && parameters.minTokens == 2 && parameters.priority == 3)
        #expect(parameters.stopStrings == ["x"] && parameters.stopTokenIDs == [.init(7)])
        #expect(parameters.ignoreEndOfSequence && parameters.includesStopString && !parameters.skipsSpecialTokens)
        #expect(parameters.cacheSalt == "s" && parameters.logprobCount == 4)
    }

    @Test func `messages are handed to the template in its own shape`() throws {
        let body = try JSONValue(
            parsing: """
                {"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"a"}]},
                {"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\\"x\\":1}"}},
                {"id":"d","type":"function","function":{"name":"g","arguments":"oops"}}]},
                {"role":"tool","tool_call_id":"c","content":"1"}]}
                """
        )
        let messages = try ChatCompletionRequest(body).messages.map { $0.templateValue.serialized() }
        #expect(messages[0] == #"{"role":"system","content":[{"type":"text","text":"a"}]}"#)
        #expect(
            messages[1]
                == #"{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","#
                + #""arguments":{"x":1}}},{"id":"d","type":"function","function":{"name":"g","arguments":"oops"}}]}"#
        )
        #expect(messages[2] == #"{"role":"tool","content":"1","tool_call_id":"c"}"#)
    }

    @Test(
        arguments: [
            ("{}", #"{"type":"object"}"#),
            (
                #"{"properties":{},"required":[],"title":"T"}"#,
                #"{"properties":{},"required":[],"title":"T","type":"object","additionalProperties":false}"#
            ),
            (#"{"type":"object","properties":{},"additionalProperties":true}"#, nil),
            (#"{"type":"object","properties":{},"required":["a"]}"#, nil),
            (#"{"type":"object","properties":{},"minProperties":1}"#, nil),
            (#"{"type":"object","properties":{"a":{}}}"#, nil),
        ] as [(String, String?)]
    )
    func `a function that lists no arguments is called with none`(parameters: String, wanted: String?) throws {
        let tool = ToolDefinition(name: "f", parameters: try JSONValue(parsing: parameters).objectValue)
        #expect(tool.argumentSchema.serialized() == wanted ?? parameters)
        #expect(ToolDefinition(name: "f").argumentSchema["additionalProperties"] == false)
    }

    private func chat(_ fields: String, _ deployment: Deployment) throws -> ChatRequest {
        let body = try JSONValue(parsing: "{\(ChatCompletionsTests.question)\(fields)}")
        return try ChatRequest(try ChatCompletionRequest(body), for: deployment, id: "id")
    }
}
