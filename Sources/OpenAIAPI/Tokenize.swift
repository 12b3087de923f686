package import JSON

/// The body of `POST /tokenize`, in vLLM's two shapes.
package struct TokenizeRequest: Sendable, Equatable {
    /// What is to be split into tokens.
    package enum Input: Sendable, Equatable {
        case text(String, addsSpecialTokens: Bool)
        case chat(
            [ChatMessage],
            addsGenerationPrompt: Bool,
            continuesFinalMessage: Bool,
            templateArguments: JSONObject
        )
    }

    /// nil means the only model there is.
    package var model: String?
    package var input: Input
    /// Whether the answer lists the tokens' texts beside their ids.
    package var returnsTokenTexts: Bool

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        model = try reader.string("model", bytes: 1024)
        returnsTokenTexts = try reader.bool("return_token_strs") ?? false
        let prompt = try reader.string("prompt")
        let hasMessages = reader.value("messages") != nil
        if let prompt {
            if hasMessages { throw .invalidValue("messages", "give 'prompt' or 'messages', not both.") }
            input = .text(prompt, addsSpecialTokens: try reader.bool("add_special_tokens") ?? true)
        } else {
            if !hasMessages { throw .missing("prompt") }
            input = try Self.chat(&reader)
        }
        try reader.finish()
    }

    private static func chat(_ reader: inout FieldReader) throws(APIError) -> Input {
        let messages = try ChatMessage.list(&reader)
        try ChatCompletionRequest.refuseAddedSpecialTokens(&reader)
        try reader.refuse([
            UnsupportedField.chatTemplate,
            UnsupportedField("tools", "This server does not count the tokens of tools yet.", harmless: [[]]),
        ])
        return .chat(
            messages,
            addsGenerationPrompt: try reader.bool("add_generation_prompt") ?? true,
            continuesFinalMessage: try reader.bool("continue_final_message") ?? false,
            templateArguments: try reader.object("chat_template_kwargs") ?? JSONObject()
        )
    }
}

/// The answer to `POST /tokenize`.
package struct TokenizeResponse: Sendable, Equatable {
    package var tokens: [Int]
    package var contextLength: Int
    /// nil when they were not asked for.
    package var tokenTexts: [String]?

    package init(tokens: [Int], contextLength: Int, tokenTexts: [String]? = nil) {
        self.tokens = tokens
        self.contextLength = contextLength
        self.tokenTexts = tokenTexts
    }

    package var json: JSONValue {
        [
            "count": .integer(Int64(tokens.count)),
            "max_model_len": .integer(Int64(contextLength)),
            "tokens": .array(tokens.map { .integer(Int64($0)) }),
            "token_strs": tokenTexts.map { .array($0.map { .string($0) }) } ?? .null,
        ]
    }
}

/// The body of `POST /detokenize`.
package struct DetokenizeRequest: Sendable, Equatable {
    package var model: String?
    package var tokens: [Int]

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        model = try reader.string("model", bytes: 1024)
        let value = try reader.required("tokens", ["type": "array"])
        guard let values = value.arrayValue else {
            throw .invalidType("tokens", expected: "an array of token ids", got: value)
        }
        tokens = try CompletionRequest.tokens(values, "tokens")
        try reader.finish()
    }
}

/// The answer to `POST /detokenize`.
package struct DetokenizeResponse: Sendable, Equatable {
    package var prompt: String

    package init(prompt: String) { self.prompt = prompt }

    package var json: JSONValue { ["prompt": .string(prompt)] }
}
