package import Models
package import Tokenization

/// Finds blocks whose keys and values are computed already, by what they and everything before them hold.
///
/// Only full blocks are registered. A block stays registered while it is held and, once free, until the pool hands it
/// out again. A hit compares the block's tokens and its parent's hash, so a wrong hit needs a collision of all 128
/// bits of an ancestor under a secret key.
package struct PrefixCache: ~Copyable {
    /// Tokens in a block.
    package let blockSize: Int
    /// How block hashes are made.
    package let hasher: BlockHasher
    private var blockOfHash: [BlockHash: BlockID] = [:]
    /// `[blocks]`: what each block is registered as.
    private var entries: [Entry?]
    /// `[blocks, blockSize]`: the tokens of registered blocks.
    private var tokens: [TokenID]

    private struct Entry {
        var hash: BlockHash
        var parent: BlockHash
    }

    package init(blockCount: Int, blockSize: Int, hasher: BlockHasher = BlockHasher()) {
        precondition(blockSize > 0, "PrefixCache: blocks of \(blockSize) tokens")
        self.blockSize = blockSize
        self.hasher = hasher
        blockOfHash.reserveCapacity(blockCount)
        entries = Array(repeating: nil, count: blockCount)
        tokens = Array(repeating: TokenID(rawValue: 0), count: blockCount * blockSize)
    }

    /// Number of blocks that can be hit.
    package var count: Int { blockOfHash.count }

    /// Whether the block can be hit.
    package func holds(_ block: BlockID) -> Bool { entries[Int(block.rawValue)] != nil }

    /// What the block is registered as; nil when it is not.
    package func content(of block: BlockID) -> BlockContent? {
        let index = Int(block.rawValue)
        guard let entry = entries[index] else { return nil }
        let held = Array(tokens[index * blockSize..<(index + 1) * blockSize])
        return BlockContent(hash: entry.hash, parent: entry.parent, tokens: held)
    }

    /// The block that holds `content` after the chain named `parent`; nil when none does.
    package func block(_ hash: BlockHash, holding content: ArraySlice<TokenID>, after parent: BlockHash) -> BlockID? {
        guard let block = blockOfHash[hash], entries[Int(block.rawValue)]?.parent == parent else { return nil }
        let start = Int(block.rawValue) * blockSize
        return tokens[start..<start + blockSize].elementsEqual(content) ? block : nil
    }

    /// Makes a full block available to others. Does nothing when another block holds the same.
    package mutating func register(
        _ block: BlockID,
        as hash: BlockHash,
        holding content: ArraySlice<TokenID>,
        after parent: BlockHash
    ) {
        precondition(content.count == blockSize, "PrefixCache: \(content.count) tokens are not a block of \(blockSize)")
        let index = Int(block.rawValue)
        precondition(entries[index] == nil, "PrefixCache: block \(index) is registered already")
        if blockOfHash[hash] != nil { return }
        blockOfHash[hash] = block
        entries[index] = Entry(hash: hash, parent: parent)
        tokens.replaceSubrange(index * blockSize..<(index + 1) * blockSize, with: content)
    }

    /// Forgets what a block holds, if it is registered.
    package mutating func forget(_ block: BlockID) {
        guard let entry = entries[Int(block.rawValue)] else { return }
        entries[Int(block.rawValue)] = nil
        blockOfHash[entry.hash] = nil
    }

    /// What is wrong with the cache's books, in words; empty when nothing is. Linear.
    package func invariantViolations() -> [String] {
        var violations: [String] = []
        var registeredCount = 0
        for (index, entry) in entries.enumerated() {
            guard let entry else { continue }
            registeredCount += 1
            if blockOfHash[entry.hash] != BlockID(rawValue: Int32(index)) {
                violations.append("block \(index) is registered under a hash that leads elsewhere")
            }
            let content = tokens[index * blockSize..<(index + 1) * blockSize]
            if hasher.hash(content, after: entry.parent) != entry.hash {
                violations.append("block \(index) does not hold what its hash says")
            }
        }
        if registeredCount != blockOfHash.count { violations.append("a hash leads to a block that is not registered") }
        return violations
    }
}
