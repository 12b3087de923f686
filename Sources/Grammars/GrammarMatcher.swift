/// A text that is being written under a grammar.
///
/// A value: copies go their own ways.
package struct GrammarMatcher: Sendable {
    private var machine: GrammarMachine
    private var ways: GrammarMachine.Ways
    /// The tokens at points of the text that were looked at last: within a string the point stays the same.
    private var recent: [(ways: GrammarMachine.Ways, tokens: TokenSet)] = []
    private static let recentCount = 8
    private static let pieceSize = 32
    private let keptFrames: Int

    /// - Parameter keptFrames: memory that is kept, in frames, before what is done with is dropped.
    package init(_ grammar: Grammar, keptFrames: Int = 500_000) {
        machine = GrammarMachine(grammar)
        self.keptFrames = keptFrames
        ways = machine.begin()
    }

    /// Whether the text may end here.
    package var mayEnd: Bool { ways.mayEnd }

    /// Whether nothing may follow.
    package var mustEnd: Bool { ways.tops.isEmpty }

    /// Goes on with bytes.
    ///
    /// - Returns: whether they may stand here; if not, nothing changes.
    package mutating func accept(_ bytes: some Sequence<UInt8>) -> Bool {
        let before = ways
        machine.beginCall()
        for (index, byte) in bytes.enumerated() {
            // Longer than most tokens.
            if index > 0, index % Self.pieceSize == 0 { machine.renewTasks() }
            ways = machine.step(ways, byte)
            if ways.isEmpty { break }
        }
        // What was left out on the way may be what a mask allowed.
        if ways.isEmpty, machine.hasDropped { ways = machine.follow(before, Array(bytes)) }
        if ways.isEmpty {
            ways = before
            return false
        }
        if machine.arena.length.frames > keptFrames {
            ways = machine.compact(ways)
            recent = []
        }
        return true
    }

    /// Whether `allowedTokens` is likely to take microseconds rather than milliseconds.
    package func knowsTokens(_ vocabulary: GrammarVocabulary) -> Bool {
        recent.contains { $0.ways == ways } || machine.areKnown(ways, vocabulary)
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
