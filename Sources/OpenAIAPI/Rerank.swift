package import JSON

/// The body of `POST /v1/rerank`, in the shape that Cohere's and Jina's clients send.
package struct RerankRequest: Sendable, Equatable {
    package var model: String
    package var query: String
    /// At least one.
    package var documents: [String]
    /// How many results to answer with; nil for all.
    package var topCount: Int?
    /// Whether results repeat their documents.
    package var returnsDocuments: Bool
    /// Whether a cross-encoder's logits become probabilities: `use_activation`, as vLLM has it.
    package var appliesActivation: Bool

    /// Most documents of one request.
    package static let documentLimit = 2048

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        model = try FieldReader.string(try reader.required("model"), "model", bytes: 1024)
        query = try FieldReader.string(try reader.required("query"), "query")
        let list = try reader.required("documents", ["type": "array"])
        guard let values = list.arrayValue else {
            throw .invalidType("documents", expected: "an array", got: list)
        }
        try FieldReader.checkCount(values.count, "documents", in: 1...Self.documentLimit)
        documents = []
        for (index, value) in values.enumerated() {
            documents.append(try Self.document(value, "documents[\(index)]"))
        }
        topCount = try reader.integer("top_n", in: 1...Int.max)
        returnsDocuments = try reader.bool("return_documents") ?? false
        appliesActivation = try reader.bool("use_activation") ?? true
        try GenerationFields.readMetadata(&reader)
        try reader.refuse([UnsupportedField.priority])
        try reader.finish()
    }

    /// The parameter that holds text `index` of the query and the documents after it, for errors.
    package func parameter(_ index: Int) -> String { index == 0 ? "query" : "documents[\(index - 1)]" }

    /// A text, or an object that has it as `text`.
    private static func document(_ value: JSONValue, _ parameter: String) throws(APIError) -> String {
        guard value.objectValue != nil else { return try FieldReader.string(value, parameter) }
        var reader = try FieldReader(value, path: parameter)
        let text = try FieldReader.string(try reader.required("text"), parameter + ".text")
        try reader.finish()
        return text
    }
}

/// The answer to `POST /v1/rerank`.
package struct RerankResponse: Sendable, Equatable {
    /// A document and how well it answers the query.
    package struct Result: Sendable, Equatable {
        /// Which of the request's documents.
        package var index: Int
        package var score: Float
        /// nil when documents are not repeated.
        package var document: String?

        package init(index: Int, score: Float, document: String?) {
            self.index = index
            self.score = score
            self.document = document
        }

        var json: JSONValue {
            var object: JSONObject = ["index": .integer(Int64(index)), "relevance_score": .shortest(score)]
            if let document { object["document"] = ["text": .string(document)] }
            return .object(object)
        }
    }

    package var id: String
    package var model: String
    /// The best first.
    package var results: [Result]
    package var method: ScoringMethod
    package var tokenCount: Int

    package init(id: String, model: String, results: [Result], method: ScoringMethod, tokenCount: Int) {
        self.id = id
        self.model = model
        self.results = results
        self.method = method
        self.tokenCount = tokenCount
    }

    package var json: JSONValue {
        [
            "id": .string(id),
            "model": .string(model),
            "results": .array(results.map(\.json)),
            "scoring": method.json,
            "usage": ["prompt_tokens": .integer(Int64(tokenCount)), "total_tokens": .integer(Int64(tokenCount))],
        ]
    }
}

/// What scores of `/v1/rerank` and `/v1/score` are.
package enum ScoringMethod: Sendable, CaseIterable {
    /// The cosine of two embeddings, from -1 to 1: no model has read both texts together.
    case cosine
    /// A cross-encoder's probability that the texts belong together, from 0 to 1.
    case sigmoid
    /// A cross-encoder's logit, of which the probability is the sigmoid.
    case logit

    var json: JSONValue {
        switch self {
        case .cosine: ["method": "embeddings", "measure": "cosine"]
        case .sigmoid: ["method": "cross-encoder", "measure": "sigmoid"]
        case .logit: ["method": "cross-encoder", "measure": "logit"]
        }
    }
}

/// The body of `POST /v1/score`, in vLLM's shape: one text beside one, one beside many, or pairs.
package struct ScoreRequest: Sendable, Equatable {
    package var model: String
    package var first: [String]
    /// As many as `first`, or `first` is one.
    package var second: [String]
    /// Whether a cross-encoder's logits become probabilities.
    package var appliesActivation: Bool
    private var firstIsList: Bool
    private var secondIsList: Bool

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        model = try FieldReader.string(try reader.required("model"), "model", bytes: 1024)
        let texts = FieldReader.textOrTexts(atMost: RerankRequest.documentLimit)
        let (left, right) = (try reader.required("text_1", texts), try reader.required("text_2", texts))
        first = try Self.texts(left, "text_1")
        second = try Self.texts(right, "text_2")
        (firstIsList, secondIsList) = (left.arrayValue != nil, right.arrayValue != nil)
        appliesActivation = try reader.bool("use_activation") ?? true
        try GenerationFields.readMetadata(&reader)
        try reader.refuse([UnsupportedField.priority])
        try reader.finish()
        if first.count != 1, first.count != second.count {
            throw .invalidValue(
                "text_2",
                "it has \(second.count) texts for \(first.count) in text_1; give as many, or one in text_1."
            )
        }
    }

    /// The parameter that holds text `index` of the first and then the second texts, for errors.
    package func parameter(_ index: Int) -> String {
        if index < first.count { return firstIsList ? "text_1[\(index)]" : "text_1" }
        return secondIsList ? "text_2[\(index - first.count)]" : "text_2"
    }

    private static func texts(_ value: JSONValue, _ parameter: String) throws(APIError) -> [String] {
        guard let values = value.arrayValue else { return [try FieldReader.string(value, parameter)] }
        try FieldReader.checkCount(values.count, parameter, in: 1...RerankRequest.documentLimit)
        var texts: [String] = []
        for (index, value) in values.enumerated() {
            texts.append(try FieldReader.string(value, "\(parameter)[\(index)]"))
        }
        return texts
    }
}

/// The answer to `POST /v1/score`.
package struct ScoreResponse: Sendable, Equatable {
    package var id: String
    /// Seconds since 1970.
    package var created: Int
    package var model: String
    /// One for every pair.
    package var scores: [Float]
    package var method: ScoringMethod
    package var tokenCount: Int

    package init(
        id: String,
        created: Int,
        model: String,
        scores: [Float],
        method: ScoringMethod,
        tokenCount: Int
    ) {
        self.id = id
        self.created = created
        self.model = model
        self.scores = scores
        self.method = method
        self.tokenCount = tokenCount
    }

    package var json: JSONValue {
        let data = scores.enumerated().map { index, score -> JSONValue in
            ["index": .integer(Int64(index)), "object": "score", "score": .shortest(score)]
        }
        return [
            "id": .string(id),
            "object": "list",
            "created": .integer(Int64(created)),
            "model": .string(model),
            "data": .array(data),
            "scoring": method.json,
            "usage": ["prompt_tokens": .integer(Int64(tokenCount)), "total_tokens": .integer(Int64(tokenCount))],
        ]
    }
}
