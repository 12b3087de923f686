package import JSON
package import OpenAIAPI

/// The body of `POST /v1/messages`: every field has its type and stays within its bounds.
package struct MessagesRequest: Sendable, Equatable {
    package var prompt: MessagesPrompt
    /// Most tokens of answer: a bound, not a demand, so it may exceed what the context still holds.
    package var maxTokens: Int
    package var stopSequences: [String]
    package var temperature: Double?
    package var topP: Double?
    /// Tokens kept by top-k; nil is the model's default, 0 switches it off.
    package var topK: Int?
    package var isStreamed: Bool
    /// The adapters that the answer is written under, which is not of Anthropic's API; nil leaves that to the model's name.
    package var adapters: [AdapterSelection]?

    /// Most stop sequences.
    package static let stopLimit = 64

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        prompt = try MessagesPrompt(&reader)
        maxTokens = try FieldReader.integer(
            try reader.required("max_tokens"),
            "max_tokens",
            in: 1...FieldReader.tokenLimit
        )
        if case .enabled(let budget) = prompt.thinking.mode, budget >= maxTokens {
            throw .invalidValue("thinking.budget_tokens", "it must be below 'max_tokens', which is \(maxTokens).")
        }
        stopSequences = try reader.stopStrings("stop_sequences", limit: Self.stopLimit)
        temperature = try reader.number("temperature", in: 0...1)
        topP = try reader.number("top_p", in: 0...1)
        topK = try reader.integer("top_k", in: 0...FieldReader.tokenLimit)
        isStreamed = try reader.bool("stream") ?? false
        adapters = try AdapterSelection.read(&reader)
        try Self.readMetadata(&reader)
        try reader.finish()
    }

    /// About the request rather than the answer: checked, then dropped.
    private static func readMetadata(_ reader: inout FieldReader) throws(APIError) {
        if let tier = try reader.string("service_tier"), tier != "auto", tier != "standard_only" {
            throw .unsupported("service_tier", "This server knows the tiers 'auto' and 'standard_only'.")
        }
        guard let metadata = try reader.object("metadata") else { return }
        var inner = FieldReader(metadata, path: "metadata")
        _ = try inner.string("user_id", bytes: 4096)
        try inner.finish()
    }
}

/// The body of `POST /v1/messages/count_tokens`.
package struct CountTokensRequest: Sendable, Equatable {
    package var prompt: MessagesPrompt

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        prompt = try MessagesPrompt(&reader)
        try reader.finish()
    }
}

/// The answer to `POST /v1/messages/count_tokens`.
package struct CountTokensResponse: Sendable, Equatable {
    package var inputTokens: Int

    package init(inputTokens: Int) { self.inputTokens = inputTokens }

    package var json: JSONValue { ["input_tokens": .integer(Int64(inputTokens))] }
}
