package import Models
package import Tokenization

/// What a full block holds, by name: enough to find it again and to know that it is the right one.
package struct BlockContent: Sendable, Equatable {
    package var hash: BlockHash
    /// The hash of the chain before it.
    package var parent: BlockHash
    /// The block's tokens.
    package var tokens: [TokenID]

    package init(hash: BlockHash, parent: BlockHash, tokens: [TokenID]) {
        self.hash = hash
        self.parent = parent
        self.tokens = tokens
    }
}

/// A block of the KV cache and what it holds, or is to hold.
package struct PlacedBlock: Sendable, Equatable {
    package var block: BlockID
    package var content: BlockContent

    package init(block: BlockID, content: BlockContent) {
        self.block = block
        self.content = content
    }
}

/// Blocks that are to be read from disk for one request: a piece of a chain, in its order.
package struct BlockRestore: Sendable, Equatable {
    /// Tells this restore from others of the same request.
    package var ticket: UInt64
    package var blocks: [PlacedBlock]

    package init(ticket: UInt64, blocks: [PlacedBlock]) {
        self.ticket = ticket
        self.blocks = blocks
    }
}

/// What the disk has done; the blocks named are the engine's again.
package enum DiskReport: Sendable, Equatable {
    /// Nobody reads these blocks any more; whether they were kept is the disk's business.
    case saved([BlockID])
    /// The first `count` blocks of a restore hold what they should.
    case restored(ticket: UInt64, count: Int)
}
