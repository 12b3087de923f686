import Models
import Testing
import Tokenization

@testable import Inference

@Suite struct PrefixCacheTests {
    private let content = tokens(1, 2)
    private let hasher = BlockHasher(seed: 1)
    private var root: BlockHash { hasher.root(salt: nil) }
    private var hash: BlockHash { hasher.hash(content[...], after: root) }

    /// Three blocks, of which block 1 holds `content`.
    private func filledCache() -> PrefixCache {
        var cache = PrefixCache(blockCount: 3, blockSize: 2, hasher: hasher)
        cache.register(BlockID(rawValue: 1), as: hash, holding: content[...], after: root)
        return cache
    }

    @Test func `a registered block is found by its content and its parent`() {
        let cache = filledCache()
        #expect(cache.block(hash, holding: content[...], after: root) == BlockID(rawValue: 1))
        #expect(cache.holds(BlockID(rawValue: 1)) == true)
        #expect(cache.count == 1)
        #expect(cache.invariantViolations() == [])
    }

    @Test func `a hash that collides is no hit because tokens and parent are compared`() {
        let cache = filledCache()
        #expect(cache.block(hash, holding: tokens(1, 3)[...], after: root) == nil)
        #expect(cache.block(hash, holding: content[...], after: BlockHash(first: 1, second: 2)) == nil)
    }

    @Test func `a forgotten block is not found`() {
        var cache = filledCache()
        cache.forget(BlockID(rawValue: 1))
        cache.forget(BlockID(rawValue: 1))
        #expect(cache.block(hash, holding: content[...], after: root) == nil)
        #expect(cache.count == 0)
    }

    @Test func `the first of two blocks with the same content stays the one that is found`() {
        var cache = filledCache()
        cache.register(BlockID(rawValue: 2), as: hash, holding: content[...], after: root)
        #expect(cache.block(hash, holding: content[...], after: root) == BlockID(rawValue: 1))
        #expect(cache.holds(BlockID(rawValue: 2)) == false)
        cache.forget(BlockID(rawValue: 2))
        #expect(cache.block(hash, holding: content[...], after: root) == BlockID(rawValue: 1))
    }

    @Test func `salt, key, order and place in the chain all change the hash`() {
        #expect(hash == BlockHasher(seed: 1).hash(tokens(0, 1, 2)[1...], after: root))
        #expect(hash != hasher.hash(tokens(2, 1)[...], after: root))
        #expect(hash != hasher.hash(tokens(1, 2)[...], after: hash))
        #expect(hash != hasher.hash(tokens(1, 2, 0)[...], after: root))
        #expect(hash != BlockHasher(seed: 2).hash(tokens(1, 2)[...], after: BlockHasher(seed: 2).root(salt: nil)))
        #expect(root != hasher.root(salt: ""))
        #expect(hasher.root(salt: "a") != hasher.root(salt: "b"))
        #expect(hasher.root(salt: "a") != hasher.root(salt: nil, adapter: "a"))
        #expect(hasher.root(salt: "a", adapter: "b") != hasher.root(salt: "b", adapter: "a"))
        #expect(BlockHasher().root(salt: nil) != BlockHasher().root(salt: nil))
    }

    @Test func `a hundred thousand short blocks have as many different hashes in each lane`() {
        let hasher = BlockHasher(seed: 3)
        let root = hasher.root(salt: nil)
        var first: Set<UInt64> = []
        var second: Set<UInt64> = []
        for index in 0..<100_000 {
            let hash = hasher.hash(tokens(index % 317, index / 317)[...], after: root)
            first.insert(hash.first)
            second.insert(hash.second)
        }
        #expect(first.count == 100_000)
        #expect(second.count == 100_000)
    }
}
