#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a decoder must know about itself besides its weights, from GGUF metadata or a `config.json`.
///
/// For the families in `decoderFamilies`, opening a checkpoint checks that every setting is there and in range. For any
/// other architecture, settings that are missing are 0, because its keys may mean something else.
package struct ModelConfiguration: Sendable, Equatable {
    /// The family: `llama` (Mistral too), `qwen2`, `qwen3`, `gemma3`; encoders as GGUF calls
    /// them; any other name stands as the checkpoint has it.
    package var architecture: String
    /// Positions the model was made for.
    package var contextLength = 0
    /// Rows of the embedding table.
    package var vocabularySize = 0
    /// Elements of the residual stream.
    package var width = 0
    package var layerCount = 0
    /// Query heads.
    package var headCount = 0
    /// Key and value heads; divides `headCount`.
    package var kvHeadCount = 0
    /// Elements of one head, of queries, keys and values alike.
    package var headWidth = 0
    /// Elements between the two halves of the feed-forward part.
    package var feedForwardWidth = 0
    /// Added to the mean square in RMSNorm.
    package var normEpsilon: Float = 1e-6
    package var rope = RotaryConfiguration()
    /// Tokens that a query of a sliding-window layer sees, itself included; nil when every layer sees all.
    package var slidingWindow: Int?
    /// With `p`, layers p−1, 2p−1, … see all and the others the window. Nil: no such pattern is stated.
    package var slidingWindowPattern: Int?
    /// What scores are multiplied by; nil means headWidth^−½.
    package var attentionScale: Float?
    /// Whether the embedding table is the output projection too.
    package var tiedEmbeddings = false
    /// What embeddings are multiplied by; nil means 1.
    package var embeddingScale: Float?
    package var bosTokenID: Int?
    /// Tokens that end a generation, by the configuration alone; see `GenerationDefaults` and the tokenizer.
    package var eosTokenIDs: [Int] = []
    /// The feed-forward's activation as Hugging Face calls it, such as `silu` or `gelu_pytorch_tanh`.
    package var hiddenActivation = "silu"
    /// Cap c of the logits, c · tanh(x / c); nil means none.
    package var finalLogitSoftcap: Float?
    /// Cap of the attention scores.
    package var attentionLogitSoftcap: Float?

    package init(architecture: String) {
        self.architecture = architecture
    }

    /// The families whose settings are checked for completeness.
    static let decoderFamilies: Set<String> = ["llama", "qwen2", "qwen3", "gemma3"]

    var isDecoderFamily: Bool { Self.decoderFamilies.contains(architecture) }

    /// Throws when settings contradict one another. `key` turns our name of a setting into the file's.
    func checkConsistency(file: String, key: (ConfigurationKey) -> String) throws(CheckpointError) {
        guard isDecoderFamily else { return }
        guard headCount % kvHeadCount == 0 else {
            throw .invalidValue(
                file: file,
                key: key(.kvHeadCount),
                problem: "is \(kvHeadCount), which does not divide the \(headCount) query heads"
            )
        }
        guard rope.dimensionCount % 2 == 0, rope.dimensionCount >= 2, rope.dimensionCount <= headWidth else {
            throw .invalidValue(
                file: file,
                key: key(.rotaryDimensionCount),
                problem: "is \(rope.dimensionCount); it must be even and at most the head's width, \(headWidth)"
            )
        }
    }
}

/// Settings whose values are checked against one another.
enum ConfigurationKey {
    case kvHeadCount
    case rotaryDimensionCount
}

/// The natural logarithm.
func logarithm(_ x: Float) -> Float { log(x) }

/// The largest value of a count in a configuration: kernels count in 32 bits. Layers are fewer, since lists of them are made before
/// any of their tensors is looked for.
func maximumCount(of key: String) -> Int {
    ["block_count", "num_hidden_layers", "n_layer"].contains(key) ? 1 << 16 : Int(Int32.max)
}
