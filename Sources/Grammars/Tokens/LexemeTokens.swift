/// What the tokens of a vocabulary do to a lexeme at one of its states, whatever stands around it.
final class LexemeTokens: Sendable {
    /// The tokens that the lexeme takes whole.
    let inside: TokenSet
    /// The trie's nodes at which the lexeme may end while tokens go on; what follows the lexeme decides about those.
    let exits: [Int32]
    /// Bytes that it takes, with what leads to it.
    var byteCount: Int { 8 * inside.words.count + 4 * exits.count + 256 }

    init(inside: TokenSet, exits: [Int32]) {
        self.inside = inside
        self.exits = exits
    }
}

/// A state of a lexeme as far as tokens see it.
struct LexemeState: Hashable, Sendable {
    var automaton: AutomatonFingerprint
    var state: Int32
    /// Characters that must still come and that may, where an automaton does not count itself; more than the longest
    /// token has are the same as any number.
    var needed: Int32
    var allowed: Int32
}

/// Memory of walks, used again from one to the next.
struct LexemeWalk {
    /// States and characters by depth.
    private var states: [Int32]
    private var counts: [Int32]

    init(_ trie: TokenTrie) {
        states = [Int32](repeating: 0, count: trie.depth + 1)
        counts = states
    }

    /// Walks the tokens below a node of the trie along a lexeme.
    ///
    /// - Parameters:
    ///   - state: the lexeme's state at `node`.
    ///   - shortestEndings: of the lexeme's automaton, if it counts characters; else empty.
    ///   - onTokens: called with every node that has tokens and that the lexeme takes.
    ///   - onExit: called with every node at which the lexeme may end, if tokens go on.
    mutating func walk(
        _ trie: TokenTrie,
        below node: Int,
        along lexeme: (automaton: ByteAutomaton, shortestEndings: [Int32]),
        from state: LexemeState,
        visit: (_ node: Int, _ hasTokens: Bool, _ mayLeave: Bool) -> Void
    ) {
        lexeme.automaton.withTables { tables in
            trie.withTables { trie in
                states.withUnsafeMutableBufferPointer { states in
                    if lexeme.shortestEndings.isEmpty {
                        Self.walk(trie, below: node, tables, from: state.state, states, visit)
                    } else {
                        counts.withUnsafeMutableBufferPointer { counts in
                            let counter = Counter(
                                counts: counts,
                                endings: lexeme.shortestEndings,
                                needed: state.needed,
                                allowed: state.allowed
                            )
                            Self.walk(trie, below: node, tables, from: state.state, states, counter, visit)
                        }
                    }
                }
            }
        }
    }

    private static func walk(
        _ trie: TokenTrie.Tables,
        below node: Int,
        _ tables: ByteAutomaton.Tables,
        from state: Int32,
        _ states: UnsafeMutableBufferPointer<Int32>,
        _ visit: (Int, Bool, Bool) -> Void
    ) {
        states[Int(trie.depths[node])] = state
        var index = node + 1
        let end = Int(trie.ends[node])
        while index < end {
            let depth = Int(trie.depths[index])
            let next = tables.next(states[depth &- 1], trie.bytes[index])
            if next == ByteAutomaton.dead {
                index = Int(trie.ends[index])
                continue
            }
            states[depth] = next
            let hasTokens = trie.tokenStarts[index] != trie.tokenStarts[index &+ 1]
            let mayLeave = tables.isAccepting(next) && Int(trie.ends[index]) > index &+ 1
            if hasTokens || mayLeave { visit(index, hasTokens, mayLeave) }
            index &+= 1
        }
    }

    private struct Counter {
        var counts: UnsafeMutableBufferPointer<Int32>
        var endings: [Int32]
        var needed: Int32
        var allowed: Int32
    }

    private static func walk(
        _ trie: TokenTrie.Tables,
        below node: Int,
        _ tables: ByteAutomaton.Tables,
        from state: Int32,
        _ states: UnsafeMutableBufferPointer<Int32>,
        _ counter: Counter,
        _ visit: (Int, Bool, Bool) -> Void
    ) {
        let base = Int(trie.depths[node])
        states[base] = state
        counter.counts[base] = 0
        var index = node + 1
        let end = Int(trie.ends[node])
        while index < end {
            let depth = Int(trie.depths[index])
            let next = tables.next(states[depth &- 1], trie.bytes[index])
            var count: Int32 = 0
            if next != ByteAutomaton.dead { count = counter.counts[depth &- 1] + (tables.isBoundary(next) ? 1 : 0) }
            let isTooShort = next != ByteAutomaton.dead && count < counter.needed && tables.isFinal(next)
            if next == ByteAutomaton.dead || isTooShort || count + counter.endings[Int(next)] > counter.allowed {
                index = Int(trie.ends[index])
                continue
            }
            states[depth] = next
            counter.counts[depth] = count
            let hasTokens = trie.tokenStarts[index] != trie.tokenStarts[index &+ 1]
            let mayLeave =
                tables.isAccepting(next) && count >= counter.needed && Int(trie.ends[index]) > index &+ 1
            if hasTokens || mayLeave { visit(index, hasTokens, mayLeave) }
            index &+= 1
        }
    }
}
