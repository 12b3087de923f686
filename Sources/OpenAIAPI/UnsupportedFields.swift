package import JSON

/// A parameter that clients of such servers send and this server cannot honour, with the values that ask for nothing.
package struct UnsupportedField: Sendable {
    let name: String
    /// What is missing, as a sentence.
    let explanation: String
    /// Values that mean the same as leaving the parameter out.
    let harmless: [JSONValue]

    /// - Parameters:
    ///   - explanation: what is missing, as a sentence.
    ///   - harmless: values that mean the same as leaving the parameter out.
    package init(_ name: String, _ explanation: String, harmless: [JSONValue] = []) {
        self.name = name
        self.explanation = explanation
        self.harmless = harmless
    }
}

extension FieldReader {
    /// Refuses every one of `fields` that is there and asks for something.
    package mutating func refuse(_ fields: [UnsupportedField]) throws(APIError) {
        for field in fields {
            FieldRecorder.current?.noteRefused(parameter(field.name), harmless: field.harmless)
            guard let value = value(field.name), !field.harmless.contains(value) else { continue }
            throw .unsupported(parameter(field.name), field.explanation)
        }
    }
}

extension UnsupportedField {
    private static let textOnly = "This server reads and writes text only."
    private static let decoding = "This server does not offer this way of decoding."
    private static let truncation = "This server never truncates a prompt; a prompt that does not fit is an error."
    private static let reporting = "This server does not report this."
    private static let reasoning =
        "Use reasoning_effort or thinking_token_budget, "
        + "or chat_template_kwargs where the model's template has another switch."

    /// Refused in every kind of generation.
    static let generation: [UnsupportedField] =
        search + prompts + reports
        + [
            UnsupportedField("structural_tag", "This server does not know structural tags."),
            UnsupportedField("prediction", "This server does not take predicted output yet."),
            UnsupportedField("speculation", "This server does not take predicted output yet."),
            UnsupportedField("kv_transfer_params", "This server does not move its cache between machines."),
            UnsupportedField("vllm_xargs", "This server has no such extensions."),
            UnsupportedField("request_id", "Send the header X-Request-Id instead."),
            UnsupportedField("images", textOnly, harmless: [[]]),
        ]

    /// Refused in chats beside `generation`.
    static let chat: [UnsupportedField] = [
        UnsupportedField("modalities", textOnly, harmless: [["text"]]),
        UnsupportedField("audio", textOnly),
        UnsupportedField("mm_processor_kwargs", textOnly, harmless: [[:]]),
        UnsupportedField("web_search_options", "This server does not search the web."),
        UnsupportedField("moderation", "This server does not moderate."),
        UnsupportedField("documents", "Put the documents into a message.", harmless: [[]]),
        chatTemplate,
        UnsupportedField("reasoning", reasoning),
        UnsupportedField(
            "reasoning_format",
            "This server tells thoughts as 'reasoning_content'.",
            harmless: ["auto", "deepseek", "parsed"]
        ),
        UnsupportedField("include_reasoning", reasoning, harmless: [true]),
        UnsupportedField(
            "verbosity",
            "This server does not steer the answer's length; say so in a message.",
            harmless: ["medium"]
        ),
        UnsupportedField("store", "This server does not store answers.", harmless: [false]),
        UnsupportedField("echo", "A chat's prompt cannot be echoed; use /v1/completions.", harmless: [false]),
        UnsupportedField("best_of", decoding, harmless: [1]),
    ]

    static let chatTemplate = UnsupportedField("chat_template", "The model's own chat template is always used.")

    /// Of requests that generate nothing.
    static let priority = UnsupportedField("priority", "Texts are embedded in turn.", harmless: [0])

    /// Refused in plain completions beside `generation`.
    static let completion: [UnsupportedField] = [
        UnsupportedField("prompt_embeds", "This server does not take embeddings as a prompt.")
    ]

    private static let search: [UnsupportedField] = [
        UnsupportedField("use_beam_search", decoding, harmless: [false]),
        UnsupportedField("length_penalty", decoding, harmless: [1, 1.0]),
        UnsupportedField("early_stopping", decoding, harmless: [false]),
        UnsupportedField("mirostat", decoding, harmless: [0, 0.0]),
        UnsupportedField("mirostat_mode", decoding, harmless: [0, 0.0]),
        UnsupportedField("mirostat_lr", decoding),
        UnsupportedField("mirostat_target", decoding),
        UnsupportedField("mirostat_tau", decoding),
        UnsupportedField("mirostat_eta", decoding),
        UnsupportedField("top_a", decoding, harmless: [0, 0.0]),
        UnsupportedField("tfs_z", decoding, harmless: [1, 1.0]),
        UnsupportedField("allowed_token_ids", decoding),
        UnsupportedField("bad_words", decoding, harmless: [[]]),
        UnsupportedField("logits_processors", decoding, harmless: [[]]),
        UnsupportedField("repetition_detection", decoding),
    ]

    private static let prompts: [UnsupportedField] = [
        UnsupportedField("prompt_truncate_len", truncation),
        UnsupportedField("truncate_prompt_tokens", truncation),
        UnsupportedField("truncation", truncation, harmless: ["disabled"]),
        UnsupportedField("echo_last", "This server does not echo part of a prompt.", harmless: [0]),
        UnsupportedField("prompt_cache_options", "This server's cache has no per-request options."),
        UnsupportedField("prompt_cache_retention", "This server's cache lives in memory.", harmless: ["in_memory"]),
    ]

    private static let reports: [UnsupportedField] = [
        UnsupportedField("prompt_logprobs", "Use echo with logprobs in /v1/completions."),
        UnsupportedField("raw_output", reporting, harmless: [false]),
        UnsupportedField("timings_per_token", reporting, harmless: [false]),
        UnsupportedField("return_tokens_as_token_ids", "Use return_token_ids.", harmless: [false]),
        UnsupportedField("spaces_between_special_tokens", reporting, harmless: [true]),
    ]
}
