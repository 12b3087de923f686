import JSON
import Testing

@testable import OpenAIAPI

/// Fields that Fireworks' and vLLM's clients send beside OpenAI's.
@Suite struct ExtensionFieldsTests {
    /// A field of a chat or a completion, with a value that asks for something.
    struct Field: Sendable, CustomTestStringConvertible {
        var name: String
        var value: JSONValue

        init(_ name: String, _ value: JSONValue) { (self.name, self.value) = (name, value) }

        var testDescription: String { "\(name): \(value.serialized())" }
    }

    private static let both: [Field] = [
        Field("top_k", 5), Field("min_p", 0.1), Field("typical_p", 0.5), Field("repetition_penalty", 1.1),
        Field("ignore_eos", true), Field("min_tokens", 3), Field("stop_token_ids", [1]),
        Field("return_token_ids", true), Field("skip_special_tokens", false), Field("include_stop_str_in_output", true),
        Field("response_format", ["type": "grammar", "grammar": "root ::= \"a\""]),
        Field("structured_outputs", ["choice": ["a"]]), Field("guided_json", ["type": "object"]),
        Field("guided_regex", "a"), Field("guided_choice", ["a"]), Field("guided_grammar", "root ::= \"a\""),
        Field("prompt_cache_isolation_key", "k"), Field("cache_salt", "k"), Field("priority", 1),
        Field("context_length_exceeded_behavior", "truncate"),
    ]

    private static let inChats: [Field] = [
        Field("chat_template_kwargs", ["a": 1]), Field("reasoning_effort", 100), Field("reasoning_effort", "low"),
        Field("thinking", ["type": "enabled", "budget_tokens": 5]), Field("thinking", ["type": "disabled"]),
        Field("thinking_token_budget", 5), Field("continue_final_message", true), Field("add_generation_prompt", false),
    ]

    /// They say something about the request, not about its answer.
    private static let withoutEffect: [Field] = [
        Field("prompt_cache_key", "k"), Field("metadata", ["a": "b"]), Field("service_tier", "auto"),
        Field("user", "u"),
        Field("guided_decoding_backend", "xgrammar"),
    ]

    private static let refused: [Field] = [
        Field("mirostat", 2), Field("mirostat_mode", 2), Field("mirostat_lr", 0.1), Field("mirostat_target", 5),
        Field("mirostat_tau", 5), Field("mirostat_eta", 0.1), Field("context_length_exceeded_behavior", "shift"),
        Field("prompt_truncate_len", 5), Field("truncate_prompt_tokens", 5), Field("echo_last", 5),
        Field("raw_output", true), Field("timings_per_token", true),
        Field("prediction", ["type": "content", "content": "a"]), Field("speculation", "a"),
        Field("images", ["a"]), Field("service_tier", "flex"),
        Field("guided_whitespace_pattern", " "), Field("structural_tag", [:]), Field("prompt_logprobs", 1),
        Field("bad_words", ["a"]), Field("allowed_token_ids", [1]), Field("use_beam_search", true),
        Field("typical", 0.5), Field("topk", 5),
    ]

    private static let refusedInChats: [Field] = [
        Field("reasoning_format", "none"), Field("echo", true),
        Field("reasoning", ["effort": "low"]), Field("best_of", 2), Field("chat_template", "a"),
    ]

    private static let chat: JSONObject = ["model": "m", "messages": [["role": "user", "content": "a"]]]
    private static let completion: JSONObject = ["model": "m", "prompt": "a"]

    private func read(_ base: JSONObject, _ field: Field) throws(APIError) -> ChatCompletionRequest {
        var body = base
        body[field.name] = field.value
        return try ChatCompletionRequest(.object(body))
    }

    private func readCompletion(_ field: Field) throws(APIError) -> CompletionRequest {
        var body = Self.completion
        body[field.name] = field.value
        return try CompletionRequest(.object(body))
    }

    @Test(arguments: both + inChats)
    func `what a chat takes changes what is asked`(field: Field) throws {
        #expect(try read(Self.chat, field) != ChatCompletionRequest(.object(Self.chat)))
    }

    @Test(arguments: both + [Field("echo", true), Field("best_of", 2), Field("suffix", "b")])
    func `what a completion takes changes what is asked`(field: Field) throws {
        #expect(try readCompletion(field) != CompletionRequest(.object(Self.completion)))
    }

    @Test(arguments: withoutEffect)
    func `what says nothing of the answer changes nothing`(field: Field) throws {
        #expect(try read(Self.chat, field) == ChatCompletionRequest(.object(Self.chat)))
        #expect(try readCompletion(field) == CompletionRequest(.object(Self.completion)))
    }

    @Test(arguments: refused + refusedInChats)
    func `a chat refuses by name what it does not do`(field: Field) {
        let error = #expect(throws: APIError.self) { try read(Self.chat, field) }
        #expect(error?.status == 400 && error?.parameter == field.name)
    }

    @Test(arguments: refused)
    func `a completion refuses by name what it does not do`(field: Field) {
        let error = #expect(throws: APIError.self) { try readCompletion(field) }
        #expect(error?.status == 400 && error?.parameter == field.name)
    }

    @Test(arguments: ["whitespace_pattern", "structural_tag", "disable_any_whitespace"])
    func `what is not enforced of a structure is refused by name`(name: String) {
        var members: JSONObject = ["json": ["type": "object"]]
        members[name] = true
        let structure = JSONValue.object(members)
        let error = #expect(throws: APIError.self) { try read(Self.chat, Field("structured_outputs", structure)) }
        #expect(error?.parameter == "structured_outputs.\(name)")
    }
}
