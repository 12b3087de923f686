import Foundation
import JSON

/// What an encoder must know about itself besides its weights, from GGUF metadata or a `config.json`.
package struct EncoderConfiguration: Sendable, Equatable {
    /// The family as GGUF files call it.
    package var architecture: String
    /// Positions that the model was made for.
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
    /// Rows of the table of token types; 0 where there is none.
    package var tokenTypeCount: Int
    /// The feed-forward's activation as Hugging Face calls it; `gelu` is the exact one.
    package var hiddenActivation: String
    /// Whether the activation's result multiplies a second projection (Shazeer, arXiv:2002.05202).
    package var gatesFeedForward = false
    /// Whether a layer's norms stand before attention and feed-forward, not after them.
    package var normsFirst = false
    /// nil where positions have embeddings.
    package var rotation: EncoderRotation?

    /// Elements of one head.
    package var headWidth: Int { width / headCount }
}

/// Positions that turn queries and keys (RoPE, arXiv:2104.09864) by elements i and i + half of a head.
package struct EncoderRotation: Sendable, Equatable {
    /// θ of the layers that see all of a text.
    package var base: Float
    /// nil where all layers do.
    package var window: EncoderWindow?
}

/// What layers see that do not see all of a text.
package struct EncoderWindow: Sendable, Equatable {
    /// Tokens to either side.
    package var reach: Int
    /// θ of these layers.
    package var base: Float
    /// With `p`, layers 0, p, 2p, … see all.
    package var period: Int

    /// Whether a layer sees only the window.
    package func isLocal(layer: Int) -> Bool { layer % period != 0 }
}

extension Checkpoint {
    /// The architectures that turn a text into vectors and write no text, as GGUF files call them.
    package static let encoderFamilies: Set<String> = ["bert", "nomic-bert", "modern-bert"]

    /// Whether the model is an encoder, so that `encoderConfiguration` can be read.
    package var isEncoder: Bool { Self.encoderFamilies.contains(configuration.architecture) }

    /// The configuration of an encoder; throws when a setting is missing, out of range or asks for another arithmetic.
    package func encoderConfiguration() throws(CheckpointError) -> EncoderConfiguration {
        let architecture = configuration.architecture
        let (found, file) = try readEncoderConfiguration(architecture)
        if found.rotation != nil, configuration.rope.scaling != .none || configuration.rope.localScaling != .none {
            throw .invalidValue(file: file, key: "rope_scaling", problem: "is there, which encoders are not run with")
        }
        return found
    }

    private func readEncoderConfiguration(
        _ architecture: String
    ) throws(CheckpointError) -> (EncoderConfiguration, file: String) {
        if let gguf { return (try EncoderConfiguration(gguf), gguf.path) }
        guard let folder, let settings = try ModelFolder(path: folder.path).settings("config.json") else {
            throw .notFound(path: "config.json")
        }
        switch architecture {
        case "nomic-bert": return (try EncoderConfiguration(nomicBert: settings), settings.file)
        case "modern-bert": return (try EncoderConfiguration(modernBert: settings), settings.file)
        default: return (try EncoderConfiguration(bert: settings), settings.file)
        }
    }
}

extension EncoderConfiguration {
    /// Throws unless heads divide the width into even parts where they are turned.
    func checkHeads(_ error: (String) -> CheckpointError) throws(CheckpointError) {
        if width % headCount != 0 { throw error("is \(headCount), which does not divide the width \(width)") }
        if rotation != nil, headWidth % 2 != 0 { throw error("is \(headCount), which makes heads of \(headWidth)") }
    }
}
