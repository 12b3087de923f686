/// A regular expression: ECMA-262 with the flag `u` as JSON Schema uses it, without what no finite automaton can follow
/// (references back, looking behind, word boundaries, looking ahead anywhere but at the beginning).
package struct RegularExpression: Sendable, Hashable {
    private let node: ExpressionNode
    /// What must, and must not, match at the beginning.
    private let lookaheads: [Lookahead]

    private struct Lookahead: Sendable, Hashable {
        var node: ExpressionNode
        var isPositive: Bool
    }

    package init(_ pattern: String) throws(GrammarError) {
        var parser = ExpressionParser(pattern)
        var parts: [ExpressionNode]
        switch try parser.parse() {
        case .sequence(let all): parts = all
        case let single: parts = [single]
        }
        var lookaheads: [Lookahead] = []
        var isAtStart = false
        while let first = parts.first {
            if first == .textStart {
                isAtStart = true
            } else if case .lookahead(let node, let isPositive) = first, isAtStart {
                lookaheads.append(Lookahead(node: node, isPositive: isPositive))
            } else {
                break
            }
            parts.removeFirst()
        }
        if isAtStart { parts.insert(.textStart, at: 0) }
        node = .sequence(parts)
        self.lookaheads = lookaheads
    }

    /// The texts that match.
    ///
    /// - Parameters:
    ///   - anchored: whether the whole text must match; otherwise it is enough that some part does.
    ///   - budget: most states.
    package func automaton(
        _ encoding: CharacterEncoding,
        anchored: Bool,
        budget: Int
    ) throws(GrammarError) -> ByteAutomaton {
        func compile(_ node: ExpressionNode, opensStart: Bool, opensEnd: Bool) throws(GrammarError) -> ByteAutomaton {
            var compiler = ExpressionCompiler(encoding, budget: budget)
            return try compiler.compile(node, opensStart: opensStart, opensEnd: opensEnd)
        }
        var automaton = try compile(node, opensStart: !anchored, opensEnd: !anchored)
        for lookahead in lookaheads {
            let other = try compile(lookahead.node, opensStart: false, opensEnd: true)
            automaton =
                lookahead.isPositive
                ? try automaton.intersection(other, budget: budget)
                : try automaton.subtracting(other, budget: budget)
        }
        return automaton
    }
}

/// Turns the tree of an expression into an automaton: first one that may be in many states at once (Thompson's
/// construction), then one that is in one (subset construction).
struct ExpressionCompiler {
    private struct State {
        var edges: [(bytes: ClosedRange<UInt8>, target: Int32)] = []
        /// States that are entered with this one.
        var jumps: [Int32] = []
        /// The same, at the beginning and at the end of the text only.
        var startJumps: [Int32] = []
        var endJumps: [Int32] = []
        /// Whether a character is half read here.
        var isInside = false
    }

    private let encoding: CharacterEncoding
    private let budget: Int
    private var states: [State] = []
    /// Visits that remain; a bound on time.
    private var visits = 5_000_000
    private var sequences: [CharacterRanges: [[ClosedRange<UInt8>]]] = [:]

    init(_ encoding: CharacterEncoding, budget: Int) {
        self.encoding = encoding
        self.budget = budget
    }

    mutating func compile(
        _ node: ExpressionNode,
        opensStart: Bool,
        opensEnd: Bool
    ) throws(GrammarError) -> ByteAutomaton {
        let anything = ExpressionNode.repetition(.characters(.all), minimum: 0, maximum: nil)
        let start = try addState()
        var end = start
        if opensStart { end = try build(anything, from: end) }
        end = try build(node, from: end)
        if opensEnd { end = try build(anything, from: end) }
        return try deterministic(start: start, end: end)
    }

    private mutating func addState(isInside: Bool = false) throws(GrammarError) -> Int32 {
        guard states.count < 4 * budget else { throw .tooManyStates(budget) }
        states.append(State(isInside: isInside))
        return Int32(states.count - 1)
    }

    // MARK: Many states at once

    /// Adds a node's states after `start` and returns the one at its end.
    private mutating func build(_ node: ExpressionNode, from start: Int32) throws(GrammarError) -> Int32 {
        switch node {
        case .empty: return start
        case .characters(let set): return try build(set, from: start)
        case .sequence(let parts):
            var end = start
            for part in parts { end = try build(part, from: end) }
            return end
        case .choice(let options):
            let end = try addState()
            for option in options {
                let first = try addState()
                states[Int(start)].jumps.append(first)
                states[Int(try build(option, from: first))].jumps.append(end)
            }
            return end
        case .repetition(let body, let minimum, let maximum):
            return try build(body, minimum: minimum, maximum: maximum, from: start)
        case .textStart:
            let end = try addState()
            states[Int(start)].startJumps.append(end)
            return end
        case .textEnd:
            let end = try addState()
            states[Int(start)].endJumps.append(end)
            return end
        case .lookahead:
            throw .syntax(
                "In the regular expression: looking ahead can be followed only at the beginning, after '^'.",
                offset: 0
            )
        }
    }

    private mutating func build(_ set: CharacterRanges, from start: Int32) throws(GrammarError) -> Int32 {
        let end = try addState()
        let sequences = sequences[set] ?? encoding.sequences(set)
        self.sequences[set] = sequences
        // Sequences that begin alike share their states.
        var shared: [[ClosedRange<UInt8>]: Int32] = [:]
        for sequence in sequences {
            var state = start
            for (index, bytes) in sequence.dropLast().enumerated() {
                let prefix = Array(sequence[...index])
                if let next = shared[prefix] {
                    state = next
                } else {
                    let next = try addState(isInside: true)
                    states[Int(state)].edges.append((bytes, next))
                    shared[prefix] = next
                    state = next
                }
            }
            if let last = sequence.last { states[Int(state)].edges.append((last, end)) }
        }
        return end
    }

    private mutating func build(
        _ body: ExpressionNode,
        minimum: Int,
        maximum: Int?,
        from start: Int32
    ) throws(GrammarError) -> Int32 {
        var end = start
        for _ in 0..<minimum {
            let next = try build(body, from: end)
            // A body that adds nothing adds nothing however often.
            if next == end { return end }
            end = next
        }
        guard let maximum else {
            let loop = try addState()
            states[Int(end)].jumps.append(loop)
            let back = try build(body, from: loop)
            if back != loop { states[Int(back)].jumps.append(loop) }
            return loop
        }
        let exit = try addState()
        states[Int(end)].jumps.append(exit)
        for _ in minimum..<max(minimum, maximum) {
            // A state of its own, so that leaving early is no way into the next round.
            let first = try addState()
            states[Int(end)].jumps.append(first)
            end = try build(body, from: first)
            if end == first { break }
            states[Int(end)].jumps.append(exit)
        }
        return exit
    }

    // MARK: One state

    private mutating func deterministic(start: Int32, end: Int32) throws(GrammarError) -> ByteAutomaton {
        var draft = AutomatonDraft()
        var indices: [[Int32]: Int32] = [:]
        var sets: [[Int32]] = []
        func index(_ set: [Int32], _ compiler: inout ExpressionCompiler) throws(GrammarError) -> Int32 {
            if let index = indices[set] { return index }
            guard sets.count < compiler.budget else { throw .tooManyStates(compiler.budget) }
            let accepts = try compiler.closure(set, atStart: sets.isEmpty, atEnd: true).contains(end)
            let isInside = set.contains { compiler.states[Int($0)].isInside }
            let index = draft.addState(isAccepting: accepts, isBoundary: !isInside)
            indices[set] = index
            sets.append(set)
            return index
        }
        // The start is a state of its own: assertions about the beginning hold there and nowhere else.
        _ = try index(closure([start], atStart: true, atEnd: false), &self)
        indices = [:]
        var position = 0
        while position < sets.count {
            let set = sets[position]
            for (bytes, targets) in try moves(set) {
                let next = try closure(targets, atStart: false, atEnd: false)
                draft.connect(Int32(position), bytes, to: try index(next, &self))
            }
            position += 1
        }
        return ByteAutomaton(draft)
    }

    /// The states that come with `set`, in order.
    private mutating func closure(_ set: [Int32], atStart: Bool, atEnd: Bool) throws(GrammarError) -> [Int32] {
        var met = Set(set)
        var work = set
        while let state = work.popLast() {
            visits -= 1
            guard visits > 0 else { throw .tooLarge("A pattern takes too long to follow; make it simpler.") }
            let state = states[Int(state)]
            for next in state.jumps + (atStart ? state.startJumps : []) + (atEnd ? state.endJumps : [])
            where met.insert(next).inserted {
                work.append(next)
            }
        }
        return met.sorted()
    }

    /// Where each byte leads from a set of states: ranges of bytes, in order.
    private mutating func moves(
        _ set: [Int32]
    ) throws(GrammarError) -> [(bytes: ClosedRange<UInt8>, targets: [Int32])] {
        var cuts = [Bool](repeating: false, count: 257)
        var edges: [(bytes: ClosedRange<UInt8>, target: Int32)] = []
        for state in set { edges += states[Int(state)].edges }
        visits -= edges.count
        guard visits > 0 else { throw .tooLarge("A pattern takes too long to follow; make it simpler.") }
        for edge in edges {
            cuts[Int(edge.bytes.lowerBound)] = true
            cuts[Int(edge.bytes.upperBound) + 1] = true
        }
        var moves: [(bytes: ClosedRange<UInt8>, targets: [Int32])] = []
        var first = 0
        while first < 256 {
            var last = first
            while last < 255, !cuts[last + 1] { last += 1 }
            let bytes = UInt8(first)...UInt8(last)
            let targets = Set(edges.filter { $0.bytes.contains(bytes.lowerBound) }.map(\.target))
            if !targets.isEmpty { moves.append((bytes, targets.sorted())) }
            first = last + 1
        }
        return moves
    }
}
