/// A token that is found in a text before the model sees it.
package struct AddedToken: Sendable, Equatable {
    package var id: TokenID
    /// What is looked for, as UTF-8.
    package var content: [UInt8]
    /// Whether it is control, such as the end of a turn: found only when a caller parses special tokens.
    package var isSpecial: Bool
    /// Whether white space before it belongs to it.
    package var stripsLeft = false
    /// Whether white space after it belongs to it.
    package var stripsRight = false
    /// Whether it is found only where no letter, digit or underscore touches it.
    package var isSingleWord = false
    /// Whether it is looked for in the normalised text.
    package var isNormalized = false

    package init(id: TokenID, content: [UInt8], isSpecial: Bool) {
        self.id = id
        self.content = content
        self.isSpecial = isSpecial
    }
}

/// Finds added tokens in a text: the leftmost one, and of those that begin there the longest.
struct AddedTokenMatcher: Sendable {
    private let tokens: [AddedToken]
    private var trie = PieceTrie()
    private var plainTrie = PieceTrie()

    /// Bytes of the longest token; a longer one could make a search slow and is certainly a mistake.
    static let longestByteCount = 4096

    init(_ tokens: [AddedToken]) {
        self.tokens = tokens
        for (index, token) in tokens.enumerated() {
            trie.insert(token.content, id: Int32(index))
            if !token.isSpecial { plainTrie.insert(token.content, id: Int32(index)) }
        }
    }

    var isEmpty: Bool { tokens.isEmpty }

    /// Cuts `start..<end` at the tokens. `body` gets each part: its bounds, and the token it is or nil for text.
    func forEachPart(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        parseSpecial: Bool,
        _ body: (Int, Int, AddedToken?) -> Void
    ) {
        let trie = parseSpecial ? self.trie : plainTrie
        guard !trie.isEmpty else {
            if start < end { body(start, end, nil) }
            return
        }
        var textStart = start
        var position = start
        while position < end {
            guard trie.mayBegin(with: text[position]),
                let (token, matchEnd) = longest(trie, text, at: position, within: start, end)
            else {
                position += 1
                continue
            }
            var tokenStart = position
            position = matchEnd
            if token.stripsLeft { tokenStart = Self.spaceStart(text, before: tokenStart, from: textStart) }
            if token.stripsRight { position = CharacterRun.runEnd(.whitespace, text, from: position, to: end) }
            if textStart < tokenStart { body(textStart, tokenStart, nil) }
            body(tokenStart, position, token)
            textStart = position
        }
        if textStart < end { body(textStart, end, nil) }
    }

    /// Where the spelling of a control token begins, the first from `start` on; nil where there is none.
    func firstControlToken(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        if isEmpty { return nil }
        return (start..<text.count).first { position in
            guard trie.mayBegin(with: text[position]) else { return false }
            var isControl = false
            trie.forEachMatch(text, from: position, to: text.count) { index, _ in
                isControl = isControl || tokens[Int(index)].isSpecial
            }
            return isControl
        }
    }

    private func longest(
        _ trie: PieceTrie,
        _ text: UnsafeBufferPointer<UInt8>,
        at position: Int,
        within start: Int,
        _ end: Int
    ) -> (AddedToken, Int)? {
        var found: (index: Int32, end: Int)?
        trie.forEachMatch(text, from: position, to: end) { index, matchEnd in found = (index, matchEnd) }
        guard let found else { return nil }
        let token = tokens[Int(found.index)]
        if token.isSingleWord, Self.touchesWord(text, position, found.end, within: start, end) { return nil }
        return (token, found.end)
    }

    private static let wordCharacters = CharacterSet([.letters, .marks, .numbers], "_")

    private static func touchesWord(
        _ text: UnsafeBufferPointer<UInt8>,
        _ matchStart: Int,
        _ matchEnd: Int,
        within start: Int,
        _ end: Int
    ) -> Bool {
        if matchEnd < end, wordCharacters.contains(UTF8Decoding.scalar(text, at: matchEnd, end: end).value) {
            return true
        }
        guard matchStart > start else { return false }
        let previous = characterStart(text, before: matchStart, from: start)
        return wordCharacters.contains(UTF8Decoding.scalar(text, at: previous, end: end).value)
    }

    private static func spaceStart(_ text: UnsafeBufferPointer<UInt8>, before end: Int, from start: Int) -> Int {
        var position = end
        while position > start {
            let previous = characterStart(text, before: position, from: start)
            guard CharacterSet.whitespace.contains(UTF8Decoding.scalar(text, at: previous, end: position).value) else {
                break
            }
            position = previous
        }
        return position
    }

    private static func characterStart(_ text: UnsafeBufferPointer<UInt8>, before end: Int, from start: Int) -> Int {
        var position = end - 1
        while position > start, end - position < 4, text[position] & 0xC0 == 0x80 { position -= 1 }
        return position
    }
}
