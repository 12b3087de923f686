import Foundation
import JSON

/// What an encoder must know about itself besides its weights, from GGUF metadata or a `config.json`.
package struct EncoderConfiguration: Sendable, Equatable {
    /// The family, such as `bert`.
    package var architecture: String
    /// Positions that have an embedding.
    package var contextLength: Int
    /// Rows of the embedding table.
    package var vocabularySize: Int
    /// Elements of the residual stream.
    package var width: Int
    package var layerCount: Int
    /// Divides `width`.
    package var headCount: Int
    /// Elements between the two halves of the feed-forward part.
    package var feedForwardWidth: Int
    /// Added to the variance in layer norms.
    package var normEpsilon: Float
    /// Rows of the table of token types.
    package var tokenTypeCount: Int
    /// The feed-forward's activation as Hugging Face calls it; `gelu` is the exact one.
    package var hiddenActivation: String

    /// Elements of one head.
    package var headWidth: Int { width / headCount }
}

extension Checkpoint {
    /// The architectures that turn a text into vectors and write no text.
    package static let encoderFamilies: Set<String> = ["bert"]

    /// Whether the model is an encoder, so that `encoderConfiguration` can be read.
    package var isEncoder: Bool { Self.encoderFamilies.contains(configuration.architecture) }

    /// The configuration of an encoder; throws when a setting is missing, out of range or asks for another arithmetic.
    package func encoderConfiguration() throws(CheckpointError) -> EncoderConfiguration {
        if let gguf { return try EncoderConfiguration(gguf) }
        guard let folder, let settings = try ModelFolder(path: folder.path).settings("config.json") else {
            throw .notFound(path: "config.json")
        }
        return try EncoderConfiguration(settings)
    }
}

extension EncoderConfiguration {
    /// Source: the keys that llama.cpp's converter writes, `gguf-py/gguf/constants.py`.
    fileprivate init(_ gguf: GGUFFile) throws(CheckpointError) {
        let settings = try GGUFSettings(gguf)
        func count(_ name: String) throws(CheckpointError) -> Int {
            guard let count = try settings.count(name) else {
                throw .missingKey(file: settings.file, key: settings.key(name))
            }
            return count
        }
        func rows(_ tensor: String) -> Int? {
            gguf.tensors.first { $0.name == tensor }.flatMap { $0.shape.count == 2 ? $0.shape[0] : nil }
        }
        if settings.metadata[settings.key("attention.causal")]?.boolValue == true {
            throw settings.invalid("attention.causal", "is true, which an encoder's cannot be")
        }
        guard let epsilon = try settings.positiveFloat("attention.layer_norm_epsilon") else {
            throw .missingKey(file: settings.file, key: settings.key("attention.layer_norm_epsilon"))
        }
        guard let vocabulary = rows("token_embd.weight") else {
            throw .missingTensor(name: "token_embd.weight", file: settings.file)
        }
        self.init(
            architecture: settings.architecture,
            contextLength: try count("context_length"),
            vocabularySize: vocabulary,
            width: try count("embedding_length"),
            layerCount: try count("block_count"),
            headCount: try count("attention.head_count"),
            feedForwardWidth: try count("feed_forward_length"),
            normEpsilon: epsilon,
            tokenTypeCount: rows("token_types.weight") ?? 1,
            hiddenActivation: "gelu"
        )
        try checkHeads { settings.invalid("attention.head_count", $0) }
    }

    /// Source: `BertConfig` of Hugging Face `transformers`, whose default values count where a file leaves a key out.
    fileprivate init(_ settings: JSONSettings) throws(CheckpointError) {
        if let kind = try settings.string("position_embedding_type"), kind != "absolute" {
            throw settings.invalid("position_embedding_type", "is \(kind), which is not supported")
        }
        if try settings.bool("is_decoder") == true {
            throw settings.invalid("is_decoder", "is true, which an encoder's cannot be")
        }
        self.init(
            architecture: try settings.require(try settings.string("model_type"), "model_type"),
            contextLength: try settings.count("max_position_embeddings") ?? 512,
            vocabularySize: try settings.count("vocab_size") ?? 30_522,
            width: try settings.count("hidden_size") ?? 768,
            layerCount: try settings.count("num_hidden_layers") ?? 12,
            headCount: try settings.count("num_attention_heads") ?? 12,
            feedForwardWidth: try settings.count("intermediate_size") ?? 3072,
            normEpsilon: try settings.positiveFloat("layer_norm_eps") ?? 1e-12,
            tokenTypeCount: try settings.count("type_vocab_size") ?? 2,
            hiddenActivation: try settings.string("hidden_act") ?? "gelu"
        )
        try checkHeads { settings.invalid("num_attention_heads", $0) }
    }

    private func checkHeads(_ error: (String) -> CheckpointError) throws(CheckpointError) {
        if width % headCount != 0 { throw error("is \(headCount), which does not divide the width \(width)") }
    }
}
