import Foundation
import JSON
import OpenAIAPI
import Testing

@testable import OllamaAPI

@Suite struct OllamaRequestTests {
    @Test func `minimal requests have the defaults`() throws {
        let chat = try self.chat("")
        #expect(chat.fields.model == "m" && chat.fields.isStreamed && chat.messages.isEmpty)
        #expect(chat.fields.options == OllamaOptions())
        let generate = try self.generate("")
        #expect(generate.prompt.isEmpty && generate.system == nil && !generate.isRaw)
    }

    @Test func `every supported field is read`() throws {
        let chat = try self.chat(
            #","stream":false,"keep_alive":"5m","messages":[{"role":"system","content":"a"},{"role":"user","content":"b"},"#
                + #"{"role":"assistant","content":"c"}]"#
        )
        #expect(!chat.fields.isStreamed)
        #expect(chat.messages == [.init(.system, "a"), .init(.user, "b"), .init(.assistant, "c")])
        let generate = try self.generate(#","prompt":"p","system":"s","keep_alive":0"#)
        #expect(generate.prompt == "p" && generate.system == "s")
        #expect(try self.generate(#","prompt":"p","raw":true,"system":"""#).isRaw)
    }

    @Test func `every supported option is read`() throws {
        let options = try self.chat(
            #","options":{"temperature":0.5,"top_k":-1,"top_p":0.4,"min_p":0.1,"typical_p":0.9,"repeat_penalty":1.1,"#
                + #""presence_penalty":1,"frequency_penalty":-1,"seed":7,"stop":["a"],"num_predict":9,"num_ctx":64}"#
        ).fields.options
        #expect(options.temperature == 0.5 && options.topK == 0 && options.topP == 0.4 && options.minP == 0.1)
        #expect(options.typicalP == 0.9 && options.repeatPenalty == 1.1 && options.presencePenalty == 1)
        #expect(options.frequencyPenalty == -1 && options.seed == 7 && options.stop == ["a"])
        #expect(options.maxTokens == 9 && options.contextLength == 64)
        for limit in [-2, -1, 0] {
            #expect(try self.chat(#","options":{"num_predict":\#(limit)}"#).fields.options.maxTokens == nil)
        }
    }

    @Test(arguments: [
        #","tools":[],"format":"","think":null,"logprobs":false,"truncate":false,"options":{}"#,
        #","options":{"mirostat":0,"mirostat_tau":5,"tfs_z":1.0,"repeat_last_n":-1,"penalize_newline":true,"seed":-1}"#,
        #","options":{"num_keep":4,"num_gpu":1,"main_gpu":0,"num_thread":8,"use_mmap":true,"num_batch":2,"numa":false}"#,
    ])
    func `what asks for nothing is accepted`(fields: String) throws {
        let request = try chat(fields)
        #expect(request == (try chat("")))
    }

    @Test func `functions, calls and their results are read`() throws {
        let call = #"{"id":"c","function":{"index":0,"name":"f","arguments":{"a":[1]}}}"#
        let request = try chat(
            #","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],"#
                + #""messages":[{"role":"assistant","content":"","thinking":"so","tool_calls":[\#(call)]},"#
                + #"{"role":"tool","tool_name":"f","tool_call_id":"c","content":"x"}]"#
        )
        #expect(request.tools.tools == [ToolDefinition(name: "f", description: "d", parameters: ["type": "object"])])
        #expect(request.tools.choice == .auto && !request.continuesFinalMessage)
        let (answer, result) = (request.messages[0], request.messages[1])
        #expect(answer.calls == [.init(id: "c", name: "f", arguments: ["a": [1]])] && answer.thinking == "so")
        #expect(result.role == .tool && result.toolName == "f" && result.callID == "c" && result.content == "x")
        #expect(try chat(#","messages":[{"role":"assistant","content":"a"}]"#).continuesFinalMessage)
    }

    @Test func `thoughts and formats are asked for`() throws {
        func fields(_ text: String) throws -> OllamaFields { try chat("," + text).fields }
        #expect(try fields(#""think":true"#).thinking == .on && fields(#""think":false"#).thinking == .off)
        #expect(try fields(#""think":"low""#).thinking == .level("low") && fields(#""think":null"#).thinking == nil)
        #expect(
            try fields(#""format":"json""#).structure == RequestedStructure(output: .jsonObject, parameter: "format")
        )
        let schema = try fields(#""format":{"type":"object"}"#).structure
        #expect(schema == RequestedStructure(output: .jsonSchema(["type": "object"]), parameter: "format"))
        #expect(try generate(#","format":"","think":"high""#).fields.thinking == .level("high"))
    }

    @Test(arguments: ["0", "-1", "3.5", #""5m""#, #""1h30m""#, #""-1""#, #""1.5s""#, "null"])
    func `models stay loaded however long they are asked to`(duration: String) throws {
        #expect(try chat(#","keep_alive":\#(duration)"#) == (try chat("")))
    }

    @Test(arguments: [
        (#","tools":[{"type":"function"}]"#, "missing_required_parameter", "tools[0].function"),
        (#","tools":[{"type":"function","function":{"name":"a b"}}]"#, "invalid_value", "tools[0].function.name"),
        (#","format":"yaml""#, "invalid_value", "format"), (#","format":["json"]"#, "invalid_type", "format"),
        (#","think":"max""#, "invalid_value", "think"), (#","think":1"#, "invalid_type", "think"),
        (#","truncate":true"#, "unsupported_parameter", "truncate"),
        (#","shift":true"#, "unsupported_parameter", "shift"),
        (#","logprobs":true"#, "unsupported_parameter", "logprobs"),
        (#","options":{"mirostat":2}"#, "unsupported_parameter", "options.mirostat"),
        (#","options":{"repeat_last_n":64}"#, "unsupported_parameter", "options.repeat_last_n"),
        (#","options":{"top_p":2}"#, "decimal_above_max_value", "options.top_p"),
        (#","options":{"stop":"a"}"#, "invalid_type", "options.stop"),
        (#","options":{"n":1}"#, "unknown_parameter", "options.n"),
        (#","options":[]"#, "invalid_type", "options"),
        (#","options":{"num_predict":-3}"#, "integer_below_min_value", "options.num_predict"),
        (#","options":{"num_predict":1.5}"#, "invalid_type", "options.num_predict"),
        (#","options":{"seed":18446744073709551616}"#, "integer_above_max_value", "options.seed"),
        (#","options":{"temperature":"0"}"#, "invalid_type", "options.temperature"),
        (#","options":{"stop":[""]}"#, "invalid_value", "options.stop"),
        (#","stream":"no""#, "invalid_type", "stream"),
        (#","keep_alive":true"#, "invalid_type", "keep_alive"),
        (#","keep_alive":"\#(String(repeating: "5", count: 65))""#, "string_above_max_length", "keep_alive"),
        (#","messages":{}"#, "invalid_type", "messages"),
        (#","messages":[[]]"#, "invalid_type", "messages[0]"),
        (#","messages":[{"content":"a"}]"#, "missing_required_parameter", "messages[0].role"),
        (#","messages":[{"role":"user","content":["a"]}]"#, "invalid_type", "messages[0].content"),
        (#","prompt":"a""#, "unknown_parameter", "prompt"),
        (#","messages":[{"role":"poet","content":"a"}]"#, "invalid_value", "messages[0].role"),
        (#","messages":[{"role":"user","images":["a"]}]"#, "unsupported_parameter", "messages[0].images"),
        (
            #","messages":[{"role":"assistant","tool_calls":[{}]}]"#, "missing_required_parameter",
            "messages[0].tool_calls[0].function"
        ),
        (
            #","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]"#,
            "invalid_type", "messages[0].tool_calls[0].function.arguments"
        ),
        (
            #","messages":[{"role":"user","tool_calls":[{"function":{"name":"f"}}]}]"#, "invalid_value",
            "messages[0].tool_calls"
        ),
        (#","messages":[{"role":"user","thinking":"a"}]"#, "invalid_value", "messages[0].thinking"),
        (#","messages":[{"role":"user","tool_name":"f"}]"#, "invalid_value", "messages[0].tool_name"),
        (
            #","tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"assistant","content":"a"}]"#,
            "invalid_value", "tools"
        ),
    ])
    func `what a chat cannot honour is refused by name`(fields: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try chat(fields) }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    @Test(arguments: [
        (#","template":"t""#, "unsupported_parameter", "template"),
        (#","suffix":"s""#, "unsupported_parameter", "suffix"),
        (#","images":["i"]"#, "unsupported_parameter", "images"),
        (#","context":[1]"#, "unsupported_parameter", "context"),
        (#","raw":true,"system":"s""#, "invalid_value", "system"),
        (#","raw":true,"think":true"#, "invalid_value", "think"),
        (#","prompt":1"#, "invalid_type", "prompt"),
        (#","messages":[]"#, "unknown_parameter", "messages"),
    ])
    func `what a prompt cannot honour is refused by name`(fields: String, code: String, parameter: String) throws {
        let error = #expect(throws: APIError.self) { try generate(fields) }
        #expect(error?.code == code && error?.parameter == parameter)
    }

    @Test func `sizes are rounded as Ollama does`() {
        #expect(OllamaModel.rounded(134_515_008) == "134.52M")
        #expect(OllamaModel.rounded(1_235_814_432) == "1.2B")
        #expect(OllamaModel.rounded(260_032) == "260K")
        #expect(OllamaModel.rounded(12) == "12")
    }

    @Test func `durations are nanoseconds`() {
        let counts = OllamaReply.Counts(
            promptTokens: 3,
            answerTokens: 2,
            waiting: .microseconds(1),
            prefill: .seconds(2),
            decode: .nanoseconds(5)
        )
        let reply = OllamaReply(
            kind: .generate,
            model: "m",
            created: Date(timeIntervalSince1970: 0.25),
            text: "a",
            ending: .init(reason: "length", counts: counts)
        )
        #expect(
            reply.json.serialized()
                == #"{"model":"m","created_at":"1970-01-01T00:00:00.250Z","response":"a","done":true,"#
                + #""done_reason":"length","total_duration":2000001005,"load_duration":1000,"prompt_eval_count":3,"#
                + #""prompt_eval_duration":2000000000,"eval_count":2,"eval_duration":5}"#
        )
    }

    @discardableResult
    private func chat(_ fields: String) throws -> OllamaChatRequest {
        try OllamaChatRequest(try JSONValue(parsing: #"{"model":"m"\#(fields)}"#))
    }

    @discardableResult
    private func generate(_ fields: String) throws -> OllamaGenerateRequest {
        try OllamaGenerateRequest(try JSONValue(parsing: #"{"model":"m"\#(fields)}"#))
    }
}
