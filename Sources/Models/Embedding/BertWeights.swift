import Checkpoints
import Tensors

/// A product with a bias: W · x + b.
struct BiasedMatrix {
    /// `[outputs, inputs]`.
    var matrix: PackedMatrix
    /// `[outputs]`.
    var bias: [Float]
}

/// The learned parameters of one layer.
struct BertLayerWeights {
    /// `[3 · width, width]`: q, k and v under one another.
    var queryKeyValue: BiasedMatrix
    /// `[width, width]`.
    var attentionOutput: BiasedMatrix
    var attentionNorm: LayerNorm
    /// `[feedForwardWidth, width]`.
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
    /// `[contextLength, width]`.
    let positions: PackedMatrix
    /// `[types, width]`: type 0 is that of single texts and of the first of a pair, type 1 that of the second.
    let types: PackedMatrix
    let norm: LayerNorm
    let layers: [BertLayerWeights]
    /// Of cross-encoders; nil for those that make vectors.
    let classifier: BertClassifier?

    init(
        _ checkpoint: Checkpoint,
        _ configuration: EncoderConfiguration,
        workers: WorkerPool
    ) throws(ModelError) {
        var reader = BertReader(checkpoint, configuration, workers: workers)
        words = try reader.table("token_embd", "embeddings.word_embeddings", rows: configuration.vocabularySize)
        positions = try reader.table(
            "position_embd",
            "embeddings.position_embeddings",
            rows: configuration.contextLength
        )
        types = try reader.table(
            "token_types",
            "embeddings.token_type_embeddings",
            rows: configuration.tokenTypeCount
        )
        norm = try reader.norm("token_embd_norm", "embeddings.LayerNorm")
        classifier = try reader.classifier()
        var layers: [BertLayerWeights] = []
        for layer in 0..<configuration.layerCount {
            reader.enter(layer: layer)
            layers.append(try BertLayerWeights(&reader, configuration))
        }
        self.layers = layers
        try reader.requireAllUsed()
    }
}

extension BertLayerWeights {
    fileprivate init(_ reader: inout BertReader, _ configuration: EncoderConfiguration) throws(ModelError) {
        let (width, wide) = (configuration.width, configuration.feedForwardWidth)
        queryKeyValue = try reader.matrix(
            [
                ("attn_q", "attention.self.query"), ("attn_k", "attention.self.key"),
                ("attn_v", "attention.self.value"),
            ],
            outputs: width,
            inputs: width
        )
        attentionOutput = try reader.matrix(
            [("attn_output", "attention.output.dense")],
            outputs: width,
            inputs: width
        )
        attentionNorm = try reader.norm("attn_output_norm", "attention.output.LayerNorm")
        up = try reader.matrix([("ffn_up", "intermediate.dense")], outputs: wide, inputs: width)
        down = try reader.matrix([("ffn_down", "output.dense")], outputs: width, inputs: wide)
        outputNorm = try reader.norm("layer_output_norm", "output.LayerNorm")
    }
}

/// Fetches tensors under the name that the checkpoint's format gives them.
private struct BertReader {
    private var loader: WeightLoader
    private let checkpoint: Checkpoint
    private let configuration: EncoderConfiguration
    /// What stands before names: of folders that also predict words, `bert.`; then the layer's.
    private let root: String
    private var prefix: String

    init(_ checkpoint: Checkpoint, _ configuration: EncoderConfiguration, workers: WorkerPool) {
        loader = WeightLoader(checkpoint, source: .checkpoint, workers: workers)
        self.checkpoint = checkpoint
        self.configuration = configuration
        root = checkpoint.tensor("bert.embeddings.word_embeddings.weight") != nil ? "bert." : ""
        prefix = root
    }

    mutating func enter(layer: Int) {
        prefix = checkpoint.format == .gguf ? "blk.\(layer)." : "\(root)encoder.layer.\(layer)."
    }

    private func spell(_ gguf: String, _ folder: String) -> String {
        prefix + (checkpoint.format == .gguf ? gguf : folder)
    }

    mutating func table(_ gguf: String, _ folder: String, rows: Int) throws(ModelError) -> PackedMatrix {
        try loader.matrix([(spell(gguf, folder) + ".weight", rows)], inputs: configuration.width)
    }

    /// Matrices `[outputs, inputs]` under one another, with their biases.
    mutating func matrix(
        _ names: [(gguf: String, folder: String)],
        outputs: Int,
        inputs: Int
    ) throws(ModelError) -> BiasedMatrix {
        let names = names.map { spell($0.gguf, $0.folder) }
        var bias: [Float] = []
        for name in names { bias += try loader.vector(name + ".bias", count: outputs) }
        return BiasedMatrix(
            matrix: try loader.matrix(names.map { ($0 + ".weight", outputs) }, inputs: inputs),
            bias: bias
        )
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
            pooler: try matrix([("cls", "pooler.dense")], outputs: width, inputs: width),
            label: BiasedMatrix(
                matrix: try loader.matrix([(name + ".weight", 1)], inputs: width),
                bias: try loader.vector(name + ".bias", count: 1)
            )
        )
    }

    /// A layer norm; the first BERT folders call its gain gamma and its bias beta.
    mutating func norm(_ gguf: String, _ folder: String) throws(ModelError) -> LayerNorm {
        let name = spell(gguf, folder)
        let isOld = loader.has(name + ".gamma")
        return LayerNorm(
            gain: try loader.vector(name + (isOld ? ".gamma" : ".weight"), count: configuration.width),
            bias: try loader.vector(name + (isOld ? ".beta" : ".bias"), count: configuration.width),
            epsilon: configuration.normEpsilon
        )
    }

    /// Refuses tensors that nothing used, but for those that take no part in the vectors: positions written out, the layer
    /// over the first token that next sentences were guessed with, and the guessing of words.
    mutating func requireAllUsed() throws(ModelError) {
        loader.ignore(root + "embeddings.position_ids")
        for entry in checkpoint.tensors
        where entry.name.hasPrefix(root + "pooler.") || entry.name.hasPrefix("cls.predictions.")
            || entry.name.hasPrefix("cls.seq_relationship.")
        {
            loader.ignore(entry.name)
        }
        try loader.requireAllUsed()
    }
}
