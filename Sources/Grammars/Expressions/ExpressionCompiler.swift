/// Turns the tree of an expression into an automaton: first one that may be in many states at once (Thompson's
/// construction), then one that is in one (subset construction).
struct ExpressionCompiler {
    private let encoding: CharacterEncoding
    private let budget: Int
    private var work: Int
    private var automaton: NondeterministicAutomaton
    private var fragments: [CharacterRanges: CharacterFragment] = [:]
    private var lookaheads: [ExpressionNode: Int] = [:]

    init(_ encoding: CharacterEncoding, budget: Int) {
        self.init(encoding, budget: budget, work: SubsetConstruction.workLimit)
    }

    private init(_ encoding: CharacterEncoding, budget: Int, work: Int) {
        self.encoding = encoding
        self.budget = budget
        self.work = work
        automaton = NondeterministicAutomaton(budget: budget)
    }

    /// States that were made, and steps that were taken to follow them, whether or not that came to an end.
    var partCount: Int { automaton.stateCount }
    var stepCount: Int { SubsetConstruction.workLimit - work }

    private static let anything = ExpressionNode.repetition(.characters(.all), minimum: 0, maximum: nil)

    /// The automaton of an expression.
    ///
    /// - Parameters:
    ///   - opensStart: whether anything may come before.
    ///   - opensEnd: whether anything may follow.
    mutating func compile(
        _ node: ExpressionNode,
        opensStart: Bool,
        opensEnd: Bool
    ) throws(GrammarError) -> ByteAutomaton {
        try compile(node, opensStart: opensStart, opensEnd: opensEnd, isTextStart: true)
    }

    private mutating func compile(
        _ node: ExpressionNode,
        opensStart: Bool,
        opensEnd: Bool,
        isTextStart: Bool
    ) throws(GrammarError) -> ByteAutomaton {
        automaton = NondeterministicAutomaton(budget: budget)
        lookaheads = [:]
        let start = try automaton.addState()
        var end = start
        if opensStart { end = try build(Self.anything, from: end) }
        end = try build(node, from: end)
        if opensEnd {
            end = try build(Self.anything, from: end)
            automaton.universal = end
        }
        return try automaton.deterministic(
            start: start,
            end: end,
            isTextStart: isTextStart,
            budget: budget,
            work: &work
        )
    }

    /// Adds a node's states after `start` and returns the one at its end. Nothing is added that leads back to `start`.
    private mutating func build(_ node: ExpressionNode, from start: Int32) throws(GrammarError) -> Int32 {
        switch node {
        case .empty: return start
        case .characters(let set): return try build(set, from: start)
        case .sequence(let parts):
            var end = start
            for part in parts { end = try build(part, from: end) }
            return end
        case .choice(let options):
            let end = try automaton.addState()
            for option in options {
                let first = try automaton.addState()
                automaton.jump(from: start, to: first)
                automaton.jump(from: try build(option, from: first), to: end)
            }
            return end
        case .repetition(let body, let minimum, let maximum):
            if let simpler = node.simplerRepetition { return try build(simpler, from: start) }
            guard let maximum else { return try build(body, atLeast: minimum, from: start) }
            return try build(body, minimum...max(minimum, maximum), from: start)
        case .textStart: return try jump(when: .textStart, from: start)
        case .textEnd: return try jump(when: .textEnd, from: start)
        case .lookahead(let body, let isPositive):
            return try jump(when: .lookahead(try lookahead(node, body, isPositive)), from: start)
        }
    }

    private mutating func jump(
        when condition: NondeterministicAutomaton.Condition,
        from start: Int32
    ) throws(GrammarError) -> Int32 {
        let end = try automaton.addState()
        automaton.jump(from: start, to: end, when: condition)
        return end
    }

    private mutating func build(_ set: CharacterRanges, from start: Int32) throws(GrammarError) -> Int32 {
        let fragment: CharacterFragment
        if let known = fragments[set] {
            fragment = known
        } else {
            fragment = CharacterFragment(encoding.sequences(set))
            fragments[set] = fragment
        }
        var states: [Int32] = [try automaton.addState()]
        for _ in fragment.nodes.dropFirst() { states.append(try automaton.addState(isInside: true)) }
        for (node, state) in zip(fragment.nodes, states) {
            for edge in node { automaton.connect(state, edge.bytes, to: states[edge.target]) }
        }
        for edge in fragment.first { automaton.connect(start, edge.bytes, to: states[edge.target]) }
        return states[0]
    }

    private mutating func build(
        _ body: ExpressionNode,
        atLeast minimum: Int,
        from start: Int32
    ) throws(GrammarError) -> Int32 {
        var end = start
        for _ in 0..<max(0, minimum - 1) {
            let next = try build(body, from: end)
            // A body that adds nothing adds nothing however often.
            if next == end { return end }
            end = next
        }
        let loop = try automaton.addState()
        automaton.jump(from: end, to: loop)
        let back = try build(body, from: loop)
        if back == loop { return loop }
        automaton.jump(from: back, to: loop)
        guard minimum > 0 else { return loop }
        // A state of its own: what follows must not be entered from the middle of a loop inside the body.
        let exit = try automaton.addState()
        automaton.jump(from: back, to: exit)
        return exit
    }

    private mutating func build(
        _ body: ExpressionNode,
        _ counts: ClosedRange<Int>,
        from start: Int32
    ) throws(GrammarError) -> Int32 {
        var end = start
        for _ in 0..<counts.lowerBound {
            let next = try build(body, from: end)
            if next == end { return end }
            end = next
        }
        if counts.count == 1 { return end }
        let exit = try automaton.addState()
        automaton.jump(from: end, to: exit)
        for _ in counts.dropFirst() {
            // A state of its own, so that leaving early is no way into the next round.
            let first = try automaton.addState()
            automaton.jump(from: end, to: first)
            end = try build(body, from: first)
            if end == first { break }
            automaton.jump(from: end, to: exit)
        }
        return exit
    }

    /// The index of a lookahead: an automaton of whole rests of texts.
    private mutating func lookahead(
        _ node: ExpressionNode,
        _ body: ExpressionNode,
        _ isPositive: Bool
    ) throws(GrammarError) -> Int {
        if let index = lookaheads[node] { return index }
        var compiler = ExpressionCompiler(encoding, budget: budget, work: work)
        let anything = try compiler.compile(Self.anything, opensStart: false, opensEnd: false)
        func compiled(isTextStart: Bool) throws(GrammarError) -> ByteAutomaton {
            let matching = try compiler.compile(body, opensStart: false, opensEnd: true, isTextStart: isTextStart)
            return isPositive ? matching : try anything.subtracting(matching, budget: budget)
        }
        let atStart = try compiled(isTextStart: true)
        let later = body.asksForStart ? try compiled(isTextStart: false) : atStart
        work = compiler.work
        automaton.anything = anything
        let index = automaton.add(.init(atStart: atStart, later: later))
        lookaheads[node] = index
        return index
    }
}

extension ExpressionNode {
    /// The same texts with fewer repetitions: `(x?)*` is `x*`, and `(x?){9}` is `x{0,9}`. Nil when nothing is gained.
    fileprivate var simplerRepetition: ExpressionNode? {
        guard case .repetition(let body, let minimum, let maximum) = self else { return nil }
        if maximum == 0 { return .empty }
        if minimum == 1, maximum == 1 { return body }
        guard case .repetition(let inner, let least, let most) = body else { return nil }
        if least == 0, most == nil { return body }
        if least == 0, most == 1 { return .repetition(inner, minimum: 0, maximum: maximum) }
        if least == 1, most == nil { return .repetition(inner, minimum: minimum, maximum: nil) }
        return nil
    }

    /// Whether some part matches at the start of the text only.
    fileprivate var asksForStart: Bool {
        switch self {
        case .empty, .characters, .textEnd: false
        case .textStart: true
        case .sequence(let parts), .choice(let parts): parts.contains(where: \.asksForStart)
        case .repetition(let body, _, _), .lookahead(let body, _): body.asksForStart
        }
    }
}

/// The bytes of a set of characters as a small automaton without loops: equal rests of sequences are one.
struct CharacterFragment {
    struct Edge: Hashable {
        var bytes: ClosedRange<UInt8>
        var target: Int
    }

    /// Node 0 is the end; all others are inside a character.
    private(set) var nodes: [[Edge]] = [[]]
    /// What begins a character.
    private(set) var first: [Edge] = []
    private var numbers: [[Edge]: Int] = [:]

    /// - Parameter sequences: bytes of one character each; those at one place are equal or do not overlap.
    init(_ sequences: [[ClosedRange<UInt8>]]) {
        let sorted = sequences.sorted { left, right in
            left.lexicographicallyPrecedes(right) { $0.lowerBound < $1.lowerBound }
        }
        first = edges(sorted[...], depth: 0)
    }

    /// Characters have at most six bytes, so this recursion ends soon.
    private mutating func edges(_ sequences: ArraySlice<[ClosedRange<UInt8>]>, depth: Int) -> [Edge] {
        var edges: [Edge] = []
        var index = sequences.startIndex
        while index < sequences.endIndex {
            let bytes = sequences[index][depth]
            var last = index + 1
            while last < sequences.endIndex, sequences[last][depth] == bytes { last += 1 }
            let target = sequences[index].count == depth + 1 ? 0 : node(sequences[index..<last], depth: depth + 1)
            if let previous = edges.last, previous.target == target, previous.bytes.upperBound + 1 == bytes.lowerBound {
                edges[edges.count - 1].bytes = previous.bytes.lowerBound...bytes.upperBound
            } else {
                edges.append(Edge(bytes: bytes, target: target))
            }
            index = last
        }
        return edges
    }

    private mutating func node(_ sequences: ArraySlice<[ClosedRange<UInt8>]>, depth: Int) -> Int {
        let edges = edges(sequences, depth: depth)
        if let number = numbers[edges] { return number }
        nodes.append(edges)
        numbers[edges] = nodes.count - 1
        return nodes.count - 1
    }
}
