package import Tensors
import Tokenization

/// Any decoder as an embedder: a text's vector is the final hidden state of its last token, after the last norm.
///
/// Source: Neelakantan et al., *Text and Code Embeddings by Contrastive Pre-Training*, arXiv:2201.10005, section 2.
package final class DecoderEmbedder: TextEmbedder {
    package let traits: EmbedderTraits

    private let decoder: Decoder
    private let blockCount: Int
    private let tokensPerStep: Int
    private var batch = ForwardBatch()
    private var usedBlockCount = 0

    /// Tokens of a block of the cache.
    private static let blockSize = 32
    /// Contexts are longer than the texts that anybody embeds, and all of one is reserved.
    private static let standardContextLength = 8192

    /// - Parameters:
    ///   - decoder: loaded, without a cache: it gets one here.
    ///   - pooling: what the model's makers ask for; only `last` can be had.
    ///   - contextLength: most tokens of a text, at least 1; nil takes the decoder's, or 8192 where that is more.
    ///   - tokensPerStep: most tokens of one pass through the layers; longer texts take several.
    package init(
        _ decoder: Decoder,
        pooling: Pooling? = nil,
        contextLength: Int? = nil,
        tokensPerStep: Int = 512
    ) throws(ModelError) {
        precondition(contextLength ?? 1 >= 1, "DecoderEmbedder: a context of \(contextLength ?? 0) tokens")
        let known = decoder.traits
        if let pooling, pooling != .last {
            throw .unsupportedSetting(name: "pooling", value: "\(pooling)", architecture: known.architecture)
        }
        let context = min(contextLength ?? Self.standardContextLength, known.contextLength)
        self.decoder = decoder
        self.tokensPerStep = tokensPerStep
        blockCount = (max(context, tokensPerStep) + Self.blockSize - 1) / Self.blockSize
        let bytes = blockCount * Self.blockSize * known.cacheBytesPerToken
        guard ReservedMemory.isAvailable(bytes: bytes) else { throw .memoryRefused(bytes: bytes, purpose: "its cache") }
        decoder.allocateCache(blockCount: blockCount, blockSize: Self.blockSize)
        traits = EmbedderTraits(
            architecture: known.architecture,
            dimensionCount: decoder.width,
            contextLength: context,
            vocabularySize: known.vocabularySize,
            parameterCount: known.parameterCount,
            pooling: .last
        )
    }

    /// Passes of as many whole texts as fit a step; a text longer than that takes several alone.
    package func embed(_ texts: [EmbedderText]) -> [[Float]] {
        var vectors: [[Float]] = []
        for text in texts.map(\.tokens) {
            precondition((1...traits.contextLength).contains(text.count), "embed: a text of \(text.count) tokens")
            let needed = (text.count + Self.blockSize - 1) / Self.blockSize
            if batch.tokens.count + text.count > tokensPerStep || usedBlockCount + needed > blockCount {
                vectors += flush()
            }
            let blocks = (usedBlockCount..<usedBlockCount + needed).map { BlockID(rawValue: Int32($0)) }
            usedBlockCount += needed
            var first = 0
            // A text longer than a step stands alone in its steps; all but its last one only fill the cache.
            while text.count - first > tokensPerStep {
                append(text[first..<first + tokensPerStep], blocks, isLast: false)
                _ = decoder.hiddenStates(batch)
                batch = ForwardBatch()
                first += tokensPerStep
            }
            append(text[first...], blocks, isLast: true)
        }
        return vectors + flush()
    }

    private func append(_ tokens: ArraySlice<TokenID>, _ blocks: [BlockID], isLast: Bool) {
        let end = (tokens.endIndex + Self.blockSize - 1) / Self.blockSize
        batch.tokens += tokens
        batch.rows.append(
            ForwardRow(
                firstPosition: tokens.startIndex,
                tokenCount: tokens.count,
                blockTable: Array(blocks.prefix(end)),
                logitCount: isLast ? 1 : 0
            )
        )
    }

    /// The vectors of the texts that wait in the batch.
    private func flush() -> [[Float]] {
        defer {
            batch = ForwardBatch()
            usedBlockCount = 0
        }
        if batch.rows.isEmpty { return [] }
        let states = decoder.hiddenStates(batch)
        decoder.compute.normalizeLengths(states)
        return (0..<states.rows).map { Array(states.row($0)) }
    }
}
