/// Builds the parts of a tokenizer from its definition.
struct TokenizerBuilder {
    private let definition: TokenizerDefinition
    /// All pieces; of those with the same bytes, one that the model makes is found before an added one.
    let table: PieceTable

    init(_ definition: TokenizerDefinition) {
        self.definition = definition
        table = Self.table(of: definition) { _ in true }
    }

    /// A table of the pieces whose kind is wanted, normal ones first, then unused ones.
    static func table(of definition: TokenizerDefinition, _ wanted: (TokenKind) -> Bool) -> PieceTable {
        var table = PieceTable(definition.pieces)
        for pass in 0..<3 {
            for (id, kind) in definition.kinds.enumerated() where wanted(kind) {
                if (kind == .normal ? 0 : kind == .unused ? 1 : 2) == pass { table.add(id) }
            }
        }
        return table
    }

    var isByteLevel: Bool {
        if case .bytePairs(_, let options) = definition.model { options.isByteLevel } else { false }
    }

    func encoder() throws(TokenizerError) -> Tokenizer.Encoder {
        let unknown = definition.unknown?.rawValue
        switch definition.model {
        case .bytePairs(let merges, let options): return .ranked(rankedEncoder(merges, options))
        case .scoredPairs: return .scored(scoredEncoder())
        case .unigram:
            guard let unknown else { throw .missing(field: "unknown token") }
            return .unigram(
                UnigramEncoder(
                    pieces: definition.pieces,
                    scores: definition.scores,
                    kinds: definition.kinds,
                    unknown: unknown,
                    fallbackBytes: completeFallbackBytes()
                )
            )
        case .wordPiece(let wordPrefix, let insidePrefix, let longest):
            guard let unknown else { throw .missing(field: "unknown token") }
            return .wordPiece(
                WordPieceEncoder(
                    pieces: table,
                    wordPrefix: wordPrefix,
                    insidePrefix: insidePrefix,
                    unknown: unknown,
                    longestCharacterCount: longest
                )
            )
        }
    }

    private func rankedEncoder(
        _ merges: [TokenizerDefinition.Merge],
        _ options: TokenizerDefinition.BytePairOptions
    ) -> BytePairEncoder<RankedMerges> {
        var rule = RankedMerges(capacity: merges.count)
        for (rank, merge) in merges.enumerated() {
            rule.add(merge.left, merge.right, rank: UInt32(rank), result: merge.result)
        }
        let words = Self.table(of: definition) {
            $0 == .normal || $0 == .userDefined || ($0 == .unused && !options.isByteLevel)
        }
        return BytePairEncoder(
            rule: rule,
            pieces: words,
            options: BytePairEncoder.Options(
                symbols: options.isByteLevel ? .bytes : .characters,
                ignoresMerges: options.ignoresMerges,
                takesLineFeedsWhole: options.takesLineFeedsWhole,
                fusesUnknown: options.fusesUnknown,
                unknown: options.usesUnknown ? definition.unknown?.rawValue : nil,
                fallbackBytes: options.isByteLevel ? [] : fallbackBytes()
            )
        )
    }

    private func scoredEncoder() -> BytePairEncoder<ScoredMerges> {
        let words = Self.table(of: definition) { $0 == .normal || $0 == .unused || $0 == .userDefined }
        return BytePairEncoder(
            rule: ScoredMerges(pieces: words, scores: definition.scores),
            pieces: words,
            options: BytePairEncoder.Options(
                symbols: .characters,
                unknown: definition.unknown?.rawValue,
                fallbackBytes: fallbackBytes()
            )
        )
    }

    /// The byte tokens, -1 where there is none; empty when there are none at all.
    private func fallbackBytes() -> [Int32] {
        let ids = (0..<256).map { byte -> Int32 in
            guard let id = table.find(TokenizerDefinition.byteTokenName(byte)) else { return -1 }
            return definition.kinds[Int(id)] == .byte ? id : -1
        }
        return ids.contains { $0 >= 0 } ? ids : []
    }

    private func completeFallbackBytes() -> [Int32] {
        let ids = fallbackBytes()
        return ids.contains { $0 < 0 } ? [] : ids
    }

    // MARK: Words

    /// The definition's pre-tokenizer; for models that see `▁` for spaces, cut also before each word when that changes
    /// nothing, because no piece has `▁` after another character. Short words are found in the cache.
    func preTokenizer() -> PreTokenizer {
        var preTokenizer = definition.preTokenizer
        switch definition.model {
        case .bytePairs(_, let options) where options.isByteLevel: return preTokenizer
        case .wordPiece: return preTokenizer
        case .bytePairs, .scoredPairs, .unigram: break
        }
        guard !hasSpaceInside() else { return preTokenizer }
        let space = CharacterSet(ranges: .escapedSpace)
        let other = CharacterSet(ranges: .escapedSpace, inverted: true)
        preTokenizer.stages.append(
            .pattern(
                PatternSplit(alternatives: [
                    .run(CharacterRun(set: space, tail: other)), .run(CharacterRun(set: other)),
                ])
            )
        )
        return preTokenizer
    }

    private func hasSpaceInside() -> Bool {
        for (id, kind) in definition.kinds.enumerated() where kind == .normal || kind == .unused || kind == .userDefined
        {
            var hasOther = false
            var window: UInt32 = 0
            for (offset, byte) in definition.pieces[id].enumerated() {
                window = (window << 8 | UInt32(byte)) & 0xFF_FFFF
                if window == 0xE2_9681, offset >= 2 {
                    if hasOther { return true }
                } else if byte & 0xC0 != 0x80, byte != 0xE2 {
                    hasOther = true
                } else if byte & 0xC0 == 0x80, window != 0xE2_9681, window & 0xFFFF != 0xE296 {
                    hasOther = true
                }
            }
        }
        return false
    }

    // MARK: Texts

    /// What every token contributes to a text.
    func texts() -> PieceStore {
        var texts = PieceStore()
        let pieces = definition.pieces
        texts.reserve(pieces: pieces.count, bytes: pieces.count * 8)
        for (id, kind) in definition.kinds.enumerated() {
            let piece = pieces[id]
            if kind == .byte, let byte = TokenizerDefinition.byte(named: piece) {
                texts.append(CollectionOfOne(byte))
            } else if case .wordPiece(_, let inside, _) = definition.model, definition.decoding.joinsWords {
                texts.append(Self.wordText(piece, inside: inside))
            } else if definition.decoding.unescapesSpaces, kind != .control, piece.contains(0x96) {
                texts.append(Self.unescaped(piece))
            } else {
                texts.append(piece)
            }
        }
        return texts
    }

    private static func wordText(_ piece: ArraySlice<UInt8>, inside: String) -> [UInt8] {
        let prefix = Array(inside.utf8)
        if !prefix.isEmpty, piece.starts(with: prefix) { return Array(piece.dropFirst(prefix.count)) }
        return [0x20] + piece
    }

    private static func unescaped(_ piece: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in piece {
            result.append(byte)
            if byte == 0x81, result.suffix(3).elementsEqual([0xE2, 0x96, 0x81]) {
                result.removeLast(3)
                result.append(0x20)
            }
        }
        return result
    }
}
