import Models

/// Which sequence holds which blocks, what can be found in them, and what is about to be.
///
/// Puts `BlockPool` and `PrefixCache` together: the scheduler asks for room and for prefixes and never sees a free
/// list.
///
/// Not copyable, as the pool is not.
package struct BlockLedger: ~Copyable {
    /// Tokens in a block.
    package let blockSize: Int
    /// The blocks, and how many sequences hold each.
    package private(set) var pool: BlockPool
    /// What can be found in them.
    package private(set) var cache: PrefixCache
    /// What the disk cache is to do with the blocks; nil without one.
    var disk: DiskLedger?
    /// The full blocks that running sequences are about to compute, and how many of them do.
    private var pendingHashes: [BlockHash: Int] = [:]

    init(blockCount: Int, blockSize: Int, hasher: BlockHasher, usesDisk: Bool) {
        self.blockSize = blockSize
        disk = usesDisk ? DiskLedger(blockCount: blockCount) : nil
        pool = BlockPool(blockCount: blockCount)
        cache = PrefixCache(blockCount: blockCount, blockSize: blockSize, hasher: hasher)
    }

    /// Blocks that hold `tokenCount` tokens.
    func blockCount(forTokens tokenCount: Int) -> Int { (tokenCount + blockSize - 1) / blockSize }

    /// Whether a running sequence is about to compute the block of this hash.
    func isPending(_ hash: BlockHash) -> Bool { pendingHashes[hash] != nil }

    /// The blocks of the sequence that are computed already, from its first on.
    ///
    /// Never all of them: the last token must be computed in any case, for its logits.
    func cachedPrefix(of sequence: borrowing TokenSequence) -> [BlockID] {
        var hits: [BlockID] = []
        for index in 0..<sequence.hittableCount(blockSize: blockSize) {
            let content = sequence.tokens[index * blockSize..<(index + 1) * blockSize]
            let parent = sequence.parentHash(ofBlock: index)
            guard let block = cache.block(sequence.hashes[index], holding: content, after: parent) else { break }
            hits.append(block)
        }
        return hits
    }

    /// Whether the sequence can have blocks for all its tokens and leave `spareCount` free ones.
    func hasRoom(for sequence: borrowing TokenSequence, hits: [BlockID], spareCount: Int) -> Bool {
        let newCount = blockCount(forTokens: sequence.tokens.count) - hits.count
        let freeHitCount = hits.count { pool.holderCount(of: $0) == 0 }
        return newCount + freeHitCount + spareCount <= pool.freeCount
    }

    /// Lets the sequence hold `hits` and free blocks for the rest of its tokens. There must be room.
    mutating func enter(_ sequence: inout TokenSequence, hits: [BlockID]) {
        for block in hits { pool.retain(block) }
        // In place: the memory was set aside when the request came.
        sequence.blocks.removeAll(keepingCapacity: true)
        sequence.blocks.append(contentsOf: hits)
        sequence.computedCount = hits.count * blockSize
        sequence.registeredCount = hits.count
        sequence.pendingEnd = sequence.hashes.count
        for hash in sequence.hashes[hits.count...] { pendingHashes[hash, default: 0] += 1 }
        let fits = reserve(&sequence, tokenCount: sequence.tokens.count)
        precondition(fits, "BlockLedger: blocks counted as free were not")
    }

    /// Lets the sequence hold blocks for its first `tokenCount` tokens; false when too few are free.
    mutating func reserve(_ sequence: inout TokenSequence, tokenCount: Int) -> Bool {
        while sequence.blocks.count < blockCount(forTokens: tokenCount) {
            guard let block = pool.allocate() else { return false }
            cache.forget(block)
            sequence.blocks.append(block)
        }
        return true
    }

    /// Lets the sequence hold blocks for its first `tokenCount` tokens, as far as `spareCount` blocks stay free.
    ///
    /// - Returns: the tokens its blocks hold then.
    mutating func extend(_ sequence: inout TokenSequence, tokenCount: Int, spareCount: Int) -> Int {
        let capacity = sequence.blocks.count * blockSize
        let wantedCount = max(0, blockCount(forTokens: tokenCount) - sequence.blocks.count)
        let newCount = min(wantedCount, max(0, pool.freeCount - spareCount))
        let fits = reserve(&sequence, tokenCount: newCount > 0 ? capacity + newCount * blockSize : 0)
        precondition(fits, "BlockLedger: blocks counted as free were not")
        return sequence.blocks.count * blockSize
    }

    /// Takes back the blocks behind those of the sequence's tokens. Nothing can have been found in them.
    mutating func trim(_ sequence: inout TokenSequence) {
        while sequence.blocks.count > blockCount(forTokens: sequence.tokens.count) {
            pool.release(sequence.blocks.removeLast(), keepsContent: false)
        }
    }

    /// Offers the blocks that have become full to the prefix cache.
    mutating func registerFullBlocks(of sequence: inout TokenSequence) {
        while (sequence.registeredCount + 1) * blockSize <= sequence.computedCount {
            let index = sequence.registeredCount
            cache.register(
                sequence.blocks[index],
                as: sequence.hashes[index],
                holding: sequence.tokens[index * blockSize..<(index + 1) * blockSize],
                after: sequence.parentHash(ofBlock: index)
            )
            if index < sequence.pendingEnd { removePending(sequence.hashes[index]) }
            disk?.offer(sequence.blocks[index])
            sequence.registeredCount += 1
        }
    }

    /// Takes the sequence's blocks back; those that are registered can still be hit until they are reused.
    mutating func release(_ sequence: inout TokenSequence) {
        // From the end: a prefix is shared more often than what follows it, so it should be reused last.
        for block in sequence.blocks.reversed() { pool.release(block, keepsContent: cache.holds(block)) }
        for index in sequence.pendingIndices { removePending(sequence.hashes[index]) }
        sequence.blocks.removeAll(keepingCapacity: true)
        sequence.computedCount = 0
        sequence.registeredCount = 0
        sequence.pendingEnd = 0
    }

    /// Takes the sequence's blocks back and makes sure that nobody hits what they hold.
    mutating func discard(_ sequence: inout TokenSequence) {
        disk?.forget(sequence.hashes)
        for block in sequence.blocks { cache.forget(block) }
        release(&sequence)
    }

    /// Lets the disk cache hold a block beside those who hold it already.
    mutating func holdForDisk(_ block: BlockID) {
        pool.retain(block)
        disk?.hold(block)
    }

    /// Takes back a block that the disk cache held.
    mutating func releaseFromDisk(_ block: BlockID) {
        disk?.release(block)
        pool.release(block, keepsContent: cache.holds(block))
    }

    private mutating func removePending(_ hash: BlockHash) {
        let count = pendingHashes[hash] ?? 0
        precondition(count > 0, "BlockLedger: a block that nobody computes is no longer pending")
        pendingHashes[hash] = count > 1 ? count - 1 : nil
    }

    /// What is wrong with the books, in words, given the sequences that hold blocks. Linear in blocks and tokens.
    func invariantViolations(running: [TokenSequence]) -> [String] {
        var violations = pool.invariantViolations() + cache.invariantViolations()
        var holders = Array(repeating: 0, count: pool.blockCount)
        var pending: [BlockHash: Int] = [:]
        for sequence in running {
            for block in sequence.blocks { holders[Int(block.rawValue)] += 1 }
            for index in sequence.pendingIndices { pending[sequence.hashes[index], default: 0] += 1 }
            // A block that is still being written must have one writer and no reader.
            for block in sequence.blocks.dropFirst(sequence.registeredCount)
            where pool.holderCount(of: block) != 1 + (disk?.holdCount(of: block) ?? 0) {
                violations.append("block \(block.rawValue) is written by one request and held by another")
            }
            if sequence.blocks.count < blockCount(forTokens: sequence.computedCount) {
                violations.append("request \(sequence.id) has computed more tokens than its blocks hold")
            }
        }
        for (block, count) in disk?.heldBlocks ?? [:] { holders[Int(block.rawValue)] += count }
        for block in 0..<pool.blockCount where holders[block] != pool.holderCount(of: BlockID(rawValue: Int32(block))) {
            violations.append("block \(block) has \(holders[block]) holders, not those the pool counts")
        }
        if pending != pendingHashes { violations.append("pending blocks are not those that running sequences compute") }
        return violations
    }
}
