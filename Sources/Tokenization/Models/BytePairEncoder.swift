/// Byte-pair encoding of words, with merges by rank or by score, over bytes or over characters.
struct BytePairEncoder<Rule: MergeRule>: Sendable {
    /// What a word is before anything is joined.
    enum Symbols: Sendable, Equatable {
        /// Its bytes.
        case bytes
        /// Its characters.
        case characters
    }

    struct Options: Sendable, Equatable {
        var symbols: Symbols = .bytes
        /// Whether a word that is a piece is taken whole, whatever the merges say.
        var ignoresMerges = false
        /// The same for words of line feeds only.
        var takesLineFeedsWhole = false
        /// Whether unknown tokens next to each other become one.
        var fusesUnknown = false
        /// The token for what the vocabulary lacks; without one it is dropped.
        var unknown: Int32?
        /// The tokens of single bytes, `-1` where there is none: for characters that are no piece.
        var fallbackBytes: [Int32] = []
    }

    private let rule: Rule
    /// The pieces that a word or a character may be.
    private let pieces: PieceTable
    private let options: Options
    /// The piece of each single byte, or -1.
    private let byteIDs: [Int32]
    /// Whether what the vocabulary lacks is left out before anything is joined, so that its neighbours may be.
    private let dropsMissing: Bool

    init(rule: Rule, pieces: PieceTable, options: Options) {
        self.rule = rule
        self.pieces = pieces
        self.options = options
        dropsMissing = options.symbols == .bytes && options.unknown == nil && options.fallbackBytes.isEmpty
        byteIDs = (0..<256).map { pieces.find([UInt8($0)]) ?? -1 }
    }

    /// Appends the tokens of the word `start..<end`.
    @inline(__always)
    func encode(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ scratch: EncodingScratch,
        into output: inout [TokenID]
    ) {
        guard end - start <= WordCache.longestByteCount else {
            return encodeAfresh(text, from: start, to: end, scratch, into: &output)
        }
        let key = WordCache.Key(text, from: start, to: end)
        if scratch.cache.append(key, to: &output) { return }
        let first = output.count
        encodeAfresh(text, from: start, to: end, scratch, into: &output)
        scratch.cache.store(key, output[first...])
    }

    private func encodeAfresh(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ scratch: EncodingScratch,
        into output: inout [TokenID]
    ) {
        let word = UnsafeBufferPointer(rebasing: text[start..<min(end, start + Self.longestWordBytes)])
        if takesWhole(word), let id = pieces.find(word) {
            output.append(TokenID(rawValue: id))
        } else {
            if word.count <= EncodingScratch.shortCount {
                mergeShort(word, scratch, into: &output)
            } else {
                scratch.symbols.removeAll(keepingCapacity: true)
                forEachSymbol(word) { scratch.symbols.append($0) }
                if !scratch.symbols.isEmpty { scratch.symbols[scratch.symbols.count - 1].next = -1 }
                PairMerging.mergeLong(rule, word, scratch)
                for symbol in scratch.symbols { append(symbol, word, into: &output) }
            }
        }
        if start + word.count < end {
            encodeAfresh(text, from: start + word.count, to: end, scratch, into: &output)
        }
    }

    @inline(__always)
    private func takesWhole(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        options.ignoresMerges || (options.takesLineFeedsWhole && word.allSatisfy { $0 == 10 })
    }

    /// Offsets in a word are 32 bits; a longer word is cut.
    private static var longestWordBytes: Int { 1 << 30 }

    private func mergeShort(
        _ word: UnsafeBufferPointer<UInt8>,
        _ scratch: EncodingScratch,
        into output: inout [TokenID]
    ) {
        var count = 0
        forEachSymbol(word) { symbol in
            scratch.shortSymbols[count] = symbol
            count += 1
        }
        count = PairMerging.mergeShort(rule, word, scratch, count: count)
        for index in 0..<count { append(scratch.shortSymbols[index], word, into: &output) }
    }

    /// The symbols of a word before anything is joined, linked in order as if another followed.
    @inline(__always)
    private func forEachSymbol(_ word: UnsafeBufferPointer<UInt8>, _ body: (MergeSymbol) -> Void) {
        var position = 0
        var index: Int32 = 0
        while position < word.count {
            var length = 1
            var id = byteIDs[Int(word[position])]
            if options.symbols == .characters, word[position] >= 0x80 {
                length = UTF8Decoding.scalar(word, at: position, end: word.count).length
                id = pieces.find(UnsafeBufferPointer(rebasing: word[position..<(position + length)])) ?? -1
            }
            if id < 0, dropsMissing {
                position += length
                continue
            }
            let start = Int32(position)
            body(MergeSymbol(start: start, length: Int32(length), id: id, previous: index - 1, next: index + 1))
            position += length
            index += 1
        }
    }

    @inline(__always)
    private func append(
        _ symbol: MergeSymbol,
        _ word: UnsafeBufferPointer<UInt8>,
        into output: inout [TokenID]
    ) {
        if symbol.id >= 0 {
            output.append(TokenID(rawValue: symbol.id))
        } else {
            appendMissing(symbol, word, into: &output)
        }
    }

    /// What the vocabulary lacks: its bytes if there is a token for each of them, else the unknown token.
    private func appendMissing(
        _ symbol: MergeSymbol,
        _ word: UnsafeBufferPointer<UInt8>,
        into output: inout [TokenID]
    ) {
        let bytes = word[Int(symbol.start)..<Int(symbol.start + symbol.length)]
        if !options.fallbackBytes.isEmpty, bytes.allSatisfy({ options.fallbackBytes[Int($0)] >= 0 }) {
            for byte in bytes { output.append(TokenID(rawValue: options.fallbackBytes[Int(byte)])) }
        } else if let unknown = options.unknown {
            let token = TokenID(rawValue: unknown)
            if !options.fusesUnknown || output.last != token { output.append(token) }
        }
    }
}
