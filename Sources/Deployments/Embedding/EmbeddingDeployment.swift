import Dispatch
package import Foundation
package import Inference
package import Models
package import Tokenization

/// A text to embed.
package enum EmbeddingInput: Sendable, Equatable {
    /// Gets the tokens that the model wants around a text. What looks like a special token in it is text.
    case text(String)
    /// Taken as they are.
    case tokens([TokenID])
}

/// The vectors of one request.
package struct EmbeddingAnswer: Sendable, Equatable {
    /// `[texts][dimensions]`, each of length 1.
    package var vectors: [[Float]]
    /// Tokens of all texts, those around them included.
    package var tokenCount: Int
}

/// A model that turns texts into vectors, with its tokenizer.
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

    private let engine: EmbeddingEngine

    package init(identity: DeploymentIdentity, tokenizer: Tokenizer, engine: EmbeddingEngine) {
        name = identity.name
        aliases = identity.aliases
        created = identity.created
        self.tokenizer = tokenizer
        self.engine = engine
    }

    /// The vectors of `inputs`, in order. Cancelling the caller's task gives them up.
    ///
    /// - Parameter dimensions: how many floats to keep of each vector, which is then made of length 1 again; nil keeps all.
    ///   Only models made for it (Matryoshka, arXiv:2205.13147) keep their meaning.
    package func embed(
        _ inputs: [EmbeddingInput],
        dimensions: Int? = nil
    ) async throws(EmbeddingError) -> EmbeddingAnswer {
        if let dimensions, !(1...traits.dimensionCount).contains(dimensions) {
            throw .dimensionsOutOfRange(asked: dimensions, limit: traits.dimensionCount)
        }
        for (index, input) in inputs.enumerated() where input == .text("") || input == .tokens([]) {
            throw .emptyText(index: index)
        }
        let texts = await tokens(of: inputs)
        var vectors = try await engine.embed(texts)
        if let dimensions, dimensions < traits.dimensionCount {
            for index in vectors.indices { vectors[index] = Self.shortened(vectors[index], to: dimensions) }
        }
        return EmbeddingAnswer(vectors: vectors, tokenCount: texts.reduce(0) { $0 + $1.count })
    }

    /// What the engine has done and holds.
    package func statistics() async -> EmbeddingStatistics { await engine.statistics() }

    /// Stops taking requests and gives up those at hand.
    package func shutdown() async { await engine.shutdown() }

    /// Encodes away from the threads that Swift's tasks share: a large request has more than a megabyte of text.
    private func tokens(of inputs: [EmbeddingInput]) async -> [[TokenID]] {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [tokenizer] in
                let texts = inputs.map { input in
                    switch input {
                    case .text(let text): tokenizer.encode(text, addSpecial: true, parseSpecial: false)
                    case .tokens(let tokens): tokens
                    }
                }
                continuation.resume(returning: texts)
            }
        }
    }

    private static func shortened(_ vector: [Float], to count: Int) -> [Float] {
        let kept = vector.prefix(count)
        let length = kept.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return kept.map { Float(Double($0) / max(length, 1e-12)) }
    }
}
