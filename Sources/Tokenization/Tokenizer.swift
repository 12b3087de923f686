package import Checkpoints
import Synchronization

package import struct Foundation.URL

/// Turns text into tokens and back, as one vocabulary does it. Immutable and shared by all threads.
///
/// Encoding takes time in proportion to the text, whatever is in it. It never fails: what a vocabulary lacks becomes
/// its byte tokens, its unknown token, or nothing.
package final class Tokenizer: Sendable {
    /// The text of every piece as the file has it, or its bytes when the vocabulary is byte-level.
    private let pieces: PieceTable
    /// What every token contributes to a text.
    private let texts: PieceStore
    private let kinds: [TokenKind]
    private let isByteLevel: Bool
    private let encoder: Encoder
    private let normalizer: [NormalizerStep]
    private let preTokenizer: PreTokenizer
    private let rawTokens: AddedTokenMatcher
    private let normalizedTokens: AddedTokenMatcher
    private let prefix: [TokenID]
    private let suffix: [TokenID]
    private let scratches = Mutex<[EncodingScratch]>([])

    /// Whether the vocabulary puts a space before a text, which decoding takes away again.
    package let dropsFirstSpace: Bool

    /// The token at the beginning of a text, if the vocabulary has one.
    package let bos: TokenID?
    /// The token at the end of a text.
    package let eos: TokenID?
    package let padding: TokenID?
    package let unknown: TokenID?
    /// The tokens with which a model ends its answer: end of text, of turn, of message.
    package let endOfGeneration: Set<TokenID>

    /// The tokenizer in the metadata of a GGUF file.
    package convenience init(gguf: GGUFFile) throws(TokenizerError) {
        try self.init(TokenizerDefinition(gguf: gguf.metadata))
    }

    /// The tokenizer of a folder with `tokenizer.json` and, if it is there, `tokenizer_config.json`.
    ///
    /// - Parameter ends: tokens that end an answer by the model's configuration, besides those that the tokenizer's files and
    ///   their names tell.
    package convenience init(huggingFaceFolder folder: URL, ends: [Int] = []) throws(TokenizerError) {
        var definition = try TokenizerDefinition(huggingFaceFolder: folder)
        definition.endOfGeneration.formUnion(ends.filter(definition.kinds.indices.contains).map { TokenID($0) })
        try self.init(definition)
    }

    init(_ definition: TokenizerDefinition) throws(TokenizerError) {
        try definition.check()
        let builder = TokenizerBuilder(definition)
        pieces = builder.table
        texts = builder.texts()
        kinds = definition.kinds
        isByteLevel = builder.isByteLevel
        encoder = try builder.encoder()
        normalizer = definition.normalizer
        preTokenizer = builder.preTokenizer()
        rawTokens = AddedTokenMatcher(definition.addedTokens.filter { !$0.isNormalized })
        normalizedTokens = AddedTokenMatcher(definition.addedTokens.filter(\.isNormalized))
        prefix = definition.prefix
        suffix = definition.suffix
        dropsFirstSpace = definition.decoding.dropsFirstSpace
        bos = definition.bos
        eos = definition.eos
        padding = definition.padding
        unknown = definition.unknown
        endOfGeneration = definition.endOfGeneration
    }

    /// How many tokens there are; ids are smaller. A model may have logits for more.
    package var vocabularySize: Int { kinds.count }

    /// Whether `encode` with `addSpecial` puts BOS first.
    package var addsBOS: Bool { bos.map(prefix.contains) ?? false }

    /// Whether `encode` with `addSpecial` puts EOS last.
    package var addsEOS: Bool { eos.map(suffix.contains) ?? false }

    // MARK: Encoding

    /// The tokens of a text.
    ///
    /// - Parameters:
    ///   - addSpecial: puts before and after it what the vocabulary wants there (BOS, EOS).
    ///   - parseSpecial: finds control tokens written out in the text, as chat templates write them. Never true for
    ///     text that came from outside and was not meant to contain any.
    package func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [TokenID] {
        var text = text
        return text.withUTF8 { encode($0, addSpecial: addSpecial, parseSpecial: parseSpecial) }
    }

    /// The tokens of a text that a chat template has made, with the control tokens that it spells.
    ///
    /// - Parameter mark: is no part of the text: where it stands within the spelling of a token, that is text
    ///   (`breakingControlTokens`).
    package func encodeRendered(_ text: String, mark: Unicode.Scalar) -> [TokenID] {
        var text = text
        let mark = Array(String(mark).utf8)
        return text.withUTF8 { encode($0, addSpecial: false, parseSpecial: true, mark: mark) }
    }

    /// Whether the spelling of a control token stands in `text`.
    package func spellsControlToken(in text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            [rawTokens, normalizedTokens].contains { $0.firstControlToken(in: bytes, from: 0) != nil }
        }
    }

    /// `text` so that `encodeRendered` finds no control token in it that begins with a character of its own: `mark` stands behind the
    /// first character of each that it spells.
    package func breakingControlTokens(in text: String, with mark: Unicode.Scalar) -> String {
        var text = text
        let broken: [UInt8]? = text.withUTF8 { bytes in
            var starts: Set<Int> = []
            for matcher in [rawTokens, normalizedTokens] {
                var next = 0
                while let start = matcher.firstControlToken(in: bytes, from: next) {
                    starts.insert(start)
                    next = start + 1
                }
            }
            if starts.isEmpty { return nil }
            var result: [UInt8] = []
            var isBehindStart = false
            for (index, byte) in bytes.enumerated() {
                if isBehindStart, byte & 0xC0 != 0x80 { result.append(contentsOf: String(mark).utf8) }
                if byte & 0xC0 != 0x80 { isBehindStart = starts.contains(index) }
                result.append(byte)
            }
            return result
        }
        return broken.map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    /// The tokens of bytes, UTF-8 or not. Byte-level vocabularies keep every byte.
    package func encode(_ bytes: [UInt8], addSpecial: Bool, parseSpecial: Bool) -> [TokenID] {
        bytes.withUnsafeBufferPointer { encode($0, addSpecial: addSpecial, parseSpecial: parseSpecial) }
    }

    /// The tokens of two texts one after the other, as BERT reads pairs: `[CLS] first [SEP] second [SEP]`. What looks like a
    /// special token in them is text.
    ///
    /// - Parameter first: the tokens of the first text with those around it, which many pairs may share.
    package func encodePair(_ first: [TokenID], _ second: String) -> [TokenID] {
        first + encode(second, addSpecial: false, parseSpecial: false) + suffix
    }

    /// - Parameter mark: is no part of the text, but breaks tokens; empty for none.
    private func encode(
        _ text: UnsafeBufferPointer<UInt8>,
        addSpecial: Bool,
        parseSpecial: Bool,
        mark: [UInt8] = []
    ) -> [TokenID] {
        let scratch = scratches.withLock { $0.popLast() } ?? EncodingScratch()
        defer {
            // What a word of megabytes took is not kept for the next one.
            scratch.trim()
            scratches.withLock { if $0.count < Self.keptScratchCount { $0.append(scratch) } }
        }
        var output = addSpecial ? prefix : []
        output.reserveCapacity(output.count + text.count / 3 + 8)
        rawTokens.forEachPart(text, from: 0, to: text.count, parseSpecial: parseSpecial) { start, end, token in
            if let token { return output.append(token.id) }
            if let bare = Self.removing(mark, from: UnsafeBufferPointer(rebasing: text[start..<end])) {
                let part = TextPart(isFirst: start == 0, parseSpecial: false)
                encodeNormalizing(bare, part, scratch, into: &output)
            } else if normalizer.isEmpty, normalizedTokens.isEmpty {
                encodeWords(text, from: start, to: end, scratch, into: &output)
            } else {
                let part = TextPart(isFirst: start == 0, parseSpecial: parseSpecial)
                encodeNormalizing(Array(text[start..<end]), part, scratch, into: &output)
            }
        }
        if addSpecial { output.append(contentsOf: suffix) }
        return output
    }

    /// How many scratches wait for the next call; more threads than this make their own.
    private static let keptScratchCount = 8

    /// `text` without `mark`; nil where it has none.
    private static func removing(_ mark: [UInt8], from text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard let first = mark.first, text.contains(first) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            if text[position] == first, text[position...].starts(with: mark) {
                position += mark.count
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result.count == text.count ? nil : result
    }

    private struct TextPart {
        var isFirst: Bool
        var parseSpecial: Bool
    }

    private func encodeNormalizing(
        _ text: [UInt8],
        _ part: TextPart,
        _ scratch: EncodingScratch,
        into output: inout [TokenID]
    ) {
        var text = text
        for step in normalizer { text = step.apply(text, isFirst: part.isFirst) }
        text.withUnsafeBufferPointer { text in
            normalizedTokens.forEachPart(text, from: 0, to: text.count, parseSpecial: part.parseSpecial) {
                start,
                end,
                token in
                if let token {
                    output.append(token.id)
                } else {
                    encodeWords(text, from: start, to: end, scratch, into: &output)
                }
            }
        }
    }

    private func encodeWords(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ scratch: EncodingScratch,
        into output: inout [TokenID]
    ) {
        switch encoder {
        case .ranked(let encoder):
            preTokenizer.forEachWord(text, from: start, to: end) { wordStart, wordEnd in
                encoder.encode(text, from: wordStart, to: wordEnd, scratch, into: &output)
            }
        case .scored(let encoder):
            preTokenizer.forEachWord(text, from: start, to: end) { wordStart, wordEnd in
                encoder.encode(text, from: wordStart, to: wordEnd, scratch, into: &output)
            }
        case .unigram(let encoder):
            preTokenizer.forEachWord(text, from: start, to: end) { wordStart, wordEnd in
                encoder.encode(text, from: wordStart, to: wordEnd, scratch, into: &output)
            }
        case .wordPiece(let encoder):
            preTokenizer.forEachWord(text, from: start, to: end) { wordStart, wordEnd in
                encoder.encode(text, from: wordStart, to: wordEnd, into: &output)
            }
        }
    }

    /// The model that turns words into tokens.
    enum Encoder: Sendable {
        case ranked(BytePairEncoder<RankedMerges>)
        case scored(BytePairEncoder<ScoredMerges>)
        case unigram(UnigramEncoder)
        case wordPiece(WordPieceEncoder)
    }

    // MARK: Tokens

    /// What a token contributes to a text, in bytes that need not be whole characters. Control tokens contribute
    /// their names; an id that is no token contributes nothing.
    package func bytes(of id: TokenID) -> [UInt8] {
        isToken(id) ? Array(texts[Int(id.rawValue)]) : []
    }

    /// Appends `bytes(of:)`, without a copy on the way.
    func appendBytes(of id: TokenID, to bytes: inout [UInt8]) {
        if isToken(id) { bytes.append(contentsOf: texts[Int(id.rawValue)]) }
    }

    /// The entry of the vocabulary as its file writes it, such as `Ġthe` or `▁the`; empty for an id that is no token.
    package func piece(_ id: TokenID) -> String {
        guard isToken(id) else { return "" }
        let piece = pieces.pieces[Int(id.rawValue)]
        let isPlain = !isByteLevel || kinds[Int(id.rawValue)] != .normal
        return String(decoding: isPlain ? Array(piece) : ByteAlphabet.piece(of: piece), as: UTF8.self)
    }

    /// The token whose entry is written so.
    package func id(ofPiece piece: String) -> TokenID? {
        if isByteLevel, let bytes = ByteAlphabet.bytes(of: Array(piece.utf8)), let id = pieces.find(bytes),
            self.piece(TokenID(rawValue: id)).utf8.elementsEqual(piece.utf8)
        {
            return TokenID(rawValue: id)
        }
        guard let id = pieces.find(piece.utf8), !isByteLevel || kinds[Int(id)] != .normal else { return nil }
        return TokenID(rawValue: id)
    }

    /// Whether a token is control or stands for the unknown, and so is left out of texts by `skipSpecial`.
    package func isSpecial(_ id: TokenID) -> Bool {
        isToken(id) && (kinds[Int(id.rawValue)] == .control || kinds[Int(id.rawValue)] == .unknown)
    }

    private func isToken(_ id: TokenID) -> Bool { id.rawValue >= 0 && Int(id.rawValue) < kinds.count }

    /// The text of tokens. Bytes that are no characters become U+FFFD.
    package func decode(_ ids: some Sequence<TokenID>, skipSpecial: Bool) -> String {
        var bytes: [UInt8] = []
        for id in ids where !skipSpecial || !isSpecial(id) { appendBytes(of: id, to: &bytes) }
        let start = dropsFirstSpace && bytes.first == 0x20 ? 1 : 0
        return String(decoding: bytes[start...], as: UTF8.self)
    }
}
