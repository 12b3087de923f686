package import JSON

/// The body of `POST /v1/chat/completions`: every field has its type and stays within its bounds; how fields agree with
/// each other and with a model is checked by whoever turns this into work.
package struct ChatCompletionRequest: Sendable, Equatable {
    package var model: String
    package var messages: [ChatMessage]
    package var fields: GenerationFields
    package var tools: ToolFields
    package var reasoning: ReasoningFields
    /// `max_completion_tokens`, or its older name `max_tokens`.
    package var maxTokens: Int?
    /// Alternatives beside each token's log probability; nil when none are reported.
    package var topLogprobs: Int?
    package var addsGenerationPrompt: Bool
    package var continuesFinalMessage: Bool
    /// Extra variables for the chat template.
    package var templateArguments: JSONObject

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        model = try FieldReader.string(try reader.required("model"), "model", bytes: 1024)
        messages = try ChatMessage.list(&reader)
        try reader.refuse(UnsupportedField.chat)
        fields = try GenerationFields(&reader)
        tools = try ToolFields(&reader)
        reasoning = try ReasoningFields(&reader)
        try reasoning.readThinking(&reader)
        try reasoning.readBudget(&reader)
        maxTokens = try Self.maxTokens(&reader)
        topLogprobs = try Self.topLogprobs(&reader)
        addsGenerationPrompt = try reader.bool("add_generation_prompt") ?? true
        continuesFinalMessage = try reader.bool("continue_final_message") ?? false
        templateArguments = try reader.object("chat_template_kwargs") ?? JSONObject()
        try Self.refuseAddedSpecialTokens(&reader)
        try reader.finish()
    }

    /// Templates write the special tokens themselves; a second set would only harm.
    static func refuseAddedSpecialTokens(_ reader: inout FieldReader) throws(APIError) {
        if try reader.bool("add_special_tokens") == true {
            throw .unsupported(
                reader.parameter("add_special_tokens"),
                "A chat's special tokens come from the model's template."
            )
        }
    }

    private static func maxTokens(_ reader: inout FieldReader) throws(APIError) -> Int? {
        let older = try reader.integer("max_tokens", in: 1...GenerationFields.tokenLimit)
        let newer = try reader.integer("max_completion_tokens", in: 1...GenerationFields.tokenLimit)
        if let older, let newer, older != newer {
            throw .invalidValue("max_tokens", "it differs from 'max_completion_tokens', which means the same.")
        }
        return newer ?? older
    }

    private static func topLogprobs(_ reader: inout FieldReader) throws(APIError) -> Int? {
        let isReported = try reader.bool("logprobs") ?? false
        let count = try reader.integer("top_logprobs", in: 0...20)
        if let count, count > 0, !isReported {
            throw .invalidValue("top_logprobs", "it is only allowed when 'logprobs' is true.")
        }
        return isReported ? count ?? 0 : nil
    }
}
