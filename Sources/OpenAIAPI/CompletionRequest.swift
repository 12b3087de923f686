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
    /// What stands after the answer, for models that fill in the middle; prompts are texts then.
    package var suffix: String?
    /// Answers that are written for each prompt, the best of which are returned; at least `fields.choiceCount`.
    package var candidateCount: Int
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
        prompts = try Self.prompts(
            try reader.required("prompt", FieldReader.textsOrTokens)
        )
        try reader.refuse(UnsupportedField.completion)
        fields = try GenerationFields(&reader)
        maxTokens = try reader.integer("max_tokens", in: 0...GenerationFields.tokenLimit) ?? 16
        logprobs = try reader.integer("logprobs", in: 0...5)
        echoesPrompt = try reader.bool("echo") ?? false
        addsSpecialTokens = try reader.bool("add_special_tokens") ?? true
        candidateCount = try Self.candidateCount(&reader, fields)
        suffix = try reader.string("suffix").flatMap { $0.isEmpty ? nil : $0 }
        try reader.finish()
        try checkSuffix()
        if prompts.count * candidateCount > Self.answerLimit {
            throw .invalidValue(
                candidateCount > fields.choiceCount ? "best_of" : "n",
                "\(prompts.count) prompts with \(candidateCount) answers each are more than \(Self.answerLimit)."
            )
        }
    }

    /// A suffix needs texts before it, and what is answered between two texts cannot repeat one.
    private func checkSuffix() throws(APIError) {
        guard suffix != nil else { return }
        for (index, prompt) in prompts.enumerated() {
            if case .tokens = prompt {
                throw .invalidValue("suffix", "prompt \(index) is a list of tokens; give it as a text.")
            }
        }
        if echoesPrompt { throw .invalidValue("echo", "it cannot be combined with 'suffix'.") }
    }

    private static func candidateCount(
        _ reader: inout FieldReader,
        _ fields: GenerationFields
    ) throws(APIError) -> Int {
        guard let count = try reader.integer("best_of", in: 1...GenerationFields.choiceLimit) else {
            return fields.choiceCount
        }
        if count < fields.choiceCount {
            throw .invalidValue("best_of", "it is below 'n', \(fields.choiceCount).")
        }
        if count > fields.choiceCount, fields.streaming != nil {
            throw .invalidValue("best_of", "which answer is best is only known at the end, so it cannot be streamed.")
        }
        return count
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
