import Checkpoints

extension TokenizerDefinition {
    /// The tokenizer that GGUF metadata describe, with the defaults that llama.cpp's readers of the format expect.
    init(gguf metadata: [String: GGUFValue]) throws(TokenizerError) {
        let reader = GGUFTokenizerReader(metadata)
        self.init()
        guard let model = metadata["tokenizer.ggml.model"]?.stringValue else {
            throw .missing(field: "tokenizer.ggml.model")
        }
        switch model {
        case "gpt2": self = try reader.bytePairs(name: reader.string("pre"))
        case "gemma4": self = try reader.bytePairs(name: "gemma4")
        case "llama": self = try reader.scoredPairs()
        case "t5": self = try reader.unigram()
        case "bert": self = try reader.wordPiece()
        default: throw .unsupported(component: "tokenizer model", name: model)
        }
    }
}

/// Reads the keys `tokenizer.ggml.…`.
private struct GGUFTokenizerReader {
    private let metadata: [String: GGUFValue]

    init(_ metadata: [String: GGUFValue]) { self.metadata = metadata }

    func string(_ key: String) -> String? { metadata["tokenizer.ggml.\(key)"]?.stringValue }

    private func flag(_ key: String, _ fallback: Bool) -> Bool {
        metadata["tokenizer.ggml.\(key)"]?.boolValue ?? fallback
    }

    /// A special token's id; one that is no token counts as absent.
    private func token(_ key: String, default fallback: Int? = nil, of count: Int) -> TokenID? {
        let id = metadata["tokenizer.ggml.\(key)_token_id"]?.intValue ?? fallback
        guard let id, id >= 0, id < count else { return nil }
        return TokenID(id)
    }

    // MARK: Models

    func bytePairs(name: String?) throws(TokenizerError) -> TokenizerDefinition {
        let named = try NamedPreTokenizer.named(name)
        var definition = try vocabulary(isByteLevel: !named.isPlainText)
        guard let merges = metadata["tokenizer.ggml.merges"]?.strings else {
            throw .missing(field: "tokenizer.ggml.merges")
        }
        definition.model = .bytePairs(
            try MergeReader(definition, isByteLevel: !named.isPlainText).merges(merges),
            TokenizerDefinition.BytePairOptions(
                isByteLevel: !named.isPlainText,
                ignoresMerges: named.ignoresMerges,
                takesLineFeedsWhole: named.isPlainText
            )
        )
        definition.preTokenizer = named.preTokenizer
        definition.normalizer = named.normalizer
        if named.isPlainText {
            definition.normalizer = Self.spaceNormalizer(addsPrefix: flag("add_space_prefix", false))
            definition.decoding.unescapesSpaces = true
        }
        readSpecialTokens(&definition, defaults: SpecialDefaults(addsBOS: named.addsBOS))
        return definition
    }

    func scoredPairs() throws(TokenizerError) -> TokenizerDefinition {
        var definition = try vocabulary(isByteLevel: false)
        guard !definition.scores.isEmpty else { throw .missing(field: "tokenizer.ggml.scores") }
        let addsPrefix = flag("add_space_prefix", true)
        definition.model = .scoredPairs
        definition.normalizer = Self.spaceNormalizer(addsPrefix: addsPrefix)
        definition.decoding = TokenizerDefinition.Decoding(unescapesSpaces: true, dropsFirstSpace: addsPrefix)
        readSpecialTokens(&definition, defaults: SpecialDefaults(bos: 1, eos: 2, unknown: 0, addsBOS: true))
        return definition
    }

    func unigram() throws(TokenizerError) -> TokenizerDefinition {
        var definition = try vocabulary(isByteLevel: false)
        guard !definition.scores.isEmpty else { throw .missing(field: "tokenizer.ggml.scores") }
        definition.model = .unigram
        if let map = metadata["tokenizer.ggml.precompiled_charsmap"]?.integers, !map.isEmpty {
            definition.normalizer.append(
                .characterMap(try PrecompiledCharacterMap(map.map { UInt8(truncatingIfNeeded: $0) }))
            )
        }
        let rules = NormalizerStep.SpaceRules(
            addsPrefix: flag("add_space_prefix", true),
            removesExtra: flag("remove_extra_whitespaces", true),
            isSuffix: flag("treat_whitespace_as_suffix", false)
        )
        definition.normalizer.append(.spaces(rules))
        definition.decoding = TokenizerDefinition.Decoding(unescapesSpaces: true, dropsFirstSpace: rules.addsPrefix)
        readSpecialTokens(&definition, defaults: SpecialDefaults(eos: 1, unknown: 2, padding: 0, addsEOS: true))
        return definition
    }

    func wordPiece() throws(TokenizerError) -> TokenizerDefinition {
        var definition = try vocabulary(isByteLevel: false)
        definition.model = .wordPiece(wordPrefix: "▁", insidePrefix: "", longestCharacterCount: 100)
        let lowercases = flag("normalizer.lowercase", true)
        definition.normalizer = [
            .bert(
                NormalizerStep.BertCleaning(
                    stripsAccents: flag("normalizer.strip_accents", lowercases),
                    lowercases: lowercases
                )
            )
        ]
        definition.preTokenizer = .bert
        definition.decoding = TokenizerDefinition.Decoding(unescapesSpaces: true, dropsFirstSpace: true)
        let count = definition.pieces.count
        readSpecialTokens(&definition, defaults: SpecialDefaults(bos: 101, eos: 102, unknown: 100, padding: 0))
        definition.bos = token("cls", of: count) ?? definition.bos
        definition.eos = token("seperator", of: count) ?? definition.eos
        definition.prefix = [definition.bos].compactMap(\.self)
        definition.suffix = [definition.eos].compactMap(\.self)
        return definition
    }

    private static func spaceNormalizer(addsPrefix: Bool) -> [NormalizerStep] {
        let escape = NormalizerStep.replace([0x20], with: Array("▁".utf8))
        return addsPrefix ? [.prepend([0x20], .always), escape] : [escape]
    }

    // MARK: Vocabulary

    private func vocabulary(isByteLevel: Bool) throws(TokenizerError) -> TokenizerDefinition {
        guard let tokens = metadata["tokenizer.ggml.tokens"]?.strings else {
            throw .missing(field: "tokenizer.ggml.tokens")
        }
        var definition = TokenizerDefinition()
        definition.kinds = try kinds(count: tokens.count)
        if let scores = metadata["tokenizer.ggml.scores"]?.floats {
            guard scores.count >= tokens.count else {
                throw .invalid(
                    field: "tokenizer.ggml.scores",
                    reason: "there are \(scores.count) for \(tokens.count) tokens"
                )
            }
            definition.scores = Array(scores.prefix(tokens.count))
        }
        definition.pieces.reserve(pieces: tokens.count, bytes: tokens.count * 8)
        for (id, token) in tokens.enumerated() {
            definition.append(token, at: id, isByteLevel: isByteLevel)
        }
        return definition
    }

    private func kinds(count: Int) throws(TokenizerError) -> [TokenKind] {
        guard let types = metadata["tokenizer.ggml.token_type"]?.integers else {
            return Array(repeating: .normal, count: count)
        }
        guard types.count >= count else {
            throw .invalid(field: "tokenizer.ggml.token_type", reason: "there are \(types.count) for \(count) tokens")
        }
        return types.prefix(count).map { type in
            switch type {
            case 2: .unknown
            case 3: .control
            case 4: .userDefined
            case 5: .unused
            case 6: .byte
            default: .normal
            }
        }
    }

    // MARK: Special tokens

    private struct SpecialDefaults {
        var bos: Int?
        var eos: Int?
        var unknown: Int?
        var padding: Int?
        var addsBOS = false
        var addsEOS = false
    }

    private func readSpecialTokens(_ definition: inout TokenizerDefinition, defaults: SpecialDefaults) {
        let count = definition.pieces.count
        definition.bos = token("bos", default: defaults.bos, of: count)
        definition.eos = token("eos", default: defaults.eos, of: count)
        definition.unknown = token("unknown", default: defaults.unknown, of: count)
        definition.padding = token("padding", default: defaults.padding, of: count)
        if flag("add_bos_token", defaults.addsBOS) { definition.prefix = [definition.bos].compactMap(\.self) }
        if flag("add_eos_token", defaults.addsEOS) { definition.suffix = [definition.eos].compactMap(\.self) }
        let named = ["eot", "eom"].compactMap { token($0, of: count) }
        definition.findEndOfGeneration(named)
        definition.addedTokens = addedTokens(definition)
    }

    private func addedTokens(_ definition: TokenizerDefinition) -> [AddedToken] {
        let isPhi3 = ["phi-3", "phi3"].contains { name in
            metadata["general.name"]?.stringValue?.lowercased().contains(name) ?? false
        }
        let stripsMask = ["nomic-bert-moe", "jina-bert-v3"].contains(metadata["general.architecture"]?.stringValue)
        var tokens: [AddedToken] = []
        for (id, kind) in definition.kinds.enumerated()
        where kind == .control || kind == .unknown || kind == .userDefined {
            let content = Array(definition.pieces[id])
            guard !content.isEmpty, content.count <= AddedTokenMatcher.longestByteCount else { continue }
            var token = AddedToken(id: TokenID(id), content: content, isSpecial: kind != .userDefined)
            let name = String(decoding: content, as: UTF8.self)
            token.stripsRight = isPhi3 && !["<unk>", "<s>", "<|endoftext|>"].contains(name)
            token.stripsLeft = stripsMask && name == "<mask>"
            tokens.append(token)
        }
        return tokens
    }
}

/// Reads merges written as `left right`.
struct MergeReader {
    private let table: PieceTable
    private let isByteLevel: Bool

    init(_ definition: TokenizerDefinition, isByteLevel: Bool) {
        table = TokenizerBuilder.table(of: definition) { _ in true }
        self.isByteLevel = isByteLevel
    }

    func merges(_ texts: [String]) throws(TokenizerError) -> [TokenizerDefinition.Merge] {
        var merges: [TokenizerDefinition.Merge] = []
        merges.reserveCapacity(texts.count)
        for (rank, text) in texts.enumerated() { merges.append(try merge(text, rank: rank)) }
        return merges
    }

    func merge(_ text: String, rank: Int) throws(TokenizerError) -> TokenizerDefinition.Merge {
        let bytes = Array(text.utf8)
        guard let space = bytes.dropFirst().firstIndex(of: 0x20) else {
            throw .invalid(field: "merges", reason: "merge \(rank), \"\(text)\", is not two pieces")
        }
        return try merge(bytes[..<space], bytes[(space + 1)...], rank: rank)
    }

    func merge(
        _ left: ArraySlice<UInt8>,
        _ right: ArraySlice<UInt8>,
        rank: Int
    ) throws(TokenizerError) -> TokenizerDefinition.Merge {
        let first = bytes(left)
        let second = bytes(right)
        guard let leftID = table.find(first), let rightID = table.find(second), let result = table.find(first + second)
        else {
            let text = String(decoding: left + [0x20] + right, as: UTF8.self)
            throw .invalid(field: "merges", reason: "merge \(rank), \"\(text)\", names a piece that is no token")
        }
        return TokenizerDefinition.Merge(left: leftID, right: rightID, result: result)
    }

    private func bytes(_ piece: ArraySlice<UInt8>) -> [UInt8] {
        isByteLevel ? ByteAlphabet.bytes(of: piece) ?? Array(piece) : Array(piece)
    }
}
