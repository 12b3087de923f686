package import Tensors
package import Tokenization

/// What a caller may know of an embedding model without running it.
package struct EmbedderTraits: Sendable, Equatable {
    /// Name of the architecture, as checkpoints spell it: `bert`, `qwen3`, …
    package var architecture: String
    /// Floats of a vector.
    package var dimensionCount: Int
    /// Most tokens of a text, those around it included.
    package var contextLength: Int
    package var vocabularySize: Int
    /// Number of learned parameters.
    package var parameterCount: Int
    /// How a text's tokens become one vector.
    package var pooling: Pooling
    /// Whether texts are pairs and their vectors one float: how well the second text answers the first, as the logit of a
    /// probability.
    package var isCrossEncoder: Bool

    package init(
        architecture: String,
        dimensionCount: Int,
        contextLength: Int,
        vocabularySize: Int,
        parameterCount: Int,
        pooling: Pooling,
        isCrossEncoder: Bool = false
    ) {
        self.architecture = architecture
        self.dimensionCount = dimensionCount
        self.contextLength = contextLength
        self.vocabularySize = vocabularySize
        self.parameterCount = parameterCount
        self.pooling = pooling
        self.isCrossEncoder = isCrossEncoder
    }
}

/// What a model reads at once: one text, or a pair of texts one after the other.
package struct EmbedderText: Sendable, Equatable {
    package var tokens: [TokenID]
    /// Where the pair's second text begins; nil for a single text.
    package var secondStart: Int?

    package init(_ tokens: [TokenID], secondStart: Int? = nil) {
        self.tokens = tokens
        self.secondStart = secondStart
    }
}

/// A model that turns texts into vectors whose cosine says how alike they are, or pairs of texts into one number.
///
/// Used by one thread at a time. Texts never influence each other: a text's vector depends on its own tokens, to the bit,
/// whatever else is embedded beside it.
package protocol TextEmbedder: AnyObject {
    /// Sizes and limits, fixed for the life of the model.
    var traits: EmbedderTraits { get }

    /// The vectors of `texts`, each `[dimensions]` and of length 1; of a cross-encoder, each one logit.
    ///
    /// - Parameter texts: each of 1 to `contextLength` token ids of the vocabulary.
    func embed(_ texts: [EmbedderText]) -> [[Float]]
}
