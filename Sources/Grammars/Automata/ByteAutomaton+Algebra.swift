extension ByteAutomaton {
    // MARK: Texts

    /// Accepts one text.
    package static func literal(_ bytes: [UInt8]) -> ByteAutomaton {
        var draft = AutomatonDraft()
        for index in 0...bytes.count {
            // Where the next byte begins a character, the ones before are whole.
            let isBoundary = index == bytes.count || bytes[index] & 0xC0 != 0x80
            let state = draft.addState(isAccepting: index == bytes.count, isBoundary: isBoundary)
            if index > 0 { draft.connect(state - 1, bytes[index - 1]...bytes[index - 1], to: state) }
        }
        return ByteAutomaton(draft)
    }

    /// Accepts the texts of a list.
    package static func anyOf(_ words: [[UInt8]], budget: Int) throws(GrammarError) -> ByteAutomaton {
        let words = words.sorted { $0.lexicographicallyPrecedes($1) }
        guard !words.isEmpty else { return .empty }
        // A state is the range of the words that agree so far, and how far.
        struct State: Hashable {
            var words: Range<Int>
            var depth: Int
        }
        return try exploring(from: State(words: words.indices, depth: 0), budget: budget) { state in
            let word = words[state.words.lowerBound]
            let next = words[state.words.upperBound - 1]
            return StateKind(
                isAccepting: word.count == state.depth,
                isBoundary: next.count == state.depth || next[state.depth] & 0xC0 != 0x80
            )
        } edges: { (state) throws(GrammarError) in
            var edges: [(bytes: ClosedRange<UInt8>, target: State)] = []
            var first = state.words.lowerBound
            while first < state.words.upperBound {
                guard words[first].count > state.depth else {
                    first += 1
                    continue
                }
                let byte = words[first][state.depth]
                var last = first + 1
                while last < state.words.upperBound, words[last][state.depth] == byte { last += 1 }
                edges.append((byte...byte, State(words: first..<last, depth: state.depth + 1)))
                first = last
            }
            return edges
        }
    }

    // MARK: Two together

    /// The product with another automaton.
    ///
    /// - Parameter isKept: whether a text is accepted, from whether each accepts it. What both refuse is refused.
    private func product(
        _ other: ByteAutomaton,
        budget: Int,
        isKept: @escaping (Bool, Bool) -> Bool
    ) throws(GrammarError) -> ByteAutomaton {
        let needsLeft = !isKept(false, true)
        let needsRight = !isKept(true, false)
        let (cuts, kinds) = commonKinds(other)
        var pairs = StatePairs(AutomatonTable(cuts: cuts), budget: budget) { pair in
            let (left, right) = (pair.left, pair.right)
            let accepts = isKept(
                left != Self.dead && isAccepting(left),
                right != Self.dead && other.isAccepting(right)
            )
            let isBoundary = left != Self.dead ? isBoundary(left) : other.isBoundary(right)
            return (accepts ? AutomatonTable.accepting : 0) | (isBoundary ? AutomatonTable.boundary : 0)
        }
        return ByteAutomaton(
            try pairs.explore(from: .init(left: start, right: other.start)) { pair, kind in
                let left = pair.left == Self.dead ? Self.dead : next(pair.left, kind: kinds[kind].left)
                let right = pair.right == Self.dead ? Self.dead : other.next(pair.right, kind: kinds[kind].right)
                if needsLeft && left == Self.dead || needsRight && right == Self.dead { return nil }
                return left == Self.dead && right == Self.dead ? nil : .init(left: left, right: right)
            }
        )
    }

    /// Where runs of bytes that both automata treat alike begin, `[257]`, and the kinds of each run in both.
    private func commonKinds(_ other: ByteAutomaton) -> (cuts: [Bool], kinds: [(left: UInt8, right: UInt8)]) {
        var cuts = [Bool](repeating: false, count: 257)
        var kinds = [(left: kind(of: 0), right: other.kind(of: 0))]
        for byte in UInt8(1)...255 {
            let next = (left: kind(of: byte), right: other.kind(of: byte))
            if next == (kind(of: byte - 1), other.kind(of: byte - 1)) { continue }
            cuts[Int(byte)] = true
            kinds.append(next)
        }
        return (cuts, kinds)
    }

    /// Accepts what both accept.
    package func intersection(_ other: ByteAutomaton, budget: Int) throws(GrammarError) -> ByteAutomaton {
        if isEmpty || other.isEmpty { return .empty }
        return try product(other, budget: budget) { $0 && $1 }
    }

    /// Accepts what either accepts.
    package func union(_ other: ByteAutomaton, budget: Int) throws(GrammarError) -> ByteAutomaton {
        if isEmpty { return other }
        if other.isEmpty { return self }
        return try product(other, budget: budget) { $0 || $1 }
    }

    /// Accepts what this accepts and the other does not.
    package func subtracting(_ other: ByteAutomaton, budget: Int) throws(GrammarError) -> ByteAutomaton {
        if isEmpty || other.isEmpty { return self }
        return try product(other, budget: budget) { $0 && !$1 }
    }

    /// Accepts a text of this and then one of the other.
    package func followed(by other: ByteAutomaton, budget: Int) throws(GrammarError) -> ByteAutomaton {
        if isEmpty || other.isEmpty { return .empty }
        var both = NondeterministicAutomaton(budget: budget)
        let (first, ends) = try both.add(self)
        let (second, lastEnds) = try both.add(other)
        for end in ends { both.jump(from: end, to: second) }
        let end = try both.addState()
        for last in lastEnds { both.jump(from: last, to: end) }
        var work = SubsetConstruction.workLimit
        return try both.deterministic(start: first, end: end, budget: budget, work: &work)
    }

    // MARK: Lengths

    /// Accepts the texts of which the characters are at least `minimum` and at most `maximum`; no maximum is no limit.
    ///
    /// Takes up to as many states as this automaton's times the greater bound.
    package func bounded(
        characters minimum: Int,
        _ maximum: Int?,
        budget: Int
    ) throws(GrammarError) -> ByteAutomaton {
        guard !isEmpty, minimum <= maximum ?? .max else { return .empty }
        var kinds: [UInt8] = [kind(of: 0)]
        var cuts = [Bool](repeating: false, count: 257)
        for byte in UInt8(1)...255 where kind(of: byte) != kind(of: byte - 1) {
            cuts[Int(byte)] = true
            kinds.append(kind(of: byte))
        }
        var pairs = StatePairs(AutomatonTable(cuts: cuts), budget: budget) { pair in
            (isAccepting(pair.left) && Int(pair.right) >= minimum ? AutomatonTable.accepting : 0)
                | (isBoundary(pair.left) ? AutomatonTable.boundary : 0)
        }
        return ByteAutomaton(
            try pairs.explore(from: .init(left: start, right: 0)) { pair, kind in
                let target = next(pair.left, kind: kinds[kind])
                if target == Self.dead { return nil }
                let count = Int(pair.right) + (isBoundary(target) ? 1 : 0)
                if let maximum, count > maximum { return nil }
                // No count is greater than the budget, by which it ends.
                return .init(left: target, right: Int32(maximum == nil ? min(count, max(0, minimum)) : count))
            }
        )
    }
}
