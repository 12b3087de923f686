import Synchronization

/// The tokens of a model as grammars see them, and what they do to lexemes, which all requests share.
package final class GrammarVocabulary: Sendable {
    let trie: TokenTrie
    /// How many tokens there are; ids are smaller.
    package let size: Int
    private let known = Mutex<(tokens: [LexemeState: LexemeTokens], byteCount: Int)>(([:], 0))

    /// Bytes of states that are kept: some thousands, of which few are in use at a time.
    private static let mostBytes = 256 << 20

    /// - Parameters:
    ///   - texts: the bytes that each token adds to a text, of the tokens that add any and that may stand in an answer.
    ///   - size: how many tokens there are.
    package init(_ texts: [(id: Int32, bytes: [UInt8])], size: Int) {
        trie = TokenTrie(texts)
        self.size = size
    }

    /// Whether a state was looked at before, so that asking for it again costs little.
    func knows(_ state: LexemeState) -> Bool { known.withLock { $0.tokens[state] != nil } }

    /// What tokens do to a lexeme at a state.
    func tokens(_ state: LexemeState, of automaton: ByteAutomaton, shortestEndings: [Int32]) -> LexemeTokens {
        if let tokens = known.withLock({ $0.tokens[state] }) { return tokens }
        var walk = LexemeWalk(trie)
        var inside = TokenSet(vocabularySize: size)
        var exits: [Int32] = []
        walk.walk(trie, below: 0, along: (automaton, shortestEndings), from: state) { node, hasTokens, mayLeave in
            if hasTokens { trie.forEachToken(node) { inside.insert($0) } }
            if mayLeave { exits.append(Int32(node)) }
        }
        let tokens = LexemeTokens(inside: inside, exits: exits)
        known.withLock {
            if $0.byteCount > Self.mostBytes { $0 = ([:], 0) }
            if $0.tokens.updateValue(tokens, forKey: state) == nil { $0.byteCount += tokens.byteCount }
        }
        return tokens
    }
}
