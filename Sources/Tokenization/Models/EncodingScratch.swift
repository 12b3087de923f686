/// Memory that encoding a text needs, kept from one call to the next.
///
/// The parts used for every word are plain memory of fixed size: their use needs no check for exclusive access.
/// Unchecked: one call at a time owns a scratch. `Tokenizer` hands it out under a lock and takes it back.
final class EncodingScratch: @unchecked Sendable {
    /// Symbols of a word of up to `shortCount` characters, the priority of each with the next, and what they make.
    let shortSymbols = UnsafeMutablePointer<MergeSymbol>.allocate(capacity: shortCount)
    let priorities = UnsafeMutablePointer<UInt32>.allocate(capacity: shortCount)
    let merged = UnsafeMutablePointer<Int32>.allocate(capacity: shortCount)
    /// Symbols of a longer word.
    var symbols: [MergeSymbol] = []
    var heap: [MergeCandidate] = []
    let cache = WordCache()
    var path: [UnigramStep] = []

    /// Up to this many symbols the best pair is sought by looking at all; above, in a heap.
    static let shortCount = 40
    /// Elements of a list that are kept for the next word.
    static let keptCount = 1 << 15

    /// Lets lists go that a very long word has made.
    func trim() {
        if symbols.capacity > Self.keptCount { symbols = [] }
        if heap.capacity > Self.keptCount { heap = [] }
        if path.capacity > Self.keptCount { path = [] }
    }

    deinit {
        shortSymbols.deallocate()
        priorities.deallocate()
        merged.deallocate()
    }
}

/// A part of a word while merges join it with its neighbours. Offsets count from the beginning of the word.
struct MergeSymbol {
    var start: Int32
    /// Bytes; 0 when the symbol was joined to the one before.
    var length: Int32
    /// The piece it is, or -1 when the vocabulary has none such.
    var id: Int32
    var previous: Int32
    var next: Int32
}

/// A possible merge of the symbol `left` with the one after it.
struct MergeCandidate {
    /// Priority in the upper half, index of the left symbol in the lower: the smallest key is merged first.
    var key: UInt64
    var right: Int32
    /// Bytes of both together: when they have others, one of the two has changed since.
    var length: Int32
    var id: Int32
}

/// The tokens of short words that were seen before.
///
/// Fixed size, one place a word: a new word takes the place of the old one. Words are kept whole, so a collision costs
/// time but never gives a wrong answer.
final class WordCache {
    fileprivate struct Entry {
        var low: UInt64 = 0
        /// The last bytes, and in the top byte the length of the word, which is never 0 in use.
        var high: UInt64 = 0
        var ids = SIMD4<Int32>.zero
        var count: Int32 = 0
    }

    /// Longest word that is kept, in bytes.
    static let longestByteCount = 15
    private static let longestTokenCount = 4
    fileprivate static let bits: UInt64 = 14

    private let entries: UnsafeMutablePointer<Entry>

    init() {
        entries = .allocate(capacity: 1 << Int(Self.bits))
        entries.initialize(repeating: Entry(), count: 1 << Int(Self.bits))
    }

    deinit { entries.deallocate() }

    /// A word as the cache compares it.
    struct Key {
        var low: UInt64
        var high: UInt64

        @inline(__always)
        init(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) {
            let count = end - start
            let raw = UnsafeRawBufferPointer(text)
            if start + 16 <= raw.count {
                low = raw.loadUnaligned(fromByteOffset: start, as: UInt64.self)
                high = raw.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self)
                if count < 8 {
                    low &= (1 << UInt64(count * 8)) - 1
                    high = 0
                } else {
                    high &= (1 << UInt64((count - 8) * 8)) - 1
                }
            } else {
                low = 0
                high = 0
                for offset in 0..<count {
                    let byte = UInt64(text[start + offset])
                    if offset < 8 {
                        low |= byte << UInt64(offset * 8)
                    } else {
                        high |= byte << UInt64((offset - 8) * 8)
                    }
                }
            }
            high |= UInt64(count) << 56
        }

        @inline(__always)
        fileprivate var index: Int {
            let mixed = (low ^ high &* 0x9FB2_1C65_1E98_DF25) &* 0xD6E8_FEB8_6659_FD93
            return Int(truncatingIfNeeded: ((mixed ^ mixed >> 32) &* 0x9E37_79B9_7F4A_7C15) >> (64 - WordCache.bits))
        }
    }

    /// Appends the tokens of the word, if it is known, and says whether it is.
    @inline(__always)
    func append(_ key: Key, to output: inout [TokenID]) -> Bool {
        let entry = entries[key.index]
        guard entry.low == key.low, entry.high == key.high else { return false }
        output.append(TokenID(rawValue: entry.ids[0]))
        if entry.count > 1 {
            for index in 1..<Int(entry.count) { output.append(TokenID(rawValue: entry.ids[index])) }
        }
        return true
    }

    /// Keeps the tokens of a word, unless they are too many.
    func store(_ key: Key, _ tokens: ArraySlice<TokenID>) {
        guard !tokens.isEmpty, tokens.count <= Self.longestTokenCount else { return }
        var entry = Entry(low: key.low, high: key.high, count: Int32(tokens.count))
        for (offset, token) in tokens.enumerated() { entry.ids[offset] = token.rawValue }
        entries[key.index] = entry
    }
}
