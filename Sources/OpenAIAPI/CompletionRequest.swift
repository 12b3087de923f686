package import JSON

/// The body of `POST /v1/completions`: every field has its type and stays within its bounds.
package struct CompletionRequest: Sendable, Equatable {
    /// What is to be continued.
    package enum Prompt: Sendable, Equatable {
        case text(String)
        case tokens([Int])
    }

    package var model: String
    /// At least one; every prompt gets `fields.choiceCount` answers.
    package var prompts: [Prompt]
    package var fields: GenerationFields
    /// 16 when the request does not say, as at OpenAI; 0 answers nothing, for `echo` alone.
    package var maxTokens: Int
    /// Alternatives beside each token's log probability; nil when none are reported.
    package var logprobs: Int?
    /// Whether the answer's text begins with the prompt.
    package var echoesPrompt: Bool
    /// Whether a text prompt gets the tokenizer's special tokens.
    package var addsSpecialTokens: Bool

    /// Most prompts of one request.
    package static let promptLimit = 256
    /// Most answers of one request, over all its prompts.
    package static let answerLimit = 1024

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        model = try FieldReader.string(try reader.required("model"), "model", bytes: 1024)
        prompts = try Self.prompts(try reader.required("prompt"))
        try reader.refuse(UnsupportedField.completion)
        fields = try GenerationFields(&reader)
        maxTokens = try reader.integer("max_tokens", in: 0...GenerationFields.tokenLimit) ?? 16
        logprobs = try reader.integer("logprobs", in: 0...5)
        echoesPrompt = try reader.bool("echo") ?? false
        addsSpecialTokens = try reader.bool("add_special_tokens") ?? true
        try reader.finish()
        if prompts.count * fields.choiceCount > Self.answerLimit {
            throw .invalidValue(
                "n",
                "\(prompts.count) prompts with \(fields.choiceCount) answers each are more than \(Self.answerLimit)."
            )
        }
    }

    private static func prompts(_ value: JSONValue) throws(APIError) -> [Prompt] {
        switch value {
        case .string(let text):
            return [.text(text)]
        case .array(let values):
            try FieldReader.checkCount(values.count, "prompt", in: 1...Int.max)
            if values[0].doubleValue != nil { return [.tokens(try tokens(values, "prompt"))] }
            try FieldReader.checkCount(values.count, "prompt", in: 1...promptLimit)
            var prompts: [Prompt] = []
            for (index, value) in values.enumerated() { prompts.append(try prompt(value, "prompt[\(index)]")) }
            return prompts
        default:
            throw .invalidType("prompt", expected: "a string or an array", got: value)
        }
    }

    private static func prompt(_ value: JSONValue, _ parameter: String) throws(APIError) -> Prompt {
        switch value {
        case .string(let text):
            return .text(text)
        case .array(let values):
            try FieldReader.checkCount(values.count, parameter, in: 1...Int.max)
            return .tokens(try tokens(values, parameter))
        default:
            throw .invalidType(parameter, expected: "a string or an array of token ids", got: value)
        }
    }

    static func tokens(_ values: [JSONValue], _ parameter: String) throws(APIError) -> [Int] {
        var tokens: [Int] = []
        tokens.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            if case .integer(let token) = value, (0...Int64(Int32.max)).contains(token) {
                tokens.append(Int(token))
            } else {
                tokens.append(
                    try FieldReader.integer(value, "\(parameter)[\(index)]", in: 0...GenerationFields.tokenLimit)
                )
            }
        }
        return tokens
    }
}
