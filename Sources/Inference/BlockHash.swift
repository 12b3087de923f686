package import Tokenization

/// Names the content of a block and of everything before it: 128 bits over the chain of blocks.
package struct BlockHash: Hashable, Sendable {
    package var first: UInt64
    package var second: UInt64

    package init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }
}

/// Computes block hashes with a secret key, so that a client cannot look for prompts that collide.
///
/// Two multiply-and-fold lanes of 64 bits with keys of their own. They are no cryptographic hash; what makes a crafted
/// collision hopeless is that the key is known to nobody who sends requests and that a hit compares the tokens as well.
package struct BlockHasher: Sendable {
    /// Two words for each lane.
    private let keys: (UInt64, UInt64, UInt64, UInt64)

    /// A hasher with a random key.
    package init() {
        var random = SystemRandomNumberGenerator()
        keys = (random.next(), random.next(), random.next(), random.next())
    }

    /// A hasher whose key follows from `seed`: for tests that must repeat.
    package init(seed: UInt64) {
        func key(_ index: UInt64) -> UInt64 { BitMixer.mix(seed &+ index &* BitMixer.golden) }
        keys = (key(1), key(2), key(3), key(4))
    }

    /// A hasher whose key follows from a secret of 32 bytes and the form of the blocks: the same after a restart, and
    /// another for every model.
    init(secret: [UInt8], form: CacheForm.Digest) {
        precondition(secret.count == 32, "BlockHasher: a secret of \(secret.count) bytes")
        func key(_ index: UInt64) -> UInt64 {
            let word = secret.withUnsafeBytes { ContentChecksum.of($0, seed: form.first &+ index) }
            return BitMixer.fold(word ^ form.second, word | 1) ^ BitMixer.rotate(word)
        }
        keys = (key(1), key(2), key(3), key(4))
    }

    /// The parent of a sequence's first block: requests whose salts or adapters differ share nothing.
    ///
    /// - Parameter adapter: the fingerprint of what changes the model; nil for the model as it is.
    package func root(salt: String?, adapter: String? = nil) -> BlockHash {
        var state = BlockHash(first: keys.0, second: keys.2)
        if let adapter { absorb(adapter, kind: 2, into: &state) }
        if let salt { absorb(salt, kind: 1, into: &state) }
        return state
    }

    /// Absorbs a text that no other kind of text can stand for.
    private func absorb(_ text: String, kind: UInt64, into state: inout BlockHash) {
        absorb(kind, into: &state)
        for byte in text.utf8 { absorb(UInt64(byte) | kind << 8, into: &state) }
    }

    /// The hash of a block that holds `tokens` and follows the block named `parent`.
    package func hash(_ tokens: ArraySlice<TokenID>, after parent: BlockHash) -> BlockHash {
        var state = parent
        absorb(UInt64(tokens.count) | 0x200_0000_0000, into: &state)
        for token in tokens { absorb(UInt64(UInt32(bitPattern: token.rawValue)) | 0x100_0000_0000, into: &state) }
        return state
    }

    private func absorb(_ word: UInt64, into state: inout BlockHash) {
        state.first = BitMixer.fold(state.first ^ word ^ keys.0, keys.1 | 1) ^ BitMixer.rotate(state.first)
        state.second = BitMixer.fold(state.second ^ word ^ keys.2, keys.3 | 1) ^ BitMixer.rotate(state.second)
    }
}

/// Arithmetic that spreads every input bit over the whole word.
enum BitMixer {
    /// 2⁶⁴ divided by the golden ratio, odd: a step that visits every word.
    static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The finaliser of SplitMix64; Steele, Lea & Flood, *Fast Splittable Pseudorandom Number Generators*, 2014.
    static func mix(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// High and low half of the 128-bit product, added without carry.
    static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    static func rotate(_ word: UInt64) -> UInt64 { (word << 23) | (word >> 41) }
}
