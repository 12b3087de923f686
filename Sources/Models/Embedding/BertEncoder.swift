package import Checkpoints
import Foundation
package import Tensors
import Tokenization

/// BERT: word, position and token type embeddings, layers that are normed after each half, attention over all of a text.
/// And what came after it: NomicBERT, whose positions turn queries and keys and whose feed-forward is gated, and
/// ModernBERT, which also norms before each half and lets most layers see a window of the text only.
///
/// Texts are packed one after the other; nothing but attention and pooling knows where one ends. With a classifier of one
/// label it is a cross-encoder: it reads pairs, and makes of the first token the logit that the texts belong together.
/// Source: Devlin et al., *BERT*, arXiv:1810.04805; Vaswani et al., arXiv:1706.03762, section 3; of cross-encoders,
/// Nogueira and Cho, *Passage Re-ranking with BERT*, arXiv:1901.04085; Nussbaum et al., *Nomic Embed*, arXiv:2402.01613,
/// section 3; Warner et al., *Smarter, Better, Faster, Longer*, arXiv:2412.13663, section 2.
package final class BertEncoder: TextEmbedder {
    package let traits: EmbedderTraits

    private let configuration: EncoderConfiguration
    private let weights: BertWeights
    private let compute: Compute
    /// Of the layers that see all of a text.
    private let whole: EncoderAttention
    /// Of those that see a window; nil where none do.
    private let local: EncoderAttention?
    /// On the feed-forward's gate; nil where nothing is gated.
    private let gate: GateActivation?
    private let workspace = Workspace()

    /// The activations of one pass, `[tokens, …]`; they grow to the largest seen.
    private struct Workspace {
        /// `[tokens, width]`: what goes from layer to layer.
        let hidden = FloatMatrix()
        /// `[tokens, width]`: position embeddings, then what attention yields.
        let attended = FloatMatrix()
        /// `[tokens, width]`: what norms before layers' halves yield.
        let normed = FloatMatrix()
        /// `[tokens, 3 · width]`: queries, keys and values.
        let queryKeyValue = FloatMatrix()
        /// `[tokens, feedForwardWidth]`, or twice as wide where it is gated.
        let feedForward = FloatMatrix()
        /// Some rows of what was gated.
        let gated = FloatMatrix()
        /// `[texts, width]`.
        let pooled = FloatMatrix()
        /// `[texts, width]`: of a cross-encoder, before its classifier.
        let summary = FloatMatrix()
    }

    /// Loads the encoder that `checkpoint` describes.
    ///
    /// - Parameters:
    ///   - compute: the instruction set and the threads to use.
    ///   - contextLength: most tokens of a text, at least 1; nil takes the checkpoint's, which is never exceeded.
    package init(
        _ checkpoint: Checkpoint,
        compute: Compute,
        contextLength: Int? = nil
    ) throws(ModelError) {
        precondition(contextLength ?? 1 >= 1, "BertEncoder: a context of \(contextLength ?? 0) tokens")
        configuration = try readable { () throws(CheckpointError) in try checkpoint.encoderConfiguration() }
        gate = try Self.gate(configuration)
        weights = try BertWeights(checkpoint, configuration, workers: compute.workers)
        let isCrossEncoder = weights.classifier != nil
        if isCrossEncoder { try Self.requireWordPieces(checkpoint) }
        let pooling = isCrossEncoder ? .first : try readable { () throws(CheckpointError) in try checkpoint.pooling() }
        let window = configuration.rotation?.window
        whole = EncoderAttention(configuration, base: configuration.rotation?.base, reach: nil)
        local = window.map { [configuration] in EncoderAttention(configuration, base: $0.base, reach: $0.reach) }
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

    /// The gate's activation, nil without a gate; throws when the feed-forward's is one that is not computed.
    private static func gate(_ configuration: EncoderConfiguration) throws(ModelError) -> GateActivation? {
        switch (configuration.hiddenActivation, configuration.gatesFeedForward) {
        case ("gelu", false): return nil
        case ("gelu", true): return .geluExact
        case ("silu", true): return .silu
        default:
            throw .unsupportedSetting(
                name: "hidden_act",
                value: configuration.hiddenActivation,
                architecture: configuration.architecture
            )
        }
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
        whole.attention.plan(texts: ranges)
        local?.attention.plan(texts: ranges)
        for (index, layer) in weights.layers.enumerated() {
            apply(layer, isLocal(layer: index) ? local ?? whole : whole, places.positions)
        }
        if let norm = weights.finalNorm { compute.layerNorm(norm, workspace.hidden) }
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

    private func isLocal(layer: Int) -> Bool { configuration.rotation?.window?.isLocal(layer: layer) ?? false }

    /// hidden = norm(word + position + type).
    private func embed(_ places: TokenPlaces) {
        let hidden = workspace.hidden
        weights.words.gather(places.tokens, into: hidden, compute: compute)
        for (table, rows) in [(weights.positions, places.positions), (weights.types, places.types)] {
            guard let table else { continue }
            table.gather(rows, into: workspace.attended, compute: compute)
            compute.add(workspace.attended, to: hidden)
        }
        compute.layerNorm(weights.norm, hidden)
        let feedForwardWidth = configuration.feedForwardWidth * (gate == nil ? 1 : 2)
        workspace.queryKeyValue.reshape(rows: hidden.rows, width: 3 * configuration.width)
        workspace.feedForward.reshape(rows: hidden.rows, width: feedForwardWidth)
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

    /// hidden = norm(hidden + W_o · attention); hidden = norm(hidden + W_down · gelu(W_up · hidden)). Where norms stand first,
    /// they are of what attention and feed-forward read instead.
    private func apply(_ layer: BertLayerWeights, _ place: EncoderAttention, _ positions: [Int32]) {
        let (hidden, fused) = (workspace.hidden, workspace.queryKeyValue)
        let isNormedFirst = configuration.normsFirst
        let read = isNormedFirst ? normed(layer.attentionNorm) : hidden
        compute.matMul(layer.queryKeyValue.matrix, read, bias: layer.queryKeyValue.bias, into: fused)
        place.rotate(fused, positions, configuration, on: compute)
        place.attention.attend(fused, into: workspace.attended, on: compute)
        addProduct(layer.attentionOutput, workspace.attended)
        if !isNormedFirst, let norm = layer.attentionNorm { compute.layerNorm(norm, hidden) }
        addFeedForward(layer, isNormedFirst ? normed(layer.outputNorm) : hidden)
        if !isNormedFirst { compute.layerNorm(layer.outputNorm, hidden) }
    }

    /// The norm of `hidden`, which stays; `hidden` itself without one.
    private func normed(_ norm: LayerNorm?) -> FloatMatrix {
        guard let norm else { return workspace.hidden }
        compute.layerNorm(norm, workspace.hidden, into: workspace.normed)
        return workspace.normed
    }

    /// hidden += W_down · gelu(W_up · x), or W_down · (activation(W_gate · x) · W_up · x).
    private func addFeedForward(_ layer: BertLayerWeights, _ x: FloatMatrix) {
        let inner = workspace.feedForward
        compute.matMul(layer.up.matrix, x, bias: layer.up.bias, into: inner)
        guard let gate else {
            compute.geluExact(inner)
            return addProduct(layer.down, inner)
        }
        let hidden = workspace.hidden
        compute.matMul(
            layer.down.matrix,
            gated: inner,
            gate,
            into: hidden,
            accumulate: true,
            scratch: workspace.gated
        )
        if let bias = layer.down.bias { compute.addBias(bias, to: hidden) }
    }

    /// hidden += W · x + b.
    private func addProduct(_ layer: BiasedMatrix, _ x: FloatMatrix) {
        compute.matMul(layer.matrix, x, bias: layer.bias, into: workspace.hidden, accumulate: true)
    }
}

/// Attention of layers that are alike, and how positions turn their queries and keys.
private struct EncoderAttention {
    let attention: TextAttention
    /// nil where positions have embeddings.
    private let rotation: RotaryTable?

    /// - Parameters:
    ///   - base: θ of the rotation; nil for none.
    ///   - reach: tokens to either side that one sees; nil for all.
    init(_ configuration: EncoderConfiguration, base: Float?, reach: Int?) {
        let headWidth = configuration.headWidth
        attention = TextAttention(headCount: configuration.headCount, headWidth: headWidth, reach: reach)
        rotation = base.map { base in
            let frequencies = RotaryFrequencies(dimensionCount: headWidth, base: Double(base))
            return RotaryTable(frequencies, pairing: .halves, positionCount: configuration.contextLength)
        }
    }

    /// Turns the queries and keys of `[tokens, 3 · width]`.
    func rotate(_ fused: FloatMatrix, _ positions: [Int32], _ configuration: EncoderConfiguration, on compute: Compute)
    {
        guard let rotation else { return }
        let (heads, headWidth) = (2 * configuration.headCount, configuration.headWidth)
        compute.rotate(fused, headCount: heads, headWidth: headWidth, positions, rotation)
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
