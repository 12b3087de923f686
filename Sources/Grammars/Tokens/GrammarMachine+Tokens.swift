extension GrammarMachine {
    /// The tokens that may come next, one bit for each.
    ///
    /// Most of it is what lexemes say about tokens by themselves, which the vocabulary remembers; only where a token goes
    /// on beyond the end of a lexeme is what follows looked at.
    mutating func tokens(_ ways: Ways, _ vocabulary: GrammarVocabulary) -> TokenSet {
        beginCall()
        let length = arena.length
        defer { arena.truncate(to: length) }
        var allowed = TokenSet(vocabularySize: vocabulary.size)
        var exits = ExitWalk(vocabulary)
        for top in ways.tops {
            let (state, lexeme) = lexemeState(top, longestToken: vocabulary.trie.depth)
            let known = vocabulary.tokens(
                state,
                of: grammar.automata[Int(lexeme.automaton)],
                shortestEndings: lexeme.characters == nil ? [] : grammar.shortestEndings[Int(lexeme.automaton)]
            )
            let blocked = blockedNodes(top, lexeme, vocabulary.trie, below: 0)
            if blocked.isEmpty {
                allowed.formUnion(known.inside)
            } else {
                var inside = known.inside
                for nodes in blocked.subtrees {
                    for node in nodes { vocabulary.trie.forEachToken(Int(node)) { inside.remove($0) } }
                }
                allowed.formUnion(inside)
            }
            // Where nothing follows a lexeme, its ends need no looking at.
            if !lexeme.isTracked, continuation(top, &exits).isEmpty { continue }
            for exit in known.exits where !blocked.blocksExit(exit) {
                follow(top, from: 0, leavingAt: exit, &exits, &allowed)
            }
        }
        return allowed
    }

    /// Whether all lexemes on top are at states that the vocabulary has met.
    func areKnown(_ ways: Ways, _ vocabulary: GrammarVocabulary) -> Bool {
        ways.tops.allSatisfy { vocabulary.knows(lexemeState($0, longestToken: vocabulary.trie.depth).0) }
    }

    /// The state of the lexeme on top, as tokens see it.
    private func lexemeState(_ top: Int32, longestToken: Int) -> (LexemeState, Lexeme) {
        let frame = arena.frames[Int(top)]
        guard case .lexeme(let lexeme) = grammar.nodes[Int(frame.node)] else {
            preconditionFailure("the top of a way is a lexeme")
        }
        // A token of n bytes has at most n characters, and n + 1 boundaries is more than it reaches.
        let most = Int32(longestToken + 1)
        var needed: Int32 = 0
        var allowed = most
        if let characters = lexeme.characters {
            needed = min(max(0, characters.minimum - frame.count), most)
            allowed = characters.maximum == .max ? .max : characters.maximum - frame.count
            let slack = grammar.shortestEndings[Int(lexeme.automaton)].max() ?? 0
            allowed = min(allowed, most + slack)
        }
        let id = grammar.fingerprints[Int(lexeme.automaton)]
        return (LexemeState(automaton: id, state: frame.state, needed: needed, allowed: allowed), lexeme)
    }

    /// Where a tracked lexeme cannot go: to the end of a text that stood before, and to where only such texts follow.
    private struct Blocked {
        var exits = Set<Int32>()
        var subtrees: [Range<Int32>] = []
        var isEmpty: Bool { exits.isEmpty && subtrees.isEmpty }

        func blocks(_ node: Int32) -> Bool { subtrees.contains { $0.contains(node) } }

        func blocksExit(_ node: Int32) -> Bool { exits.contains(node) || blocks(node) }
    }

    /// - Parameter start: the node where the lexeme on top stands.
    private func blockedNodes(_ top: Int32, _ lexeme: Lexeme, _ trie: TokenTrie, below start: Int) -> Blocked {
        guard lexeme.isTracked else { return Blocked() }
        let frame = arena.frames[Int(top)]
        let automaton = grammar.automata[Int(lexeme.automaton)]
        let completions = grammar.completions[Int(lexeme.automaton)]
        let text = arena.text(frame.memory)
        let rests = knownTexts(frame).filter { $0.starts(with: text) && isText($0, of: lexeme) }
            .map { Array($0[text.count...]) }
        var blocked = Blocked()
        for rest in rests {
            var (state, node) = (frame.state, start)
            for (index, byte) in rest.enumerated() {
                state = automaton.next(state, byte)
                guard let next = trie.descend(node, [byte]) else { break }
                node = next
                let prefix = rest[...index]
                if rests.count(where: { $0.starts(with: prefix) }) >= Int(completions[Int(state)]) {
                    blocked.subtrees.append(Int32(node)..<trie.ends[node])
                    break
                }
                if index == rest.count - 1 { blocked.exits.insert(Int32(node)) }
            }
        }
        return blocked
    }

    /// What is remembered while the ends of lexemes are looked at.
    private struct ExitWalk {
        let vocabulary: GrammarVocabulary
        var walk: LexemeWalk
        /// Where untracked lexemes lead when they end, by the frame beneath them.
        var continuations: [Int32: [Int32]] = [:]
        /// Lexemes and nodes that were walked already.
        var walked = Set<UInt64>()
        /// Nodes that may still be looked at. Tokens beyond are not allowed, though they might be: only grammars that read
        /// a text in very many ways come so far.
        var remaining = 100_000

        init(_ vocabulary: GrammarVocabulary) {
            self.vocabulary = vocabulary
            walk = LexemeWalk(vocabulary.trie)
        }
    }

    /// Allows the tokens that go on below `node` after the lexeme on top, which stood at `start`, ended there.
    private mutating func follow(
        _ top: Int32,
        from start: Int,
        leavingAt node: Int32,
        _ exits: inout ExitWalk,
        _ allowed: inout TokenSet
    ) {
        let trie = exits.vocabulary.trie
        for next in continuation(read(top, from: start, to: Int(node), trie), &exits) {
            let visit = UInt64(UInt32(bitPattern: next)) << 32 | UInt64(UInt32(bitPattern: node))
            guard exits.remaining > 0, exits.walked.insert(visit).inserted else { continue }
            exits.remaining -= 1
            let (state, lexeme) = lexemeState(next, longestToken: trie.depth)
            let blocked = blockedNodes(next, lexeme, trie, below: Int(node))
            var ends: [Int32] = []
            let automaton = grammar.automata[Int(lexeme.automaton)]
            let endings = lexeme.characters == nil ? [] : grammar.shortestEndings[Int(lexeme.automaton)]
            exits.walk.walk(trie, below: Int(node), along: (automaton, endings), from: state) {
                node,
                hasTokens,
                mayLeave in
                if hasTokens, !blocked.blocks(Int32(node)) { trie.forEachToken(node) { allowed.insert($0) } }
                if mayLeave, !blocked.blocksExit(Int32(node)) { ends.append(Int32(node)) }
            }
            exits.remaining -= ends.count
            for end in ends { follow(next, from: Int(node), leavingAt: end, &exits, &allowed) }
        }
    }

    /// The frame on top after the bytes between two nodes, if it remembers its text.
    private mutating func read(_ top: Int32, from start: Int, to node: Int, _ trie: TokenTrie) -> Int32 {
        var frame = arena.frames[Int(top)]
        guard isTracked(frame) else { return top }
        for byte in trie.path(from: start, to: node) { frame.memory = arena.link(frame.memory, Int32(byte)) }
        return arena.intern(frame)
    }

    private mutating func continuation(_ top: Int32, _ exits: inout ExitWalk) -> [Int32] {
        let frame = arena.frames[Int(top)]
        if isTracked(frame) { return leave(top).tops }
        if let known = exits.continuations[frame.parent] { return known }
        let tops = leave(top).tops
        exits.continuations[frame.parent] = tops
        return tops
    }
}

extension TokenTrie {
    func forEachToken(_ node: Int, _ body: (Int) -> Void) {
        for index in tokenStarts[node]..<tokenStarts[node + 1] { body(Int(tokens[Int(index)])) }
    }
}
