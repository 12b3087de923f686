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

    private struct Pair: Hashable {
        var left: Int32
        var right: Int32
    }

    /// The product with another automaton.
    ///
    /// - Parameter isKept: whether a text is accepted, from whether each accepts it. What both refuse is refused.
    private func product(
        _ other: ByteAutomaton,
        budget: Int,
        isKept: @escaping (Bool, Bool) -> Bool
    ) throws(GrammarError) -> ByteAutomaton {
        func accepts(_ automaton: ByteAutomaton, _ state: Int32) -> Bool {
            state != Self.dead && automaton.isAccepting(state)
        }
        let runs = runStarts(with: other)
        let needsLeft = !isKept(false, true)
        let needsRight = !isKept(true, false)
        return try Self.exploring(from: Pair(left: start, right: other.start), budget: budget) { pair in
            StateKind(
                isAccepting: isKept(accepts(self, pair.left), accepts(other, pair.right)),
                isBoundary: pair.left != Self.dead ? isBoundary(pair.left) : other.isBoundary(pair.right)
            )
        } edges: { (pair) throws(GrammarError) in
            var edges: [(bytes: ClosedRange<UInt8>, target: Pair)] = []
            for (index, byte) in runs.enumerated() {
                let left = pair.left == Self.dead ? Self.dead : next(pair.left, byte)
                let right = pair.right == Self.dead ? Self.dead : other.next(pair.right, byte)
                if needsLeft && left == Self.dead || needsRight && right == Self.dead { continue }
                if left == Self.dead && right == Self.dead { continue }
                edges.append((byte...Self.runEnd(runs, index), Pair(left: left, right: right)))
            }
            return edges
        }
    }

    private static func runEnd(_ runs: [UInt8], _ index: Int) -> UInt8 {
        index + 1 < runs.count ? runs[index + 1] - 1 : .max
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
        // A state is that of the first text, and those of every second text that may have begun.
        struct State: Hashable {
            var first: Int32
            var second: [Int32]
        }
        func state(_ first: Int32, _ second: Set<Int32>) -> State {
            var second = second
            if first != Self.dead, isAccepting(first) { second.insert(other.start) }
            return State(first: first, second: second.sorted())
        }
        let runs = runStarts(with: other)
        return try Self.exploring(from: state(start, []), budget: budget) { state in
            StateKind(
                isAccepting: state.second.contains { other.isAccepting($0) },
                isBoundary: state.first != Self.dead ? isBoundary(state.first) : other.isBoundary(state.second[0])
            )
        } edges: { (from) throws(GrammarError) in
            var edges: [(bytes: ClosedRange<UInt8>, target: State)] = []
            for (index, byte) in runs.enumerated() {
                let first = from.first == Self.dead ? Self.dead : next(from.first, byte)
                let second = Set(from.second.map { other.next($0, byte) }).subtracting([Self.dead])
                let target = state(first, second)
                if target.first == Self.dead, target.second.isEmpty { continue }
                edges.append((byte...Self.runEnd(runs, index), target))
            }
            return edges
        }
    }

    // MARK: Lengths

    /// Accepts the texts of which the characters are at least `minimum` and at most `maximum`.
    package func bounded(
        characters minimum: Int,
        _ maximum: Int?,
        budget: Int
    ) throws(GrammarError) -> ByteAutomaton {
        guard !isEmpty, minimum <= maximum ?? .max else { return .empty }
        struct State: Hashable {
            var state: Int32
            var count: Int
        }
        let most = maximum ?? minimum
        return try Self.exploring(from: State(state: start, count: 0), budget: budget) { state in
            StateKind(
                isAccepting: isAccepting(state.state) && state.count >= minimum,
                isBoundary: isBoundary(state.state)
            )
        } edges: { (from) throws(GrammarError) in
            self.edges(from.state).compactMap { edge in
                var count = from.count + (isBoundary(edge.target) ? 1 : 0)
                if maximum == nil { count = min(count, most) }
                return count > most ? nil : (edge.bytes, State(state: edge.target, count: count))
            }
        }
    }
}
