package import Checkpoints
package import Tensors
import Tokenization

/// A pre-norm transformer decoder over packed weights and a paged KV cache.
///
/// One class runs every architecture that `DecoderLayout` can describe. A step is one pass over the layers with the rows
/// of all sequences together; only attention and the rotary embedding know where a row stands.
package final class Decoder: LanguageModel {
    package let traits: ModelTraits

    let configuration: ModelConfiguration
    let layout: DecoderLayout
    let weights: DecoderWeights
    let compute: Compute
    let globalRotation: RotaryTable
    let localRotation: RotaryTable
    let workspace = DecoderWorkspace()
    private let updates: LayerUpdates
    let step = DecoderStep()
    private let cacheShape: CacheShape
    private var cache: KVStore?

    /// Loads the decoder that `checkpoint` describes.
    ///
    /// - Parameters:
    ///   - checkpoint: its configuration must name an architecture of `ArchitectureRegistry`.
    ///   - compute: the instruction set and the threads to use.
    ///   - contextLength: most positions to prepare for; nil takes the checkpoint's.
    ///   - cacheElementType: how keys and values are kept, one of `CacheShape.elementTypes`.
    ///   - source: where the packed weights come from, or go to; what is computed is the same to the bit.
    package init(
        _ checkpoint: Checkpoint,
        compute: Compute,
        contextLength: Int? = nil,
        cacheElementType: ElementType = .f16,
        source: WeightSource = .checkpoint
    ) throws(ModelError) {
        let configuration = checkpoint.configuration
        let architecture = try ArchitectureRegistry.architecture(named: configuration.architecture)
        layout = try architecture.layout(configuration, format: checkpoint.format)
        weights = try DecoderWeights(checkpoint, layout: layout, source: source, workers: compute.workers)
        let context = contextLength ?? configuration.contextLength
        let rotations = try Self.rotations(configuration, divisors: weights.rotaryDivisors, positionCount: context)
        globalRotation = rotations.global
        localRotation = rotations.local
        self.configuration = configuration
        updates = LayerUpdates(layerCount: configuration.layerCount)
        self.compute = compute
        cacheShape = CacheShape(
            layerCount: configuration.layerCount,
            kvHeadCount: configuration.kvHeadCount,
            headWidth: configuration.headWidth,
            elementType: cacheElementType
        )
        var traits = ModelTraits(
            architecture: configuration.architecture,
            vocabularySize: configuration.vocabularySize,
            contextLength: context,
            cacheBytesPerToken: cacheShape.bytesPerToken,
            parameterCount: checkpoint.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
        )
        traits.cacheLayout = cacheShape.description
        traits.costs = DecoderCosts(
            weights,
            layout: layout,
            queryWidth: configuration.headCount * configuration.headWidth,
            cache: cacheShape
        )
        self.traits = traits
    }

    /// Reserves `[layer][block][kvHead]` of keys and values; see `KVStore`.
    package func allocateCache(blockCount: Int, blockSize: Int) {
        cache = KVStore(cacheShape, blockCount: blockCount, blockSize: blockSize)
    }

    /// Some milliseconds of all threads at a call.
    package func commitCache(ahead block: BlockID) { cache?.commitAhead(Int(block.rawValue), compute: compute) }

    /// A block is one run of bytes in every layer.
    package var cacheBlocks: CacheBlockMemory? {
        guard let cache else { return nil }
        let memory = SharedCache(store: cache)
        return CacheBlockMemory(blockBytes: cache.blockBytes * cacheShape.layerCount) { memory.runs(of: $0) }
    }

    package var workers: WorkerPool? { compute.workers }
    package var instructionSet: InstructionSet { compute.instructionSet }

    /// One pass over the layers with all rows together; nothing but attention reads across tokens. So the last layer only
    /// stores the keys and values of tokens whose logits nobody wants.
    package func forward(_ batch: ForwardBatch) -> Logits {
        project(hiddenStates(batch))
    }

    /// Forgets under which adapters the last step was computed.
    package func rest() { step.rest() }

    /// The same pass without the output projection.
    ///
    /// - Returns: `[sum of logitCount, width]`: what the last norm makes of the tokens that want logits, in the batch's order unless
    ///   rows of one adapter stand apart in it. Valid, and the caller's to overwrite, until the next pass.
    package func hiddenStates(_ batch: ForwardBatch) -> FloatMatrix {
        guard let cache else { preconditionFailure("Decoder: forward before allocateCache") }
        step.update(batch)
        workspace.prepare(for: configuration, tokenCount: batch.tokens.count, logitCount: step.logitTokens.count)
        embed()
        for layer in weights.layers.indices {
            var attention = attention(of: layer)
            store(attention, in: cache)
            if layer == weights.layers.count - 1, step.hasTokensWithoutLogits {
                attention.rows = step.narrow()
                workspace.keep(tokens: step.logitTokens)
                if step.logitTokens.isEmpty { break }
            }
            attend(attention, cache: cache)
            feedForward(layer: layer)
        }
        let (hidden, gain) = (workspace.hidden, weights.outputNorm)
        compute.rmsNorm(hidden, gain: gain, epsilon: configuration.normEpsilon, into: workspace.selected)
        return workspace.selected
    }

    /// Elements of a hidden state.
    package var width: Int { configuration.width }

    /// hidden = embedding rows, scaled.
    private func embed() {
        weights.embedding.gather(step.tokens, into: workspace.hidden, compute: compute)
        for run in step.adapterRuns {
            run.adapter.embedding?.gather(step.tokens, rows: run.tokens, into: workspace.hidden, compute: compute)
        }
        if let scale = configuration.embeddingScale { compute.scale(workspace.hidden, by: scale) }
    }

    /// What the rows' adapters add to a product; nil where no row has any.
    private func update(of product: AdaptedProduct, layer: Int) -> LowRankUpdate? {
        updates.update(of: product, layer: layer, in: step)
    }

    private func attention(of layer: Int) -> Attention {
        Attention(
            rows: step.attentionRows,
            layer: layer,
            headCount: configuration.headCount,
            scale: configuration.queryScale,
            window: layout.windows[layer],
            softcap: configuration.attentionLogitSoftcap
        )
    }

    /// Queries, keys and values: W_qkv · norm(hidden), the last two into the cache.
    private func store(_ attention: Attention, in cache: KVStore) {
        let layer = attention.layer
        let parameters = weights.layers[layer]
        let fused = workspace.queryKeyValue
        compute.matMul(
            parameters.queryKeyValue,
            norm: RowNorm(gain: parameters.attentionNorm, epsilon: configuration.normEpsilon),
            of: workspace.hidden,
            bias: parameters.queryKeyValueBias,
            into: fused,
            scratch: workspace.scratch,
            update: update(of: .queryKeyValue, layer: layer),
            following: parameters.attentionOutput
        )
        let preparation = HeadPreparation(
            queryNorm: parameters.queryNorm,
            keyNorm: parameters.keyNorm,
            epsilon: configuration.normEpsilon,
            rotation: layout.usesLocalRotation[layer] ? localRotation : globalRotation,
            positions: step.positions
        )
        compute.store(attention, fused, preparing: preparation, in: cache)
    }

    /// hidden += W_o · attention(queries).
    private func attend(_ attention: Attention, cache: KVStore) {
        let parameters = weights.layers[attention.layer]
        compute.attend(attention, cache: cache, queries: workspace.queryKeyValue, into: workspace.attended)
        let postNorm = parameters.postAttentionNorm
        compute.matMul(
            parameters.attentionOutput,
            workspace.attended,
            bias: parameters.attentionOutputBias,
            into: postNorm == nil ? workspace.hidden : workspace.branch,
            accumulate: postNorm == nil,
            update: update(of: .attentionOutput, layer: attention.layer),
            following: parameters.gateUp
        )
        if let postNorm { addBranch(postNorm: postNorm) }
    }

    /// hidden += W_down · (activation(W_gate · x) ⊙ W_up · x), x = norm(hidden).
    private func feedForward(layer: Int) {
        let parameters = weights.layers[layer]
        let postNorm = parameters.postFeedForwardNorm
        compute.matMul(
            parameters.gateUp,
            norm: RowNorm(gain: parameters.feedForwardNorm, epsilon: configuration.normEpsilon),
            of: workspace.hidden,
            into: workspace.gateUp,
            scratch: workspace.scratch,
            update: update(of: .gateUp, layer: layer),
            following: parameters.down
        )
        compute.matMul(
            parameters.down,
            gated: workspace.gateUp,
            layout.activation,
            into: postNorm == nil ? workspace.hidden : workspace.branch,
            accumulate: postNorm == nil,
            scratch: workspace.scratch,
            update: update(of: .down, layer: layer),
            following: weights.following(layer)
        )
        if let postNorm { addBranch(postNorm: postNorm) }
    }

    /// hidden += postNorm(branch).
    private func addBranch(postNorm: [Float]) {
        let normed = workspace.scratch
        compute.rmsNorm(workspace.branch, gain: postNorm, epsilon: configuration.normEpsilon, into: normed)
        compute.add(normed, to: workspace.hidden)
    }

    /// Logits of the tokens that want them: the output projection runs for those rows only.
    private func project(_ selected: FloatMatrix) -> Logits {
        if step.logitRowsOfOwnHeads < step.logitTokens.count {
            compute.matMul(
                weights.projection,
                selected,
                into: workspace.logits,
                following: weights.layers.first?.queryKeyValue
            )
        }
        if step.logitRowsOfOwnHeads > 0 { projectThroughOwnHeads(selected) }
        if let cap = configuration.finalLogitSoftcap { compute.softcap(workspace.logits, cap) }
        return Logits(
            rowCount: step.logitTokens.count,
            vocabularySize: configuration.vocabularySize,
            storage: workspace.logits.pointer,
            places: step.logitPlaces
        )
    }
}

/// The store as `CacheBlockMemory` hands it to other threads.
///
/// `@unchecked Sendable`: only the addresses of blocks are taken here, which never change.
private struct SharedCache: @unchecked Sendable {
    let store: KVStore

    func runs(of block: BlockID) -> [UnsafeMutableRawBufferPointer] {
        (0..<store.shape.layerCount).map { store.block(Int(block.rawValue), layer: $0) }
    }
}
