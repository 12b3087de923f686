import JSON

/// The normalizer, pre-tokenizer and decoder of a `tokenizer.json`, turned into ours. What has no equal is refused.
struct HuggingFaceComponents {
    private(set) var normalizer: [NormalizerStep] = []
    private(set) var stages: [SplitStage] = []
    private(set) var decoding = TokenizerDefinition.Decoding()
    /// Whether pieces are written in the byte alphabet.
    private(set) var isByteLevel = false

    // MARK: Normalizers

    mutating func readNormalizer(_ json: JSONValue) throws(TokenizerError) {
        guard let type = json["type"]?.stringValue else {
            guard json.isNull else { throw .missing(field: "normalizer.type") }
            return
        }
        switch type {
        case "Sequence":
            for part in json["normalizers"]?.arrayValue ?? [] { try readNormalizer(part) }
        case "NFC": normalizer.append(.normalize(.composed))
        case "NFD": normalizer.append(.normalize(.decomposed))
        case "NFKC": normalizer.append(.normalize(.compatibilityComposed))
        case "NFKD": normalizer.append(.normalize(.compatibilityDecomposed))
        case "Lowercase": normalizer.append(.lowercase)
        case "StripAccents": normalizer.append(.stripAccents)
        case "Strip":
            normalizer.append(
                .strip(
                    left: json["strip_left"]?.boolValue ?? true,
                    right: json["strip_right"]?.boolValue ?? true
                )
            )
        case "Prepend": normalizer.append(.prepend(Array((json["prepend"]?.stringValue ?? "").utf8), .always))
        case "Replace": try readReplacement(json)
        case "BertNormalizer": readBertNormalizer(json)
        case "Precompiled": try readCharacterMap(json)
        default: throw .unsupported(component: "normalizer", name: type)
        }
    }

    private mutating func readReplacement(_ json: JSONValue) throws(TokenizerError) {
        let content = Array((json["content"]?.stringValue ?? "").utf8)
        if let literal = json["pattern"]?["String"]?.stringValue, !literal.isEmpty {
            normalizer.append(.replace(Array(literal.utf8), with: content))
        } else if json["pattern"]?["Regex"]?.stringValue == " {2,}" {
            normalizer.append(.replaceSpaceRuns(with: content))
        } else {
            let name = json["pattern"]?["Regex"]?.stringValue ?? "(none)"
            throw .unsupported(component: "normalizer pattern", name: name)
        }
    }

    private mutating func readBertNormalizer(_ json: JSONValue) {
        let lowercases = json["lowercase"]?.boolValue ?? true
        normalizer.append(
            .bert(
                NormalizerStep.BertCleaning(
                    cleansText: json["clean_text"]?.boolValue ?? true,
                    separatesIdeographs: json["handle_chinese_chars"]?.boolValue ?? true,
                    stripsAccents: json["strip_accents"]?.boolValue ?? lowercases,
                    lowercases: lowercases
                )
            )
        )
    }

    private mutating func readCharacterMap(_ json: JSONValue) throws(TokenizerError) {
        guard let text = json["precompiled_charsmap"]?.stringValue, let data = Base64.decode(text) else {
            throw .missing(field: "normalizer.precompiled_charsmap")
        }
        normalizer.append(.characterMap(try PrecompiledCharacterMap(data)))
    }

    // MARK: Pre-tokenizers

    mutating func readPreTokenizer(_ json: JSONValue) throws(TokenizerError) {
        guard let type = json["type"]?.stringValue else {
            guard json.isNull else { throw .missing(field: "pre_tokenizer.type") }
            return
        }
        if isByteLevel, type != "Sequence" { return try readAfterByteLevel(json, type) }
        switch type {
        case "Sequence":
            for part in json["pretokenizers"]?.arrayValue ?? [] { try readPreTokenizer(part) }
        case "ByteLevel": try readByteLevel(json)
        case "Split": try readSplit(json)
        case "Digits":
            let single = json["individual_digits"]?.boolValue ?? false
            stages.append(.matching(.run(CharacterRun(set: .numbers, maximum: single ? 1 : .max))))
        case "Metaspace": try readMetaspace(json)
        case "Whitespace": stages += Self.whitespaceStages
        case "WhitespaceSplit":
            stages.append(.matching(.run(CharacterRun(set: .whitespace)), .removed))
        case "BertPreTokenizer": stages += PreTokenizer.bert.stages
        case "Punctuation":
            let run = CharacterRun(set: .separatePunctuation, maximum: 1)
            stages.append(.matching(.run(run), try behavior(json, .isolated)))
        default: throw .unsupported(component: "pre-tokenizer", name: type)
        }
    }

    /// What comes after `ByteLevel` sees the byte alphabet; only Falcon's digits are known to do so.
    private mutating func readAfterByteLevel(_ json: JSONValue, _ type: String) throws(TokenizerError) {
        if type == "Digits" {
            stages.append(.byteDigits(individual: json["individual_digits"]?.boolValue ?? false))
        } else if type == "Split", json["pattern"]?["Regex"]?.stringValue?.hasPrefix("[0-9]") == true {
            try readSplit(json)
        } else {
            throw .unsupported(component: "pre-tokenizer", name: "\(type) after ByteLevel")
        }
    }

    /// `\w+|[^\w\s]+`, white space removed.
    private static let whitespaceStages: [SplitStage] = {
        let word = CharacterSet([.letters, .marks, .numbers], "_")
        let other = CharacterSet([.letters, .marks, .numbers, .whitespace], "_", inverted: true)
        return [
            .pattern(
                PatternSplit(
                    alternatives: [.run(CharacterRun(set: word)), .run(CharacterRun(set: other))],
                    behavior: .removed,
                    isInverted: true
                )
            )
        ]
    }()

    private mutating func readByteLevel(_ json: JSONValue) throws(TokenizerError) {
        isByteLevel = true
        if json["add_prefix_space"]?.boolValue ?? true {
            guard stages.isEmpty else {
                throw .unsupported(component: "pre-tokenizer", name: "ByteLevel with add_prefix_space after a split")
            }
            normalizer.append(.prepend([0x20], .unlessPresent))
        }
        guard json["use_regex"]?.boolValue ?? true else { return }
        let expression = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        stages.append(.pattern(PatternSplit(alternatives: try PatternCatalog.alternatives(of: expression))))
    }

    private mutating func readSplit(_ json: JSONValue) throws(TokenizerError) {
        let behavior = try behavior(json, .isolated)
        let isInverted = json["invert"]?.boolValue ?? false
        if let text = json["pattern"]?["String"]?.stringValue {
            let split = PatternSplit(
                alternatives: [.literal(try literal(text))],
                behavior: behavior,
                isInverted: isInverted
            )
            stages.append(.pattern(split))
        } else if let expression = json["pattern"]?["Regex"]?.stringValue {
            if let special = SplitStage.special(expression), behavior == .isolated {
                stages.append(special)
                return
            }
            let alternatives = try PatternCatalog.alternatives(of: expression)
            stages.append(
                .pattern(PatternSplit(alternatives: alternatives, behavior: behavior, isInverted: isInverted))
            )
        } else {
            throw .missing(field: "pre_tokenizer.pattern")
        }
    }

    private func behavior(
        _ json: JSONValue,
        _ fallback: PatternSplit.Behavior
    ) throws(TokenizerError) -> PatternSplit.Behavior {
        switch json["behavior"]?.stringValue {
        case nil: return fallback
        case "Isolated": return .isolated
        case "Removed": return .removed
        case "MergedWithPrevious": return .mergedWithPrevious
        case "MergedWithNext": return .mergedWithNext
        case "Contiguous": return .contiguous
        case let name?: throw .unsupported(component: "split behavior", name: name)
        }
    }

    private mutating func readMetaspace(_ json: JSONValue) throws(TokenizerError) {
        let replacement = json["replacement"]?.stringValue ?? "▁"
        let mark = Array(replacement.utf8)
        let scheme =
            json["prepend_scheme"]?.stringValue
            ?? (json["add_prefix_space"]?.boolValue ?? true ? "always" : "never")
        if stages == [.matching(.run(CharacterRun(set: .whitespace)), .removed)], scheme == "always" {
            stages = []
            normalizer.append(.prefixWords(mark))
        } else if stages.isEmpty {
            normalizer.append(.replace([0x20], with: mark))
            switch scheme {
            case "always": normalizer.append(.prepend(mark, .unlessPresent))
            case "first": normalizer.append(.prepend(mark, .firstUnlessPresent))
            case "never": break
            default: throw .unsupported(component: "Metaspace prepend_scheme", name: scheme)
            }
        } else {
            throw .unsupported(component: "pre-tokenizer", name: "Metaspace after another split")
        }
        if json["split"]?.boolValue ?? true {
            stages.append(.matching(.literal(try literal(replacement)), .mergedWithNext))
        }
    }

    private func literal(_ text: String) throws(TokenizerError) -> LiteralBytes {
        guard let literal = LiteralBytes(text) else {
            throw .unsupported(component: "pre-tokenizer pattern", name: text)
        }
        return literal
    }

    // MARK: Decoders

    mutating func readDecoder(_ json: JSONValue) throws(TokenizerError) {
        guard let type = json["type"]?.stringValue else {
            guard json.isNull else { throw .missing(field: "decoder.type") }
            return
        }
        switch type {
        case "Sequence":
            for part in json["decoders"]?.arrayValue ?? [] { try readDecoder(part) }
        case "ByteLevel": isByteLevel = true
        case "ByteFallback", "Fuse": break
        case "Replace":
            guard json["pattern"]?["String"]?.stringValue == "▁", json["content"]?.stringValue == " " else {
                throw .unsupported(component: "decoder", name: "Replace of something else than ▁ by a space")
            }
            decoding.unescapesSpaces = true
        case "Strip":
            guard json["content"]?.stringValue == " ", json["start"]?.integerValue ?? 0 <= 1,
                json["stop"]?.integerValue ?? 0 == 0
            else {
                throw .unsupported(component: "decoder", name: "Strip of something else than one space at the start")
            }
            decoding.dropsFirstSpace = json["start"]?.integerValue == 1
        case "Metaspace":
            decoding.unescapesSpaces = true
            let scheme = json["prepend_scheme"]?.stringValue
            decoding.dropsFirstSpace = scheme.map { $0 != "never" } ?? json["add_prefix_space"]?.boolValue ?? true
        case "WordPiece":
            decoding.joinsWords = true
            decoding.dropsFirstSpace = true
        default: throw .unsupported(component: "decoder", name: type)
        }
    }
}

/// Base 64 (RFC 4648, section 4).
enum Base64 {
    /// The bytes, or nil when the text has other characters.
    static func decode(_ text: String) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count / 4 * 3)
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            bits = (bits << 6 | UInt32(value)) & 0xFF_FFFF
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        return result
    }
}
