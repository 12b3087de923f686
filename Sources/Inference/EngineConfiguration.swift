package import Models

/// How much of everything one step may hold.
package struct StepLimits: Sendable, Equatable {
    /// Most new tokens in one step, prefill and decode together: the bound on a step's duration.
    package let tokensPerStep: Int
    /// Most sequences that hold blocks at a time.
    package let maxRunning: Int
    /// Most requests in the waiting queue. A preempted one returns there even when it is full.
    package let maxWaiting: Int
    /// Most rows of logits in one step: the bound on the logits buffer. At least `maxRunning`, since every running
    /// sequence may want one; the rest serves requests that want the prompt's log probabilities.
    package let logitRowsPerStep: Int

    /// 512 tokens a step, 64 running, 256 waiting.
    package static let standard = StepLimits()

    /// - Parameter logitRowsPerStep: nil takes 64, or `maxRunning` where that is more.
    package init(
        tokensPerStep: Int,
        maxRunning: Int = 64,
        maxWaiting: Int = 256,
        logitRowsPerStep: Int? = nil
    ) throws(ConfigurationError) {
        let logitRows = logitRowsPerStep ?? max(64, maxRunning)
        try ConfigurationError.require("tokensPerStep", tokensPerStep, in: 1...65_536)
        try ConfigurationError.require("maxRunning", maxRunning, in: 1...4_096)
        try ConfigurationError.require("maxWaiting", maxWaiting, in: 1...1_048_576)
        try ConfigurationError.require("logitRowsPerStep", logitRows, in: maxRunning...65_536)
        self.tokensPerStep = tokensPerStep
        self.maxRunning = maxRunning
        self.maxWaiting = maxWaiting
        self.logitRowsPerStep = logitRows
    }

    private init() {
        tokensPerStep = 512
        maxRunning = 64
        maxWaiting = 256
        logitRowsPerStep = 64
    }
}

/// How large the KV cache is.
package enum CacheSize: Sendable, Equatable {
    /// Number of blocks.
    case blocks(Int)
    /// Bytes; as many whole blocks as fit.
    case bytes(Int)
}

/// Settings of an engine.
package struct EngineConfiguration: Sendable, Equatable {
    /// Room for keys and values; the default is 1 GiB.
    package let cacheSize: CacheSize
    /// Tokens in a block. Only whole blocks are shared between requests, so smaller ones share more.
    package let blockSize: Int
    package let limits: StepLimits
    /// Most alternatives a request may ask for beside a token's log probability.
    package let logprobLimit: Int
    /// How long a running answer should wait for its next token while prompts are read; nil for as long as it takes.
    package var tokenGapLimit: Duration? = Self.standardTokenGapLimit
    /// Whose turn it is among requests of one priority.
    package var scheduling = Scheduling.fair
    /// Most tokens a drafter may guess for a sequence in one step.
    package let draftLimit: Int

    /// A gigabyte of cache in blocks of 32 tokens, standard limits, up to 20 alternatives.
    package static let standard = EngineConfiguration()

    package init(
        cacheSize: CacheSize,
        blockSize: Int = 32,
        limits: StepLimits = .standard,
        logprobLimit: Int = 20,
        draftLimit: Int = Self.standardDraftLimit
    ) throws(ConfigurationError) {
        switch cacheSize {
        case .blocks(let count): try ConfigurationError.require("cacheSize in blocks", count, in: 1...16_777_216)
        case .bytes(let bytes): try ConfigurationError.require("cacheSize in bytes", bytes, in: 1...(1 << 46))
        }
        try ConfigurationError.require("blockSize", blockSize, in: 1...1_024)
        try ConfigurationError.require("logprobLimit", logprobLimit, in: 0...1_000)
        self.cacheSize = cacheSize
        self.blockSize = blockSize
        self.limits = limits
        try ConfigurationError.require("draftLimit", draftLimit, in: 1...64)
        self.logprobLimit = logprobLimit
        self.draftLimit = draftLimit
    }

    /// A tenth of a second: short enough to read along.
    package static let standardTokenGapLimit = Duration.milliseconds(100)

    /// Longer runs of right guesses than this gain little more.
    package static let standardDraftLimit = 16

    private init() {
        cacheSize = .bytes(1 << 30)
        blockSize = 32
        limits = .standard
        logprobLimit = 20
        draftLimit = Self.standardDraftLimit
    }

    /// Number of blocks for a model, never more than `maxRunning` sequences of full length could fill.
    package func blockCount(for traits: ModelTraits) throws(ConfigurationError) -> Int {
        switch cacheSize {
        case .blocks(let count):
            return count
        case .bytes(let bytes):
            let blockBytes = blockSize * traits.cacheBytesPerToken
            let count = bytes / max(blockBytes, 1)
            if count < 1 { throw .cacheTooSmall(bytes: bytes, blockBytes: blockBytes) }
            let sequenceBlocks = (traits.contextLength + blockSize - 1) / blockSize
            return min(count, sequenceBlocks * limits.maxRunning, 16_777_216)
        }
    }
}

/// A setting that cannot work.
package enum ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A number is outside its bounds.
    case outOfRange(name: String, value: Int, bounds: ClosedRange<Int>)
    /// The cache does not hold a single block.
    case cacheTooSmall(bytes: Int, blockBytes: Int)
    /// The system has no address space for the cache.
    case cacheNotReserved(bytes: Int)

    package var description: String {
        switch self {
        case .outOfRange(let name, let value, let bounds):
            "\(name) is \(value), but must be from \(bounds.lowerBound) to \(bounds.upperBound)."
        case .cacheTooSmall(let bytes, let blockBytes):
            "A KV cache of \(bytes) bytes holds no block; one block of this model takes \(blockBytes) bytes."
        case .cacheNotReserved(let bytes):
            "The system refuses to reserve \(bytes) bytes for the KV cache. Ask for a smaller one, or raise the limit on "
                + "address space (ulimit -v)."
        }
    }

    static func require(_ name: String, _ value: Int, in bounds: ClosedRange<Int>) throws(ConfigurationError) {
        if !bounds.contains(value) { throw .outOfRange(name: name, value: value, bounds: bounds) }
    }
}
