/// A text that is being written under a grammar.
///
/// A value: copies go their own ways. Going back to an earlier `Position` is free.
package struct GrammarMatcher: Sendable {
    private var machine: GrammarMachine
    private var ways: GrammarMachine.Ways
    /// The tokens at points of the text that were looked at last: within a string the point stays the same.
    private var recent: [(ways: GrammarMachine.Ways, tokens: TokenSet)] = []
    private static let recentCount = 8

    package init(_ grammar: Grammar) {
        machine = GrammarMachine(grammar)
        ways = machine.begin()
    }

    /// A point of the text to which `rewind` goes back. Belongs to the matcher that gave it, and to its copies of later.
    package struct Position: Sendable {
        fileprivate var ways: GrammarMachine.Ways
    }

    package var position: Position { Position(ways: ways) }

    /// Goes back to a point where the text was.
    package mutating func rewind(to position: Position) { ways = position.ways }

    /// Whether the text may end here.
    package var mayEnd: Bool { ways.mayEnd }

    /// Whether nothing may follow.
    package var mustEnd: Bool { ways.tops.isEmpty }

    /// Goes on with a byte.
    ///
    /// - Returns: whether it may stand here; if not, nothing changes.
    package mutating func accept(_ byte: UInt8) -> Bool {
        let next = machine.step(ways, byte)
        if next.tops.isEmpty, !next.mayEnd { return false }
        ways = next
        return true
    }

    /// Goes on with bytes; nothing changes unless all may stand here.
    package mutating func accept(_ bytes: some Sequence<UInt8>) -> Bool {
        let before = ways
        for byte in bytes where !accept(byte) {
            ways = before
            return false
        }
        return true
    }

    /// The tokens that may come next, of one vocabulary throughout, without those that end an answer: `mayEnd` says whether they may.
    package mutating func allowedTokens(_ vocabulary: GrammarVocabulary) -> TokenSet {
        if let known = recent.first(where: { $0.ways == ways }) { return known.tokens }
        let tokens = machine.tokens(ways, vocabulary)
        if recent.count == Self.recentCount { recent.removeFirst() }
        recent.append((ways, tokens))
        return tokens
    }
}
