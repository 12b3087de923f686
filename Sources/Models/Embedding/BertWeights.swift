import Checkpoints
import Tensors

/// A product with a bias: W · x + b.
struct BiasedMatrix {
    /// `[outputs, inputs]`.
    var matrix: PackedMatrix
    /// `[outputs]`; nil where there is none.
    var bias: [Float]?
}

/// The learned parameters of one layer.
struct BertLayerWeights {
    /// `[3 · width, width]`: q, k and v under one another.
    var queryKeyValue: BiasedMatrix
    /// `[width, width]`.
    var attentionOutput: BiasedMatrix
    /// nil in a first layer before which the embeddings were normed.
    var attentionNorm: LayerNorm?
    /// `[feedForwardWidth, width]`; where it gates, `[2 · feedForwardWidth, width]` with the gate first.
    var up: BiasedMatrix
    /// `[width, feedForwardWidth]`.
    var down: BiasedMatrix
    var outputNorm: LayerNorm
}

/// What makes one number of the first token's state.
struct BertClassifier {
    /// `[width, width]`, under a tanh.
    var pooler: BiasedMatrix
    /// `[1, width]`.
    var label: BiasedMatrix
}

/// All learned parameters of a BERT encoder.
struct BertWeights {
    /// `[vocabulary, width]`.
    let words: PackedMatrix
    /// `[contextLength, width]`; nil where positions turn queries and keys.
    let positions: PackedMatrix?
    /// `[types, width]`: type 0 is that of single texts and of the first of a pair, type 1 that of the second. nil where
    /// there are none.
    let types: PackedMatrix?
    let norm: LayerNorm
    let layers: [BertLayerWeights]
    /// After the last layer, where norms stand before layers' halves.
    let finalNorm: LayerNorm?
    /// Of cross-encoders; nil for those that make vectors.
    let classifier: BertClassifier?

    init(
        _ checkpoint: Checkpoint,
        _ configuration: EncoderConfiguration,
        workers: WorkerPool
    ) throws(ModelError) {
        var reader = BertReader(checkpoint, configuration, workers: workers)
        let names = reader.names
        words = try reader.table(names.words, rows: configuration.vocabularySize)
        let isGGUF = checkpoint.format == .gguf
        if configuration.rotation == nil {
            let name = isGGUF ? "position_embd" : "embeddings.position_embeddings"
            positions = try reader.table(name, rows: configuration.contextLength)
        } else {
            positions = nil
        }
        types =
            configuration.tokenTypeCount == 0
            ? nil : try reader.table(names.types, rows: configuration.tokenTypeCount)
        norm = try reader.norm(names.embeddingNorm)
        finalNorm = configuration.normsFirst ? try reader.norm(isGGUF ? "output_norm" : "final_norm") : nil
        classifier = configuration.architecture == "bert" ? try reader.classifier() : nil
        var layers: [BertLayerWeights] = []
        for layer in 0..<configuration.layerCount {
            reader.enter(layer: layer)
            layers.append(try BertLayerWeights(&reader, configuration, isFirst: layer == 0))
        }
        self.layers = layers
        try reader.requireAllUsed()
    }
}

extension BertLayerWeights {
    fileprivate init(
        _ reader: inout BertReader,
        _ configuration: EncoderConfiguration,
        isFirst: Bool
    ) throws(ModelError) {
        let (width, wide) = (configuration.width, configuration.feedForwardWidth)
        let names = reader.names
        queryKeyValue = try reader.matrix(names.queryKeyValue, outputs: 3 * width, inputs: width)
        attentionOutput = try reader.matrix([names.attentionOutput], outputs: width, inputs: width)
        attentionNorm = configuration.normsFirst && isFirst ? nil : try reader.norm(names.attentionNorm)
        up = try reader.matrix(names.up, outputs: configuration.gatesFeedForward ? 2 * wide : wide, inputs: width)
        down = try reader.matrix([names.down], outputs: width, inputs: wide)
        outputNorm = try reader.norm(names.outputNorm)
    }
}

/// Fetches tensors under the name that the checkpoint's format gives them.
private struct BertReader {
    let names: EncoderNames
    private var loader: WeightLoader
    private let checkpoint: Checkpoint
    private let configuration: EncoderConfiguration
    /// What stands before names: of folders that also predict words, a prefix; then the layer's.
    private let root: String
    private var prefix: String

    init(_ checkpoint: Checkpoint, _ configuration: EncoderConfiguration, workers: WorkerPool) {
        names = EncoderNames(architecture: configuration.architecture, format: checkpoint.format)
        loader = WeightLoader(checkpoint, source: .checkpoint, workers: workers)
        self.checkpoint = checkpoint
        self.configuration = configuration
        root = checkpoint.tensor(names.prefix + names.words + ".weight") != nil ? names.prefix : ""
        prefix = root
    }

    mutating func enter(layer: Int) { prefix = "\(root)\(names.layers)\(layer)." }

    mutating func table(_ name: String, rows: Int) throws(ModelError) -> PackedMatrix {
        try loader.matrix([(prefix + name + ".weight", rows)], inputs: configuration.width)
    }

    /// Matrices of as many rows under one another, `[outputs, inputs]` together, with their biases.
    mutating func matrix(_ parts: [String], outputs: Int, inputs: Int) throws(ModelError) -> BiasedMatrix {
        let rows = outputs / parts.count
        var bias: [Float] = []
        for part in parts { bias += try self.bias(prefix + part + ".bias", count: rows) ?? [] }
        if !bias.isEmpty, bias.count != outputs { throw .missingTensor(name: prefix + parts[0] + ".bias") }
        return BiasedMatrix(
            matrix: try loader.matrix(parts.map { (prefix + $0 + ".weight", rows) }, inputs: inputs),
            bias: bias.isEmpty ? nil : bias
        )
    }

    /// BERT has every bias; later encoders do without.
    private mutating func bias(_ name: String, count: Int) throws(ModelError) -> [Float]? {
        if configuration.architecture == "bert" { return try loader.vector(name, count: count) }
        return try loader.optionalVector(name, count: count)
    }

    /// The classifier of a cross-encoder, which has one label; nil without any.
    mutating func classifier() throws(ModelError) -> BertClassifier? {
        let isGGUF = checkpoint.format == .gguf
        let name = isGGUF ? "cls.output" : "classifier"
        guard loader.has(name + ".weight") || loader.has("cls.weight") else { return nil }
        let width = configuration.width
        if let labels = checkpoint.tensor(name + ".bias")?.shape.first, labels != 1 {
            throw .unsupportedSetting(name: "num_labels", value: "\(labels)", architecture: configuration.architecture)
        }
        return BertClassifier(
            pooler: try matrix([isGGUF ? "cls" : "pooler.dense"], outputs: width, inputs: width),
            label: BiasedMatrix(
                matrix: try loader.matrix([(name + ".weight", 1)], inputs: width),
                bias: try loader.vector(name + ".bias", count: 1)
            )
        )
    }

    /// A layer norm; the first BERT folders call its gain gamma and its bias beta.
    mutating func norm(_ name: String) throws(ModelError) -> LayerNorm {
        let name = prefix + name
        let width = configuration.width
        let isOld = loader.has(name + ".gamma")
        let gain = try loader.vector(name + (isOld ? ".gamma" : ".weight"), count: width)
        let bias = try bias(name + (isOld ? ".beta" : ".bias"), count: width)
        return LayerNorm(
            gain: gain,
            bias: bias ?? [Float](repeating: 0, count: width),
            epsilon: configuration.normEpsilon
        )
    }

    /// Refuses tensors that nothing used, but for those that take no part in the vectors: positions written out, the layer
    /// over the first token that next sentences were guessed with, and the guessing of words.
    mutating func requireAllUsed() throws(ModelError) {
        loader.ignore(root + "embeddings.position_ids")
        let guessing =
            configuration.architecture == "modern-bert"
            ? ["head.", "decoder."] : [root + "pooler.", "cls.predictions.", "cls.seq_relationship."]
        for entry in checkpoint.tensors where guessing.contains(where: entry.name.hasPrefix) {
            loader.ignore(entry.name)
        }
        try loader.requireAllUsed()
    }
}
