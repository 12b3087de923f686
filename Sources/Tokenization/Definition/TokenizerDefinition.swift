/// What a piece of a vocabulary is for.
package enum TokenKind: UInt8, Sendable, Equatable {
    case normal
    /// Stands for what the vocabulary lacks.
    case unknown
    /// Has no text of its own: the beginning or end of something.
    case control
    /// Added to the vocabulary as it stands; found in a text before the model sees it.
    case userDefined
    case unused
    /// One byte, written `<0x0A>`.
    case byte
}

/// All that a tokenizer is, whichever file it was read from. `Tokenizer` is built from it.
///
/// Ids are positions in `pieces`. `check` holds for every definition from a file: the arrays are equally long and every
/// id is one of them.
struct TokenizerDefinition: Sendable {
    /// A merge: two pieces that become a third.
    struct Merge: Sendable, Equatable {
        var left: Int32
        var right: Int32
        var result: Int32
    }

    enum Model: Sendable {
        /// Byte-pair encoding with merges, the first learnt first.
        case bytePairs([Merge], BytePairOptions)
        /// SentencePiece's BPE, by the scores of the pieces.
        case scoredPairs
        case unigram
        case wordPiece(wordPrefix: String, insidePrefix: String, longestCharacterCount: Int)
    }

    struct BytePairOptions: Sendable, Equatable {
        /// Whether pieces are bytes in the byte alphabet; else they are plain text.
        var isByteLevel = true
        var ignoresMerges = false
        var takesLineFeedsWhole = false
        var fusesUnknown = false
        /// Whether `unknown` stands for what the vocabulary lacks.
        var usesUnknown = false
    }

    /// What becomes of pieces when tokens are put together to a text.
    struct Decoding: Sendable, Equatable {
        /// Whether `▁` is a space.
        var unescapesSpaces = false
        /// Whether one space at the beginning of the text is dropped.
        var dropsFirstSpace = false
        /// Whether pieces that begin a word get a space before, and those inside lose `insidePrefix` (WordPiece).
        var joinsWords = false
    }

    /// The text of each piece as the file has it, or its bytes when the model is byte-level.
    var pieces = PieceStore()
    var scores: [Float] = []
    var kinds: [TokenKind] = []
    var addedTokens: [AddedToken] = []
    var model: Model = .scoredPairs
    var normalizer: [NormalizerStep] = []
    var preTokenizer = PreTokenizer(stages: [])
    var decoding = Decoding()
    /// Tokens before every text.
    var prefix: [TokenID] = []
    /// Tokens after every text.
    var suffix: [TokenID] = []
    var bos: TokenID?
    var eos: TokenID?
    var padding: TokenID?
    var unknown: TokenID?
    var endOfGeneration: Set<TokenID> = []

    /// More pieces than any vocabulary has; ids must fit into 32 bits.
    static let largestPieceCount = 1 << 24

    /// Checks what the rest relies on.
    func check() throws(TokenizerError) {
        let count = pieces.count
        guard count > 0 else { throw .invalid(field: "tokens", reason: "the vocabulary is empty") }
        guard count <= Self.largestPieceCount else {
            throw .invalid(field: "tokens", reason: "\(count) tokens are more than \(Self.largestPieceCount)")
        }
        guard kinds.count == count, scores.isEmpty || scores.count == count else {
            throw .invalid(field: "scores or token_type", reason: "there is not one for each of \(count) tokens")
        }
        for token in addedTokens {
            guard !token.content.isEmpty, token.content.count <= AddedTokenMatcher.longestByteCount else {
                throw .invalid(
                    field: "added_tokens",
                    reason: "token \(token.id) has \(token.content.count) bytes, not 1 to "
                        + "\(AddedTokenMatcher.longestByteCount)"
                )
            }
        }
        let named = [bos, eos, padding, unknown].compactMap(\.self) + prefix + suffix + addedTokens.map(\.id)
        for id in named + Array(endOfGeneration) where id.rawValue < 0 || Int(id.rawValue) >= count {
            throw .invalid(field: "special token", reason: "id \(id) is not one of \(count) tokens")
        }
    }
}

extension TokenizerDefinition {
    /// Appends the piece of the next id, whose kind is set. Of a byte-level vocabulary, a normal piece becomes the bytes
    /// it stands for; one that has characters beyond the byte alphabet is unused, because no text leads to it.
    mutating func append(_ text: String, at id: Int, isByteLevel: Bool) {
        let written = Array(text.utf8)
        guard isByteLevel, kinds[id] == .normal else { return pieces.append(written) }
        if let bytes = ByteAlphabet.bytes(of: written) {
            pieces.append(bytes)
        } else {
            pieces.append(written)
            kinds[id] = .unused
        }
    }

    /// `<0x0A>` for 10.
    static func byteTokenName(_ byte: Int) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15]] + Array(">".utf8)
    }

    /// The byte that a piece such as `<0x0A>` names.
    static func byte(named piece: some Collection<UInt8>) -> UInt8? {
        let bytes = Array(piece)
        guard bytes.count == 6, bytes.starts(with: "<0x".utf8), bytes[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: bytes[3...4], as: UTF8.self), radix: 16)
    }
}
