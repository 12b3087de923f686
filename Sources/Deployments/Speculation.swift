import Checkpoints
import Foundation
import Inference
import Models
import Tensors

/// How a deployment guesses tokens to answer faster. Answers are the same, to the bit, whatever it is.
package enum Speculation: Sendable, Equatable {
    /// Not at all.
    case off
    /// That a text goes on as it did where it last ran the same way.
    case lookup
    /// What a smaller model says: a GGUF file or Hugging Face folder with the same tokens.
    ///
    /// `stored` is what the store knows of it; nil for a path of the user's own.
    case draftModel(path: String, stored: StoredModel?)
}

extension Deployment {
    /// What guesses tokens for `target`.
    ///
    /// A draft model runs on the target's compute threads, with a cache of its own for as many tokens as the target's
    /// context has, four times.
    static func makeDrafter(
        for target: ModelTraits,
        workers: WorkerPool,
        _ configuration: DeploymentConfiguration
    ) throws(DeploymentError) -> sending (any Drafter)? {
        switch configuration.speculation {
        case .off: return nil
        case .lookup: return LookupDrafter()
        case .draftModel(let path, let stored):
            let checkpoint = try openCheckpoint(path)
            let context = min(target.contextLength, checkpoint.configuration.contextLength)
            var draft = configuration
            draft.contextLength = context
            draft.cacheElementType = CacheShape.standardElementType(for: configuration.instructionSet)
            draft.packs?.stored = stored
            draft.mergedAdapter = nil
            draft.name = "The draft model \((path as NSString).lastPathComponent)"
            let served = try ServedCheckpoint(checkpoint, draft, on: workers)
            let model = try loadDecoder(served, draft, workers: workers)
            let traits = model.traits
            if traits.vocabularySize != target.vocabularySize {
                throw .modelUnavailable(
                    message: """
                        The draft model \(path) has \(traits.vocabularySize) tokens, \(configuration.name) has \
                        \(target.vocabularySize). A draft model must have the same ones.
                        """
                )
            }
            let blockSize = 32
            let blockCount = 4 * ((context + blockSize - 1) / blockSize + 1)
            let bytes = blockCount * blockSize * traits.cacheBytesPerToken
            if !ReservedMemory.isAvailable(bytes: bytes) {
                let refused = ModelError.memoryRefused(bytes: bytes, purpose: "the draft model's cache")
                throw .modelUnavailable(message: refused.description + " Lower --context-length.")
            }
            return ModelDrafter(
                model: model,
                tokenCost: Double(traits.parameterCount) / Double(max(target.parameterCount, 1)),
                blockCount: blockCount,
                blockSize: blockSize
            )
        }
    }
}
