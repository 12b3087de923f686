/// Greedy longest match from the left, with other pieces for the beginning of a word than for its inside.
///
/// Source: Devlin et al., *BERT*, arXiv:1810.04805, section 3; Wu et al., arXiv:1609.08144, section 4.1.
struct WordPieceEncoder: Sendable {
    private let pieces: PieceTable
    private let wordPrefix: [UInt8]
    private let insidePrefix: [UInt8]
    private let unknown: Int32
    private let longestCharacterCount: Int

    /// - Parameters:
    ///   - wordPrefix: what is written before the first piece of a word in the vocabulary, such as `▁`.
    ///   - insidePrefix: the same for all others, such as `##`.
    ///   - longestCharacterCount: a longer word is unknown as a whole.
    init(
        pieces: PieceTable,
        wordPrefix: String,
        insidePrefix: String,
        unknown: Int32,
        longestCharacterCount: Int
    ) {
        self.pieces = pieces
        self.wordPrefix = Array(wordPrefix.utf8)
        self.insidePrefix = Array(insidePrefix.utf8)
        self.unknown = unknown
        self.longestCharacterCount = longestCharacterCount
    }

    /// Appends the tokens of the word `start..<end`, or one unknown token when some part of it is no piece.
    func encode(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int, into output: inout [TokenID]) {
        let first = output.count
        var characterCount = 0
        for position in start..<end where text[position] & 0xC0 != 0x80 { characterCount += 1 }
        var position = start
        while position < end, characterCount <= longestCharacterCount,
            let (id, pieceEnd) = longest(text, from: position, to: end, isFirst: position == start)
        {
            output.append(TokenID(rawValue: id))
            position = pieceEnd
        }
        if position < end {
            output.removeSubrange(first...)
            output.append(TokenID(rawValue: unknown))
        }
    }

    private func longest(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        isFirst: Bool
    ) -> (Int32, Int)? {
        let prefix = isFirst ? wordPrefix : insidePrefix
        let longestEnd = min(end, start + max(0, pieces.longestByteCount - prefix.count))
        guard longestEnd > start else { return nil }
        let candidate = prefix + text[start..<longestEnd]
        return candidate.withUnsafeBufferPointer { bytes in
            var length = bytes.count
            while length > prefix.count {
                let isCharacterEnd = length == bytes.count || bytes[length] & 0xC0 != 0x80
                if isCharacterEnd, let id = pieces.find(UnsafeBufferPointer(rebasing: bytes[..<length])) {
                    return (id, start + length - prefix.count)
                }
                length -= 1
            }
            return nil
        }
    }
}
