package import Checkpoints
package import Tensors
package import Tokenization

/// BERT: word, position and token type embeddings, layers that are normed after each half, attention over all of a text.
///
/// Texts are packed one after the other; nothing but attention and pooling knows where one ends.
/// Source: Devlin et al., *BERT*, arXiv:1810.04805; Vaswani et al., arXiv:1706.03762, section 3.
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
        let pooling: Pooling
        do {
            configuration = try checkpoint.encoderConfiguration()
            pooling = try checkpoint.pooling() ?? .mean
        } catch {
            throw .unreadableSettings(error)
        }
        if configuration.hiddenActivation != "gelu" {
            throw .unsupportedSetting(
                name: "hidden_act",
                value: configuration.hiddenActivation,
                architecture: configuration.architecture
            )
        }
        weights = try BertWeights(checkpoint, configuration, workers: compute.workers)
        attention = TextAttention(headCount: configuration.headCount, headWidth: configuration.headWidth)
        self.compute = compute
        traits = EmbedderTraits(
            architecture: configuration.architecture,
            dimensionCount: configuration.width,
            contextLength: min(contextLength ?? configuration.contextLength, configuration.contextLength),
            vocabularySize: configuration.vocabularySize,
            parameterCount: checkpoint.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) },
            pooling: pooling
        )
    }

    /// One pass over all layers with the texts packed one after the other.
    package func embed(_ texts: [[TokenID]]) -> [[Float]] {
        if texts.isEmpty { return [] }
        var ranges: [Range<Int>] = []
        var tokens: [Int32] = []
        var positions: [Int32] = []
        for text in texts {
            precondition((1...traits.contextLength).contains(text.count), "embed: a text of \(text.count) tokens")
            ranges.append(tokens.count..<tokens.count + text.count)
            for (position, token) in text.enumerated() {
                tokens.append(token.rawValue)
                positions.append(Int32(position))
            }
        }
        embed(tokens, at: positions)
        attention.plan(texts: ranges)
        for layer in weights.layers { apply(layer) }
        compute.pool(workspace.hidden, texts: ranges, traits.pooling, into: workspace.pooled)
        return texts.indices.map { Array(workspace.pooled.row($0)) }
    }

    /// hidden = norm(word + position + type 0).
    private func embed(_ tokens: [Int32], at positions: [Int32]) {
        let hidden = workspace.hidden
        weights.words.gather(tokens, into: hidden, compute: compute)
        weights.positions.gather(positions, into: workspace.attended, compute: compute)
        compute.add(workspace.attended, to: hidden)
        compute.addBias(weights.tokenType, to: hidden)
        compute.layerNorm(weights.norm, hidden)
        workspace.queryKeyValue.reshape(rows: tokens.count, width: 3 * configuration.width)
        workspace.feedForward.reshape(rows: tokens.count, width: configuration.feedForwardWidth)
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
