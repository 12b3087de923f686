import Foundation
package import JSON

/// The body of `POST /v1/embeddings`: every field has its type and stays within its bounds.
package struct EmbeddingRequest: Sendable, Equatable {
    /// A text to embed.
    package enum Input: Sendable, Equatable {
        case text(String)
        case tokens([Int])
    }

    /// How vectors are written.
    package enum Encoding: String, Sendable {
        /// As JSON numbers.
        case float
        /// As little-endian float32, base64: a fifth of the bytes.
        case base64
    }

    package var model: String
    /// At least one.
    package var inputs: [Input]
    /// Whether `input` was a list of texts, whose members errors name by their index.
    package var isList: Bool
    package var encoding: Encoding
    /// Floats to keep of each vector; nil keeps all.
    package var dimensions: Int?

    /// Most texts of one request, as at OpenAI.
    package static let inputLimit = 2048
    /// Most tokens of all texts of one request, as at OpenAI.
    package static let tokenLimit = 300_000

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        model = try FieldReader.string(try reader.required("model"), "model", bytes: 1024)
        (inputs, isList) = try Self.inputs(
            try reader.required("input", FieldReader.textsOrTokens),
            "input"
        )
        let format = try reader.string("encoding_format") ?? Encoding.float.rawValue
        guard let encoding = Encoding(rawValue: format) else {
            throw .invalidValue("encoding_format", "it must be 'float' or 'base64', not '\(format)'.")
        }
        self.encoding = encoding
        dimensions = try reader.integer("dimensions", in: 1...(1 << 20))
        try GenerationFields.readMetadata(&reader)
        try reader.refuse([
            UnsupportedField.priority,
            UnsupportedField(
                "truncate_prompt_tokens",
                "This server never truncates a text; one that does not fit is an error."
            ),
        ])
        try reader.finish()
    }

    /// The parameter that holds text `index`, for errors.
    package func parameter(_ index: Int) -> String { isList ? "input[\(index)]" : "input" }

    private static func inputs(_ value: JSONValue, _ parameter: String) throws(APIError) -> ([Input], isList: Bool) {
        guard let values = value.arrayValue else {
            guard case .string(let text) = value else {
                throw .invalidType(parameter, expected: "a string or an array", got: value)
            }
            return ([.text(text)], false)
        }
        try FieldReader.checkCount(values.count, parameter, in: 1...Int.max)
        if values[0].doubleValue != nil {
            return ([.tokens(try CompletionRequest.tokens(values, parameter))], false)
        }
        try FieldReader.checkCount(values.count, parameter, in: 1...inputLimit)
        var inputs: [Input] = []
        inputs.reserveCapacity(values.count)
        for (index, value) in values.enumerated() { inputs.append(try input(value, "\(parameter)[\(index)]")) }
        return (inputs, true)
    }

    private static func input(_ value: JSONValue, _ parameter: String) throws(APIError) -> Input {
        switch value {
        case .string(let text): return .text(text)
        case .array(let values):
            try FieldReader.checkCount(values.count, parameter, in: 1...Int.max)
            return .tokens(try CompletionRequest.tokens(values, parameter))
        default:
            throw .invalidType(parameter, expected: "a string or an array of token ids", got: value)
        }
    }
}

/// The answer to `POST /v1/embeddings`.
package struct EmbeddingResponse: Sendable, Equatable {
    package var model: String
    /// `[texts][dimensions]`.
    package var vectors: [[Float]]
    package var encoding: EmbeddingRequest.Encoding
    /// Tokens of all texts.
    package var tokenCount: Int

    package init(model: String, vectors: [[Float]], encoding: EmbeddingRequest.Encoding, tokenCount: Int) {
        self.model = model
        self.vectors = vectors
        self.encoding = encoding
        self.tokenCount = tokenCount
    }

    package var json: JSONValue {
        let data = vectors.enumerated().map { index, vector -> JSONValue in
            ["object": "embedding", "index": .integer(Int64(index)), "embedding": written(vector)]
        }
        return [
            "object": "list",
            "data": .array(data),
            "model": .string(model),
            "usage": ["prompt_tokens": .integer(Int64(tokenCount)), "total_tokens": .integer(Int64(tokenCount))],
        ]
    }

    private func written(_ vector: [Float]) -> JSONValue {
        switch encoding {
        case .float: .array(vector.map(JSONValue.shortest))
        case .base64: .string(Self.littleEndian(vector).base64EncodedString())
        }
    }

    private static func littleEndian(_ vector: [Float]) -> Data {
        var data = Data(capacity: vector.count * 4)
        for value in vector { withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
        return data
    }
}

extension JSONValue {
    /// The shortest decimals that mean the same float32: half the digits of the same number as a double.
    package static func shortest(_ value: Float) -> JSONValue { .number(Double(value.description) ?? Double(value)) }
}
