/// A regular expression: ECMA-262 with the flag `u` as JSON Schema uses it, and what Python and Rust write differently for
/// the same, without what no finite automaton can follow (references back) and without looking behind, word
/// boundaries, and looking ahead anywhere but at the beginning. `\d`, `\w` are ASCII; `.` takes no line end.
package struct RegularExpression: Sendable, Hashable {
    private let node: ExpressionNode
    /// What reading it took, in parts of an automaton.
    private let readingCount: Int

    package init(_ pattern: String) throws(GrammarError) {
        var parser = try ExpressionParser(pattern)
        node = try parser.parse()
        readingCount = parser.rangeCount
        guard node.looksAheadFirst else {
            throw .syntax("In the regular expression: looking ahead can be followed only at its beginning.", offset: 0)
        }
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
        try automaton(encoding, anchored: anchored, budget: budget, work: CompilationWork())
    }

    /// - Parameter work: pays for it.
    func automaton(
        _ encoding: CharacterEncoding,
        anchored: Bool,
        budget: Int,
        work: CompilationWork
    ) throws(GrammarError) -> ByteAutomaton {
        try work.charge(parts: readingCount, steps: 0)
        var compiler = ExpressionCompiler(encoding, budget: budget)
        let automaton = try compiler.compile(node, opensStart: !anchored, opensEnd: !anchored)
        try work.charge(parts: compiler.partCount, steps: compiler.stepCount)
        return automaton
    }
}

extension ExpressionNode {
    /// Whether something must be known of what follows.
    fileprivate var looksAhead: Bool {
        switch self {
        case .empty, .characters, .textStart, .textEnd: false
        case .lookahead: true
        case .sequence(let parts), .choice(let parts): parts.contains(where: \.looksAhead)
        case .repetition(let body, _, _): body.looksAhead
        }
    }

    /// Whether looking ahead comes before all that matches characters.
    fileprivate var looksAheadFirst: Bool {
        switch self {
        case .empty, .characters, .textStart, .textEnd: true
        case .lookahead(let body, _): body.looksAheadFirst
        case .choice(let options): options.allSatisfy(\.looksAheadFirst)
        case .repetition(let body, _, _): !body.looksAhead
        case .sequence(let parts):
            parts.allSatisfy(\.looksAheadFirst)
                && !parts.drop { !$0.matchesCharacters }.dropFirst().contains(where: \.looksAhead)
        }
    }

    /// Whether a match may have characters.
    private var matchesCharacters: Bool {
        switch self {
        case .empty, .textStart, .textEnd, .lookahead: false
        case .characters: true
        case .sequence(let parts), .choice(let parts): parts.contains(where: \.matchesCharacters)
        case .repetition(let body, _, _): body.matchesCharacters
        }
    }
}
