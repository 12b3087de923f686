import Models
import Tokenization

/// A request inside the scheduler: its tokens, how many of them are computed, and the blocks that hold those.
struct TokenSequence {
    let id: RequestID
    let promptCount: Int
    let maxTokens: Int
    let endingTokens: Set<TokenID>
    let priority: Int
    /// Whom it is computed for.
    let client: ServiceCounters.Index
    /// The client's part of the machine as against others'.
    let weight: Double
    /// Place in the order of submission.
    var arrival: UInt64 = 0
    /// Whether the logits of every prompt position are wanted. Such a sequence takes nothing from the prefix cache.
    let wantsPromptLogits: Bool
    /// What changes the model for it.
    let adapter: Adapter?
    /// The parent hash of the first block.
    let rootHash: BlockHash

    /// Prompt and answer so far.
    private(set) var tokens: [TokenID]
    /// Tokens whose keys and values are in the blocks; catches up with `tokens.count`.
    var computedCount = 0
    /// Blocks held, in order of position; empty while waiting.
    var blocks: [BlockID] = []
    /// Hashes of the full blocks of `tokens`.
    private(set) var hashes: [BlockHash] = []
    /// Blocks from the first on that have been offered to the prefix cache or came from it.
    var registeredCount = 0
    /// Blocks up to which `BlockLedger` counts this sequence's hashes, from `registeredCount` on.
    var pendingEnd = 0
    /// The block another sequence is computing that this one waits for.
    var awaitedHash: BlockHash?
    /// The restore from disk that it waits for, holding its blocks; it has no rows until then.
    var restoreTicket: UInt64?
    /// Whether it has been admitted before.
    var hasStarted = false
    /// Whether the logits of the whole prompt have been computed.
    var hasPromptLogits = false
    /// Tokens of the prompt, from its first on, that its client has been charged for or got from a cache.
    private var bookedCount = 0

    /// Tokens of an answer that memory is set aside for.
    private static let expectedTokens = 4096

    init(_ request: GenerationRequest, client: ServiceCounters.Index, hasher: BlockHasher, blockSize: Int) {
        id = request.id
        promptCount = request.prompt.count
        maxTokens = request.maxTokens
        endingTokens = request.endingTokens
        priority = request.priority
        self.client = client
        weight = request.weight
        wantsPromptLogits = request.promptLogprobCount != nil
        adapter = request.adapter
        rootHash = hasher.root(salt: request.cacheSalt, adapter: request.adapter?.fingerprint)
        tokens = request.prompt
        // So that steps need not: longer answers double their memory now and then.
        let expected = promptCount + min(maxTokens, Self.expectedTokens)
        tokens.reserveCapacity(expected)
        hashes.reserveCapacity(expected / blockSize)
        blocks.reserveCapacity(expected / blockSize + 1)
        extendHashes(hasher: hasher, blockSize: blockSize)
    }

    /// Tokens not computed yet; at least 1 between steps.
    var missingCount: Int { tokens.count - computedCount }

    /// Tokens generated.
    var outputCount: Int { tokens.count - promptCount }

    /// Whether the next row must yield logits for every token of it.
    var isCollectingPromptLogits: Bool { wantsPromptLogits && !hasPromptLogits }

    /// Blocks counted as about to be computed.
    var pendingIndices: Range<Int> { registeredCount..<max(registeredCount, pendingEnd) }

    /// Blocks a cache hit may cover: the last token must be computed in any case, and logits cannot be cached.
    func hittableCount(blockSize: Int) -> Int { isCollectingPromptLogits ? 0 : (tokens.count - 1) / blockSize }

    /// The hash of the chain before block `index`.
    func parentHash(ofBlock index: Int) -> BlockHash { index == 0 ? rootHash : hashes[index - 1] }

    /// Whether it stands before `other` in the waiting queue.
    func precedes(_ other: TokenSequence) -> Bool { (priority, arrival) < (other.priority, other.arrival) }

    /// Books the tokens of the prompt that are computed with those up to `end`; how many of them were not booked before.
    mutating func bookPrompt(upTo end: Int) -> Int {
        let first = max(bookedCount, computedCount)
        bookedCount = max(first, min(end, promptCount))
        return bookedCount - first
    }

    /// Appends a drawn token; the reason when it is the last one.
    mutating func append(_ token: TokenID, hasher: BlockHasher, blockSize: Int) -> FinishReason? {
        tokens.append(token)
        extendHashes(hasher: hasher, blockSize: blockSize)
        if endingTokens.contains(token) { return .stop(token) }
        return outputCount >= maxTokens ? .length : nil
    }

    private mutating func extendHashes(hasher: BlockHasher, blockSize: Int) {
        while (hashes.count + 1) * blockSize <= tokens.count {
            let start = hashes.count * blockSize
            let parent = parentHash(ofBlock: hashes.count)
            hashes.append(hasher.hash(tokens[start..<start + blockSize], after: parent))
        }
    }
}
