import Checkpoints
import Tensors

/// The learned parameters of one decoder layer, ready to compute with.
struct DecoderLayerWeights {
    /// `[width]` gain before attention.
    var attentionNorm: [Float]
    /// `[heads · headWidth + 2 · kvHeads · headWidth, width]`: q, k and v under one another.
    var queryKeyValue: PackedMatrix
    /// `[heads · headWidth + 2 · kvHeads · headWidth]`, or nil.
    var queryKeyValueBias: [Float]?
    /// `[headWidth]` gain on every query head, or nil.
    var queryNorm: [Float]?
    /// `[headWidth]` gain on every key head, or nil.
    var keyNorm: [Float]?
    /// `[width, heads · headWidth]`.
    var attentionOutput: PackedMatrix
    /// `[width]`, or nil.
    var attentionOutputBias: [Float]?
    /// `[width]` gain on the attention's result, or nil.
    var postAttentionNorm: [Float]?
    /// `[width]` gain before the feed-forward part.
    var feedForwardNorm: [Float]
    /// `[2 · feedForwardWidth, width]`: gate and up under one another.
    var gateUp: PackedMatrix
    /// `[width, feedForwardWidth]`.
    var down: PackedMatrix
    /// `[width]` gain on the feed-forward's result, or nil.
    var postFeedForwardNorm: [Float]?
}

/// All learned parameters of a decoder.
struct DecoderWeights {
    /// `[vocabulary, width]`. With tied embeddings it is the output projection too.
    let embedding: PackedMatrix
    let layers: [DecoderLayerWeights]
    /// `[width]`.
    let outputNorm: [Float]
    /// `[vocabulary, width]`, or nil when the embedding serves.
    let output: PackedMatrix?
    /// Divisors of the rotary frequencies, `[rotated dimensions / 2]`, where the checkpoint brings them.
    let rotaryDivisors: [Float]?

    init(
        _ checkpoint: Checkpoint,
        layout: DecoderLayout,
        source: WeightSource,
        workers: WorkerPool
    ) throws(ModelError) {
        let configuration = checkpoint.configuration
        var loader = WeightLoader(checkpoint, source: source, workers: workers)
        let width = configuration.width
        let vocabulary = configuration.vocabularySize
        let table = loader.spell(TensorName(gguf: "token_embd", huggingFace: "model.embed_tokens"))
        embedding = try loader.matrix([(table, vocabulary)], inputs: width)
        let norm = loader.spell(TensorName(gguf: "output_norm", huggingFace: "model.norm"))
        outputNorm = try loader.vector(norm, count: width).map { $0 + layout.normGainOffset }
        let head = loader.spell(TensorName(gguf: "output", huggingFace: "lm_head"))
        if checkpoint.hasOwnHead {
            output = try loader.matrix([(head, vocabulary)], inputs: width)
        } else {
            output = nil
            loader.ignore(head)
        }
        rotaryDivisors = try loader.optionalVector(
            "rope_freqs.weight",
            count: configuration.rope.dimensionCount / 2
        )
        var layers: [DecoderLayerWeights] = []
        for layer in 0..<configuration.layerCount {
            layers.append(try DecoderLayerWeights(&loader, configuration, layout, layer: layer))
        }
        self.layers = layers
        try loader.requireAllUsed()
    }
}

extension DecoderWeights {
    /// `[vocabulary, width]`: hidden states to logits.
    var projection: PackedMatrix { output ?? embedding }

    /// The first product after `layer`.
    func following(_ layer: Int) -> PackedMatrix {
        layer + 1 < layers.count ? layers[layer + 1].queryKeyValue : projection
    }
}

extension Checkpoint {
    /// What folders of models that also see images put before the text model's names.
    var textModelPrefix: String {
        let prefixes = ["", "language_model.", "model.language_model."]
        return prefixes.first { tensor($0 + "model.embed_tokens.weight") != nil } ?? ""
    }

    /// What the embedding is called, and the output projection where there is one.
    var embeddingName: String {
        format == .gguf ? "token_embd.weight" : textModelPrefix + "model.embed_tokens.weight"
    }
    var headName: String { format == .gguf ? "output.weight" : textModelPrefix + "lm_head.weight" }

    /// Whether the output projection is a matrix of its own, and not the embedding.
    var hasOwnHead: Bool {
        tensor(headName) != nil && !(format == .safetensors && configuration.tiedEmbeddings)
    }
}

extension DecoderLayerWeights {
    init(
        _ loader: inout WeightLoader,
        _ configuration: ModelConfiguration,
        _ layout: DecoderLayout,
        layer: Int
    ) throws(ModelError) {
        let names = layout.names
        let width = configuration.width
        let queries = configuration.headCount * configuration.headWidth
        let keys = configuration.kvHeadCount * configuration.headWidth
        let feedForward = configuration.feedForwardWidth
        let offset = layout.normGainOffset

        attentionNorm = try loader.gain(names.attentionNorm, layer, width, offset)
        let parts = [(names.query, queries), (names.key, keys), (names.value, keys)]
        queryKeyValue = try loader.matrix(parts.map { (loader.spell($0.0, layer: layer), $0.1) }, inputs: width)
        queryKeyValueBias = try loader.biases(parts, layer: layer, required: layout.requiresBias)
        queryNorm = try loader.optionalGain(names.queryNorm, layer, configuration.headWidth, offset)
        keyNorm = try loader.optionalGain(names.keyNorm, layer, configuration.headWidth, offset)
        attentionOutput = try loader.matrix(
            [(loader.spell(names.attentionOutput, layer: layer), width)],
            inputs: queries
        )
        attentionOutputBias = try loader.biases([(names.attentionOutput, width)], layer: layer, required: false)
        postAttentionNorm = try loader.optionalGain(names.postAttentionNorm, layer, width, offset)
        feedForwardNorm = try loader.gain(names.feedForwardNorm, layer, width, offset)
        let gate = loader.spell(names.gate, layer: layer)
        let up = loader.spell(names.up, layer: layer)
        gateUp = try loader.matrix([(gate, feedForward), (up, feedForward)], inputs: width)
        down = try loader.matrix([(loader.spell(names.down, layer: layer), width)], inputs: feedForward)
        postFeedForwardNorm = try loader.optionalGain(names.postFeedForwardNorm, layer, width, offset)
    }
}

extension WeightLoader {
    /// A norm's gain, `[count]`, with what the architecture adds to it.
    mutating func gain(_ name: TensorName, _ layer: Int, _ count: Int, _ offset: Float) throws(ModelError) -> [Float] {
        try vector(spell(name, layer: layer), count: count).map { $0 + offset }
    }

    /// The same for a norm that not every architecture has.
    mutating func optionalGain(
        _ name: TensorName?,
        _ layer: Int,
        _ count: Int,
        _ offset: Float
    ) throws(ModelError) -> [Float]? {
        guard let name else { return nil }
        return try gain(name, layer, count, offset)
    }

    /// The biases of several matrices under one another; nil when the checkpoint has none of them.
    mutating func biases(
        _ parts: [(TensorName, Int)],
        layer: Int,
        required: Bool
    ) throws(ModelError) -> [Float]? {
        let names = parts.map { spell($0.0, layer: layer, ending: ".bias") }
        if !required, !names.contains(where: has) { return nil }
        var values: [Float] = []
        for (name, part) in zip(names, parts) { values += try vector(name, count: part.1) }
        return values
    }
}
