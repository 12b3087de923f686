package import JSON
package import OpenAIAPI

/// The body of `POST /api/embed` or of the older `/api/embeddings`: every field has its type and stays within its bounds.
package struct OllamaEmbeddingRequest: Sendable, Equatable {
    /// Which of the two asks.
    package enum Kind: Sendable {
        /// `/api/embed`: one text or several.
        case embed
        /// `/api/embeddings`: one text.
        case legacy
    }

    package var kind: Kind
    package var model: String
    /// Empty to load the model and embed nothing.
    package var inputs: [String]
    /// Whether the texts came as a list, whose members errors name by their index.
    package var isList: Bool
    /// Whether a text that does not fit the model's context loses its end; if not, it is an error.
    package var truncates: Bool
    /// Floats to keep of each vector; nil keeps all.
    package var dimensions: Int?
    package var options: OllamaOptions

    package init(_ body: JSONValue, kind: Kind) throws(APIError) {
        self.kind = kind
        var reader = try FieldReader(body, path: "")
        model = try FieldReader.string(try reader.required("model"), "model", bytes: 1024)
        options = try OllamaOptions(&reader)
        try OllamaFields.checkKeepAlive(&reader)
        (inputs, isList, truncates) = ([], false, true)
        switch kind {
        case .embed:
            let shape = FieldReader.textOrTexts(atMost: EmbeddingRequest.inputLimit)
            if let value = reader.value("input", shape) { (inputs, isList) = try Self.inputs(value, "input") }
            truncates = try reader.bool("truncate") ?? true
            dimensions = try reader.integer("dimensions", in: 0...(1 << 20)).flatMap { $0 == 0 ? nil : $0 }
        case .legacy:
            let prompt = try reader.string("prompt") ?? ""
            inputs = prompt.isEmpty ? [] : [prompt]
        }
        try reader.finish()
    }

    /// The parameter that holds text `index`, for errors.
    package func parameter(_ index: Int) -> String {
        switch kind {
        case .embed: isList ? "input[\(index)]" : "input"
        case .legacy: "prompt"
        }
    }

    private static func inputs(_ value: JSONValue, _ parameter: String) throws(APIError) -> ([String], isList: Bool) {
        switch value {
        case .string(let text): return (text.isEmpty ? [] : [text], false)
        case .array(let values):
            try FieldReader.checkCount(values.count, parameter, in: 0...EmbeddingRequest.inputLimit)
            var inputs: [String] = []
            inputs.reserveCapacity(values.count)
            for (index, value) in values.enumerated() {
                inputs.append(try FieldReader.string(value, "\(parameter)[\(index)]"))
            }
            return (inputs, true)
        default:
            throw .invalidType(parameter, expected: "a string or an array of strings", got: value)
        }
    }
}

/// The answer to `POST /api/embed` or `/api/embeddings`.
package struct OllamaEmbeddingResponse: Sendable, Equatable {
    package var kind: OllamaEmbeddingRequest.Kind
    /// The model's name as the request had it.
    package var model: String
    /// `[texts][dimensions]`, each of length 1.
    package var vectors: [[Float]]
    /// Tokens of all texts.
    package var tokenCount: Int
    /// From the request's arrival to its answer.
    package var total: Duration
    /// From the request's arrival until it was read.
    package var waiting: Duration

    package init(
        _ request: OllamaEmbeddingRequest,
        vectors: [[Float]],
        tokenCount: Int,
        total: Duration,
        waiting: Duration
    ) {
        kind = request.kind
        model = request.model
        self.vectors = vectors
        self.tokenCount = tokenCount
        self.total = total
        self.waiting = waiting
    }

    package var json: JSONValue {
        let vectors = vectors.map { JSONValue.array($0.map(JSONValue.shortest)) }
        switch kind {
        case .legacy: return ["embedding": vectors.first ?? []]
        case .embed:
            return [
                "model": .string(model),
                "embeddings": .array(vectors),
                "total_duration": OllamaTime.nanoseconds(total),
                "load_duration": OllamaTime.nanoseconds(waiting),
                "prompt_eval_count": .integer(Int64(tokenCount)),
            ]
        }
    }
}
