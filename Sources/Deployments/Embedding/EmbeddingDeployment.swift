package import Foundation
package import Inference
package import Models
import Synchronization
package import Tokenization

/// A text to embed, or two to judge together.
package enum EmbeddingInput: Sendable, Equatable {
    /// Gets the tokens that the model wants around a text. What looks like a special token in it is text.
    case text(String)
    /// Taken as they are.
    case tokens([TokenID])
    /// For cross-encoders, and nothing else is: two texts, neither empty.
    case pair(String, String)

    fileprivate var isEmpty: Bool {
        switch self {
        case .text(let text): text.isEmpty
        case .tokens(let tokens): tokens.isEmpty
        case .pair(_, let second): second.isEmpty
        }
    }

    fileprivate var isPair: Bool { if case .pair = self { true } else { false } }
}

/// Texts as an embedder's model reads them.
package struct EncodedTexts: Sendable {
    fileprivate let texts: [EmbedderText]

    /// Tokens of all texts, those around them included.
    package var tokenCount: Int { texts.reduce(0) { $0 + $1.tokens.count } }
}

/// The vectors of one request.
package struct EmbeddingAnswer: Sendable, Equatable {
    /// `[texts][dimensions]`, each of length 1; of a cross-encoder, each one logit.
    package var vectors: [[Float]]
    /// Tokens of all texts, those around them included.
    package var tokenCount: Int
}

/// A model that turns texts into vectors, or pairs of texts into scores, with its tokenizer.
package final class EmbeddingDeployment: Sendable {
    /// The name requests use.
    package let name: String
    /// Further names that mean this deployment.
    package let aliases: [String]
    /// When the deployment was made.
    package let created: Date
    package let tokenizer: Tokenizer
    /// What the model is and can.
    package var traits: EmbedderTraits { engine.traits }

    /// Most tokens of a text, those around it included.
    package var contextLength: Int { traits.contextLength }

    /// Whether it reads pairs of texts and says how well they fit, instead of making vectors.
    package var isCrossEncoder: Bool { traits.isCrossEncoder }

    /// Floats of a whole vector.
    package var dimensionCount: Int { traits.dimensionCount }

    /// What was loaded.
    package var details: ModelDetails {
        ModelDetails(
            architecture: traits.architecture,
            parameterCount: traits.parameterCount,
            vocabularySize: traits.vocabularySize,
            contextLength: contextLength,
            path: path
        )
    }

    /// File or folder the weights came from.
    private let path: String
    private let engine: EmbeddingEngine

    package init(
        identity: DeploymentIdentity,
        tokenizer: Tokenizer,
        engine: EmbeddingEngine,
        path: String
    ) {
        self.path = path
        name = identity.name
        aliases = identity.aliases
        created = identity.created
        self.tokenizer = tokenizer
        self.engine = engine
    }

    /// The vectors of `inputs`, in order. Cancelling the caller's task gives them up.
    ///
    /// - Parameters:
    ///   - dimensions: how many floats to keep of each vector, which is then made of length 1 again; nil keeps all.
    ///     Only models made for it (Matryoshka, arXiv:2205.13147) keep their meaning.
    ///   - truncates: whether a text that does not fit the model's context loses its end; if not, it is an error.
    package func embed(
        _ inputs: [EmbeddingInput],
        dimensions: Int? = nil,
        truncates: Bool = false
    ) async throws(EmbeddingError) -> EmbeddingAnswer {
        try check(dimensions)
        return try await embed(try await encode(inputs, truncates: truncates), dimensions: dimensions)
    }

    /// The tokens of `inputs` as the model reads them, for `embed`: nothing has been computed yet.
    ///
    /// - Parameter truncates: whether a text that does not fit the model's context loses its end.
    package func encode(
        _ inputs: [EmbeddingInput],
        truncates: Bool = false
    ) async throws(EmbeddingError) -> EncodedTexts {
        for (index, input) in inputs.enumerated() {
            precondition(input.isPair == isCrossEncoder, "EmbeddingDeployment: input \(index) is not for this model")
            if input.isEmpty { throw .emptyText(index: index) }
        }
        let isCancelled = Atomic(false)
        let result = await withTaskCancellationHandler {
            await Offload.result { () throws(EmbeddingError) in
                try self.tokens(of: inputs, truncates: truncates) { isCancelled.load(ordering: .relaxed) }
            }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
        return EncodedTexts(texts: try result.get())
    }

    /// The vectors of texts that `encode` has made; else as for inputs.
    package func embed(_ encoded: EncodedTexts, dimensions: Int?) async throws(EmbeddingError) -> EmbeddingAnswer {
        try check(dimensions)
        var vectors = try await engine.embed(encoded.texts)
        if let dimensions, dimensions < traits.dimensionCount {
            for index in vectors.indices { vectors[index] = Self.shortened(vectors[index], to: dimensions) }
        }
        return EmbeddingAnswer(vectors: vectors, tokenCount: encoded.tokenCount)
    }

    private func check(_ dimensions: Int?) throws(EmbeddingError) {
        guard let dimensions, !(1...traits.dimensionCount).contains(dimensions) else { return }
        throw .dimensionsOutOfRange(asked: dimensions, limit: traits.dimensionCount)
    }

    /// What the engine has done and holds.
    package func statistics() async -> EmbeddingStatistics { await engine.statistics() }

    /// Stops taking requests and gives up those at hand.
    package func shutdown() async { await engine.shutdown() }

    /// Encodes one text after the other. The first that does not fit is an error before the next is looked at, and a text that
    /// many pairs begin with is encoded once: so what is held is bounded by the context for each text.
    private func tokens(
        of inputs: [EmbeddingInput],
        truncates: Bool,
        isCancelled: () -> Bool
    ) throws(EmbeddingError) -> [EmbedderText] {
        var texts: [EmbedderText] = []
        var first: (text: String, tokens: [TokenID]) = ("", [])
        for (index, input) in inputs.enumerated() {
            if isCancelled() { throw .cancelled }
            let text: EmbedderText
            switch input {
            case .text(let string): text = EmbedderText(tokens(of: string, truncates: truncates))
            case .tokens(let tokens): text = EmbedderText(truncates ? Array(tokens.prefix(contextLength)) : tokens)
            case .pair(let string, let second):
                if index == 0 || first.text != string {
                    first = (string, tokenizer.encode(string, addSpecial: true, parseSpecial: false))
                    try checkLength(first.tokens, index)
                }
                let tokens = tokenizer.encodePair(first.tokens, second)
                text = EmbedderText(tokens, secondStart: first.tokens.count)
            }
            try checkLength(text.tokens, index)
            texts.append(text)
        }
        return texts
    }

    private func tokens(of text: String, truncates: Bool) -> [TokenID] {
        let tokens = tokenizer.encode(text, addSpecial: true, parseSpecial: false)
        if !truncates || tokens.count <= contextLength { return tokens }
        let bare = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        return Self.truncated(tokens, bare: bare, to: contextLength)
    }

    private func checkLength(_ tokens: [TokenID], _ index: Int) throws(EmbeddingError) {
        if tokens.count <= contextLength { return }
        throw .textTooLong(index: index, tokens: tokens.count, limit: contextLength)
    }

    /// The first tokens of a text, with what the model wants around it.
    ///
    /// - Parameters:
    ///   - tokens: the text's tokens with those around them, more than `limit`.
    ///   - bare: the text's tokens alone.
    static func truncated(_ tokens: [TokenID], bare: [TokenID], to limit: Int) -> [TokenID] {
        let around = tokens.count - bare.count
        let before = (0...max(around, 0)).first { tokens.dropFirst($0).starts(with: bare) }
        guard let before, around < limit else { return Array(tokens.prefix(limit)) }
        let after = around - before
        return Array(tokens.prefix(limit - after) + tokens.suffix(after))
    }

    private static func shortened(_ vector: [Float], to count: Int) -> [Float] {
        let kept = vector.prefix(count)
        let length = kept.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return kept.map { Float(Double($0) / max(length, 1e-12)) }
    }
}
