package import Tensors

/// One KV cache block: an index into every layer's block storage.
///
/// A type of its own so that a block and a token cannot be mixed up.
package struct BlockID: RawRepresentable, Hashable, Sendable {
    /// Index of the block, from 0 up to the cache's block count.
    package var rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }
}

/// What a caller may know of a model without running it.
package struct ModelTraits: Sendable, Equatable {
    /// Name of the architecture, as checkpoints spell it: `llama`, `qwen2`, …
    package var architecture: String
    /// Rows of the output projection: every logit row has this many floats.
    package var vocabularySize: Int
    /// Most tokens, prompt and answer together, that the positions of the model reach.
    package var contextLength: Int
    /// Bytes of KV cache for one token over all layers.
    package var cacheBytesPerToken: Int
    /// How keys and values are kept, in words: blocks of caches with different words are not exchangeable.
    package var cacheLayout = ""
    /// Number of learned parameters.
    package var parameterCount: Int
    /// What its steps compute and read; nil where nobody has counted.
    package var costs: DecoderCosts?

    package init(
        architecture: String,
        vocabularySize: Int,
        contextLength: Int,
        cacheBytesPerToken: Int,
        parameterCount: Int
    ) {
        self.architecture = architecture
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.cacheBytesPerToken = cacheBytesPerToken
        self.parameterCount = parameterCount
    }
}

/// A decoder that turns batches of token rows into logits, over a paged KV cache that it owns.
///
/// Used by one thread at a time. Rows never influence each other: what a row yields depends on its own tokens and the
/// cache blocks it names, to the bit, whatever else is in the batch and however its prefill was cut into chunks.
package protocol LanguageModel: AnyObject {
    /// Sizes and limits, fixed for the life of the model.
    var traits: ModelTraits { get }

    /// Reserves the KV cache. Call once, before the first `forward`.
    ///
    /// - Parameters:
    ///   - blockCount: number of blocks; ids run from 0.
    ///   - blockSize: tokens a block holds.
    func allocateCache(blockCount: Int, blockSize: Int)

    /// Commits memory for `block`, which is to be taken next, and some behind it: what waits for a step must not wait for that.
    /// Call between steps.
    func commitCache(ahead block: BlockID)

    /// Where the cache's blocks lie; nil before `allocateCache`, and for a model whose blocks cannot be kept.
    var cacheBlocks: CacheBlockMemory? { get }

    /// The threads that compute steps, for work between them; nil where there are none to share.
    var workers: WorkerPool? { get }

    /// What the model is computed with; what comes after it is not to use more.
    var instructionSet: InstructionSet { get }

    /// Runs one step: writes K and V of every new token into the rows' blocks and computes the logits asked for.
    ///
    /// - Returns: `[sum of logitCount, vocabulary]`, valid until the next call.
    func forward(_ batch: ForwardBatch) -> Logits

    /// Lets go of what the last step was computed under, its adapters. Call when nothing is left to compute.
    func rest()
}

extension LanguageModel {
    /// Nothing: the model's blocks cost nothing to write first.
    package func commitCache(ahead block: BlockID) {}

    /// Nothing: a step leaves nothing behind.
    package func rest() {}

    /// None: the model's blocks stay where they are.
    package var cacheBlocks: CacheBlockMemory? { nil }

    /// None: what lies between steps is done by whoever runs them.
    package var workers: WorkerPool? { nil }

    /// The fastest that the processor has.
    package var instructionSet: InstructionSet { .detected }
}
