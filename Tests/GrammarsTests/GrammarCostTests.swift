import JSON
import Testing

@testable import Grammars

/// What is counted over automata, and what making them costs.
@Suite struct GrammarCostTests {
    /// Some characters of several bytes, so that not every state lies between two.
    private static let patterns = [
        "a*", "(?:ab|é){2,3}c?", "(?:é|€|😀)*x", "[a-cé]{0,9}", "(?:a|bb|ccc)*é", "abc|abd|é", "(?:[ab]{7})*",
        "a{3}|(?:bé)+",
    ]

    private func automaton(_ pattern: String) throws -> ByteAutomaton {
        try RegularExpression(pattern).automaton(.utf8, anchored: true, budget: 10_000)
    }

    @Test(arguments: patterns)
    func `the shortest endings are those that relaxing finds`(pattern: String) throws {
        let automaton = try automaton(pattern)
        let states = Array(0..<Int32(automaton.stateCount))
        var distances = states.map { automaton.isAccepting($0) ? 0 : Int.max }
        for _ in states {
            for state in states {
                for edge in automaton.edges(state) where distances[Int(edge.target)] < .max {
                    let distance = distances[Int(edge.target)] + (automaton.isBoundary(edge.target) ? 1 : 0)
                    distances[Int(state)] = min(distances[Int(state)], distance)
                }
            }
        }
        #expect(automaton.shortestEndings().map(Int.init) == distances)
    }

    @Test(arguments: patterns)
    func `completions of the start are the texts, and endless behind a loop`(pattern: String) throws {
        let automaton = try automaton(pattern)
        let completions = automaton.completions()
        #expect(Int(completions[Int(automaton.start)]) == automaton.wordCount(limit: Int(Int32.max)))
        for (state, leads) in automaton.leadingToLoops().enumerated() {
            #expect((completions[state] == .max) == leads)
        }
    }

    @Test func `the automaton without texts has nothing to count`() {
        #expect(ByteAutomaton.empty.shortestEndings().isEmpty && ByteAutomaton.empty.completions().isEmpty)
    }

    @Test func `a condition that was made costs nothing again, wherever it stands`() throws {
        let scalars = ScalarAutomata()
        func rules(_ pointer: String) -> NumberRules {
            var rules = NumberRules()
            rules.multiples = [.init(kind: .multiple, text: "7", pointer: pointer)]
            return rules
        }
        let first = try scalars.numbers(rules("/a"), excluded: [])
        let spent = scalars.work.spent
        #expect(spent > 0)
        #expect(try scalars.numbers(rules("/b"), excluded: []) == first)
        #expect(scalars.work.spent == spent)
        #expect(try scalars.numbers(rules("/b"), excluded: [7]) != first)
        #expect(scalars.work.spent > spent)
    }

    @Test func `what is a pattern is not taken for the format of that name`() throws {
        let scalars = ScalarAutomata()
        let text = StringRules.Pattern(text: "date", isPositive: true, pointer: "")
        let pattern = try scalars.content(StringRules(patterns: [text]))
        let format = try scalars.content(StringRules(formats: [text]))
        #expect(pattern.accepts(#""date""#.utf8) && !format.accepts(#""date""#.utf8))
        #expect(format.accepts(#""2024-02-29""#.utf8) && !pattern.accepts(#""2024-02-29""#.utf8))
    }

    @Test func `work ends at its limit`() throws {
        let work = CompilationWork()
        try work.charge(CompilationWork.limit)
        let error = try #require(throws: GrammarError.self) { try work.charge(1) }
        guard case .tooLarge = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test(arguments: ["k", "K", "ſ", "ß", "i", "Σ"])
    func `cases are added alike to small sets and to all others`(letter: String) throws {
        let scalar = try #require(letter.unicodeScalars.first?.value)
        let small = CharacterRanges(scalar).caseFolded
        #expect(small.contains(scalar))
        // All but one letter and its variants stay without them; without the letter alone its variants bring it back.
        #expect(small.inverted.caseFolded == small.inverted)
        let others = small.subtracting(CharacterRanges(scalar))
        let rest = CharacterRanges(scalar).inverted
        #expect(rest.caseFolded == (others.isEmpty ? rest : .all))
    }
}
