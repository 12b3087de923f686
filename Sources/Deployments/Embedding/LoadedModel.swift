import Checkpoints
package import Foundation
import Inference
import Models
import Tensors
package import Tokenization

/// What a configuration became: a model that writes, or one that turns texts into vectors.
package enum LoadedModel: Sendable {
    case text(Deployment)
    case embedding(EmbeddingDeployment)

    /// The names requests may use, the model's own first.
    package var names: [String] {
        switch self {
        case .text(let deployment): deployment.names
        case .embedding(let embedder): [embedder.name] + embedder.aliases
        }
    }

    /// The names of its variants, each the model's with an adapter's behind a colon.
    package var variantNames: [String] {
        switch self {
        case .text(let deployment): deployment.variantNames
        case .embedding: []
        }
    }

    /// Whether `name` is that of one of its variants.
    package func hasVariant(_ name: String) -> Bool {
        switch self {
        case .text(let deployment): deployment.adapterName(forModel: name) != nil
        case .embedding: false
        }
    }

    /// When the model was loaded.
    package var created: Date {
        switch self {
        case .text(let deployment): deployment.created
        case .embedding(let embedder): embedder.created
        }
    }

    package var tokenizer: Tokenizer {
        switch self {
        case .text(let deployment): deployment.tokenizer
        case .embedding(let embedder): embedder.tokenizer
        }
    }

    /// Most tokens of a prompt with its answer, or of a text with those around it.
    package var contextLength: Int {
        switch self {
        case .text(let deployment): deployment.contextLength
        case .embedding(let embedder): embedder.contextLength
        }
    }

    /// Loads what `configuration` describes. Encoders, and every model that it says is to embed, become embedders. Blocks
    /// for as long as loading takes.
    package static func load(_ configuration: DeploymentConfiguration) throws(DeploymentError) -> LoadedModel {
        if !configuration.isEmbedder {
            // Opening reads the head of the file only; it is opened again to be loaded.
            guard try Deployment.openCheckpoint(configuration.path).isEncoder else {
                return .text(try Deployment.load(configuration))
            }
        }
        return .embedding(try EmbeddingDeployment.load(configuration))
    }
}

extension EmbeddingDeployment {
    /// Opens the checkpoint, packs its weights and starts an engine. Blocks for as long as that takes.
    package static func load(_ configuration: DeploymentConfiguration) throws(DeploymentError) -> EmbeddingDeployment {
        if configuration.mergedAdapter != nil || !configuration.adapters.isEmpty {
            throw .modelUnavailable(
                message: "\(configuration.name) turns texts into vectors here, and takes no adapters."
            )
        }
        if let asked = configuration.contextLength, asked < 1 {
            throw .modelUnavailable(
                message: "A context of \(asked) tokens was asked for; \(configuration.name) reads at least 1."
            )
        }
        let checkpoint = try Deployment.openCheckpoint(configuration.path)
        let tokenizer = try Deployment.loadTokenizer(checkpoint)
        let engine: EmbeddingEngine
        if checkpoint.isEncoder {
            if let type = configuration.weightType {
                configuration.notice(
                    "\(configuration.name) is an encoder: its weights stay as they are, not \(type.name)."
                )
            }
            engine = EmbeddingEngine(model: try loadEncoder(checkpoint, configuration))
            checkpoint.releasePages()
        } else {
            let workers = WorkerPool(threadCount: configuration.threadCount)
            let served = try ServedCheckpoint(checkpoint, configuration, on: workers)
            let decoder = try Deployment.loadDecoder(served, configuration, workers: workers)
            engine = EmbeddingEngine(model: try embedder(decoder, checkpoint, configuration))
        }
        return EmbeddingDeployment(
            identity: DeploymentIdentity(name: configuration.name, aliases: configuration.aliases),
            tokenizer: tokenizer,
            engine: engine,
            path: configuration.path
        )
    }

    private static func loadEncoder(
        _ checkpoint: Checkpoint,
        _ configuration: DeploymentConfiguration
    ) throws(DeploymentError) -> sending BertEncoder {
        let workers = WorkerPool(threadCount: configuration.threadCount)
        let compute = Compute(instructionSet: configuration.instructionSet, workers: workers)
        do throws(ModelError) {
            return try BertEncoder(checkpoint, compute: compute, contextLength: configuration.contextLength)
        } catch {
            throw .modelUnavailable(message: error.description)
        }
    }

    private static func embedder(
        _ decoder: sending Decoder,
        _ checkpoint: Checkpoint,
        _ configuration: DeploymentConfiguration
    ) throws(DeploymentError) -> sending DecoderEmbedder {
        let pooling: Pooling?
        do {
            pooling = try checkpoint.pooling()
        } catch {
            throw .modelUnavailable(message: error.description)
        }
        do {
            return try DecoderEmbedder(decoder, pooling: pooling, contextLength: configuration.contextLength)
        } catch {
            throw .modelUnavailable(message: error.description)
        }
    }
}
