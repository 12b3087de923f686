package import Checkpoints
import Foundation
package import Tensors
import Tokenization

/// BERT: word, position and token type embeddings, layers that are normed after each half, attention over all of a text.
///
/// Texts are packed one after the other; nothing but attention and pooling knows where one ends. With a classifier of one
/// label it is a cross-encoder: it reads pairs, and makes of the first token the logit that the texts belong together.
/// Source: Devlin et al., *BERT*, arXiv:1810.04805; Vaswani et al., arXiv:1706.03762, section 3; of cross-encoders,
/// Nogueira and Cho, *Passage Re-ranking with BERT*, arXiv:1901.04085.
package final class BertEncoder: TextEmbedder {
    package let traits: EmbedderTraits

    private let configuration: EncoderConfiguration
    private let weights: BertWeights
    private let compute: Compute
    private let attention: TextAttention
    private let workspace = Workspace()

    /// The activations of one pass, `[tokens, …]`; they grow to the largest seen.
    private struct Workspace {
        /// `[tokens, width]`: what goes from layer to layer.
        let hidden = FloatMatrix()
        /// `[tokens, width]`: position embeddings, then what attention yields.
        let attended = FloatMatrix()
        /// `[tokens, 3 · width]`: queries, keys and values.
        let queryKeyValue = FloatMatrix()
        /// `[tokens, feedForwardWidth]`.
        let feedForward = FloatMatrix()
        /// `[texts, width]`.
        let pooled = FloatMatrix()
        /// `[texts, width]`: of a cross-encoder, before its classifier.
        let summary = FloatMatrix()
    }

    /// Loads the encoder that `checkpoint` describes.
    ///
    /// - Parameters:
    ///   - compute: the instruction set and the threads to use.
    ///   - contextLength: most tokens of a text; nil takes the checkpoint's.
    package init(
        _ checkpoint: Checkpoint,
        compute: Compute,
        contextLength: Int? = nil
    ) throws(ModelError) {
        configuration = try readable { () throws(CheckpointError) in try checkpoint.encoderConfiguration() }
        if configuration.hiddenActivation != "gelu" {
            throw .unsupportedSetting(
                name: "hidden_act",
                value: configuration.hiddenActivation,
                architecture: configuration.architecture
            )
        }
        weights = try BertWeights(checkpoint, configuration, workers: compute.workers)
        let isCrossEncoder = weights.classifier != nil
        if isCrossEncoder { try Self.requireWordPieces(checkpoint) }
        let pooling = isCrossEncoder ? .first : try readable { () throws(CheckpointError) in try checkpoint.pooling() }
        attention = TextAttention(headCount: configuration.headCount, headWidth: configuration.headWidth)
        self.compute = compute
        traits = EmbedderTraits(
            architecture: configuration.architecture,
            dimensionCount: isCrossEncoder ? 1 : configuration.width,
            contextLength: min(contextLength ?? configuration.contextLength, configuration.contextLength),
            vocabularySize: configuration.vocabularySize,
            parameterCount: checkpoint.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) },
            pooling: pooling ?? .mean,
            isCrossEncoder: isCrossEncoder
        )
    }

    /// Throws when a cross-encoder's pairs are not written as BERT's: other vocabularies put more between two texts.
    private static func requireWordPieces(_ checkpoint: Checkpoint) throws(ModelError) {
        let key = "tokenizer.ggml.model"
        guard let kind = checkpoint.gguf?.metadata[key]?.stringValue, kind != "bert" else { return }
        throw .unsupportedSetting(name: key, value: kind, architecture: "bert cross-encoder")
    }

    /// One pass over all layers with the texts packed one after the other.
    package func embed(_ texts: [EmbedderText]) -> [[Float]] {
        if texts.isEmpty { return [] }
        var ranges: [Range<Int>] = []
        var places = TokenPlaces()
        for text in texts {
            let count = text.tokens.count
            precondition((1...traits.contextLength).contains(count), "embed: a text of \(count) tokens")
            ranges.append(places.tokens.count..<places.tokens.count + count)
            places.append(text, lastType: Int32(configuration.tokenTypeCount - 1))
        }
        embed(places)
        attention.plan(texts: ranges)
        for layer in weights.layers { apply(layer) }
        compute.pool(workspace.hidden, texts: ranges, traits.pooling, into: workspace.pooled)
        if let classifier = weights.classifier { return logits(classifier) }
        compute.normalizeLengths(workspace.pooled)
        return texts.indices.map { Array(workspace.pooled.row($0)) }
    }

    /// What is looked up of each token, of all texts.
    private struct TokenPlaces {
        var tokens: [Int32] = []
        var positions: [Int32] = []
        /// 0, and 1 in the second text of a pair.
        var types: [Int32] = []

        mutating func append(_ text: EmbedderText, lastType: Int32) {
            let secondStart = text.secondStart ?? text.tokens.count
            for (position, token) in text.tokens.enumerated() {
                tokens.append(token.rawValue)
                positions.append(Int32(position))
                types.append(position < secondStart ? 0 : min(1, lastType))
            }
        }
    }

    /// hidden = norm(word + position + type).
    private func embed(_ places: TokenPlaces) {
        let hidden = workspace.hidden
        weights.words.gather(places.tokens, into: hidden, compute: compute)
        for (table, rows) in [(weights.positions, places.positions), (weights.types, places.types)] {
            table.gather(rows, into: workspace.attended, compute: compute)
            compute.add(workspace.attended, to: hidden)
        }
        compute.layerNorm(weights.norm, hidden)
        workspace.queryKeyValue.reshape(rows: hidden.rows, width: 3 * configuration.width)
        workspace.feedForward.reshape(rows: hidden.rows, width: configuration.feedForwardWidth)
    }

    /// w · tanh(W · first token + b) + c of every text.
    private func logits(_ classifier: BertClassifier) -> [[Float]] {
        let (pooled, summary) = (workspace.pooled, workspace.summary)
        summary.reshape(rows: pooled.rows, width: pooled.width)
        compute.matMul(classifier.pooler.matrix, pooled, bias: classifier.pooler.bias, into: summary)
        for index in summary.elements.indices { summary.elements[index] = tanh(summary.elements[index]) }
        pooled.reshape(rows: summary.rows, width: 1)
        compute.matMul(classifier.label.matrix, summary, bias: classifier.label.bias, into: pooled)
        return pooled.elements.map { [$0] }
    }

    /// hidden = norm(hidden + W_o · attention); hidden = norm(hidden + W_down · gelu(W_up · hidden)).
    private func apply(_ layer: BertLayerWeights) {
        let (hidden, fused) = (workspace.hidden, workspace.queryKeyValue)
        compute.matMul(layer.queryKeyValue.matrix, hidden, bias: layer.queryKeyValue.bias, into: fused)
        attention.attend(fused, into: workspace.attended, on: compute)
        addProduct(layer.attentionOutput, workspace.attended)
        compute.layerNorm(layer.attentionNorm, hidden)
        compute.matMul(layer.up.matrix, hidden, bias: layer.up.bias, into: workspace.feedForward)
        compute.geluExact(workspace.feedForward)
        addProduct(layer.down, workspace.feedForward)
        compute.layerNorm(layer.outputNorm, hidden)
    }

    /// hidden += W · x + b.
    private func addProduct(_ layer: BiasedMatrix, _ x: FloatMatrix) {
        compute.matMul(layer.matrix, x, bias: layer.bias, into: workspace.hidden, accumulate: true)
    }
}

/// `body`, with what is wrong with a checkpoint's settings told as what is wrong with the model.
private func readable<Value>(_ body: () throws(CheckpointError) -> Value) throws(ModelError) -> Value {
    do {
        return try body()
    } catch {
        throw .unreadableSettings(error)
    }
}
