import Grammars
import Testing

@Suite struct ByteAutomatonTests {
    private let budget = 10_000

    @Test func `a literal accepts its bytes and nothing else`() {
        let automaton = ByteAutomaton.literal(Array("héß".utf8))
        #expect(automaton.accepts("héß".utf8))
        #expect(!automaton.accepts("hé".utf8))
        #expect(!automaton.accepts("héßx".utf8))
        #expect(automaton.words(limit: 1) == [Array("héß".utf8)])
        #expect(automaton.stateCount == 6)
    }

    @Test func `a literal's boundaries are the ends of its characters`() {
        let automaton = ByteAutomaton.literal(Array("aé😀".utf8))
        #expect(boundaries(automaton, "aé😀") == [true, true, false, true, false, false, false, true])
    }

    @Test func `the literal of nothing accepts the empty text alone`() {
        let automaton = ByteAutomaton.literal([])
        #expect(automaton.acceptsEmpty)
        #expect(automaton.isFinal(automaton.start))
        #expect(automaton.wordCount(limit: 5) == 1)
    }

    @Test func `the empty language has no state`() throws {
        for automaton in [ByteAutomaton.empty, try .anyOf([], budget: budget)] {
            #expect(automaton.isEmpty)
            #expect(automaton.stateCount == 0)
            #expect(automaton.start == ByteAutomaton.dead)
            #expect(!automaton.acceptsEmpty)
            #expect(automaton.isFinite)
            #expect(automaton.wordCount(limit: 3) == 0)
            #expect(automaton.words(limit: 0) == [])
            #expect(!automaton.accepts([]))
        }
    }

    @Test func `a list of texts accepts each, gives them back in order and shares their ends`() throws {
        let words = ["tapped", "tap", "top", "topped", "é", "ê", ""].map { Array($0.utf8) }
        let automaton = try ByteAutomaton.anyOf(words + words, budget: budget)
        #expect(automaton.words(limit: 7) == words.sorted { $0.lexicographicallyPrecedes($1) })
        #expect(automaton.words(limit: 6) == nil)
        #expect(automaton.wordCount(limit: 100) == 7)
        #expect(automaton.wordCount(limit: 4) == 4)
        // start; t; to = ta; tap = top; p; e; d — and one inside é and ê, of which the end is that of "tapped".
        #expect(automaton.stateCount == 8)
    }

    @Test func `too many states for a budget are refused`() {
        let words = (0..<200).map { Array("\($0) is a text".utf8) }
        #expect(throws: GrammarError.self) { try ByteAutomaton.anyOf(words, budget: 50) }
    }

    @Test func `words are counted past the limits of integers`() throws {
        let automaton = try RegularExpression("[a-z]{100}").automaton(.utf8, anchored: true, budget: budget)
        #expect(automaton.isFinite)
        #expect(automaton.wordCount(limit: .max) == .max)
        #expect(automaton.words(limit: .max - 1) == nil)
        #expect(automaton.words(limit: .max) == nil)
    }

    @Test func `a loop makes a language infinite, and only then`() throws {
        let loop = try RegularExpression("a*b").automaton(.utf8, anchored: true, budget: budget)
        #expect(!loop.isFinite)
        #expect(loop.words(limit: 1000) == nil)
        #expect(loop.wordCount(limit: 1000) == 1000)
        let none = try RegularExpression("(?:ab?){3}").automaton(.utf8, anchored: true, budget: budget)
        #expect(none.isFinite)
        #expect(none.wordCount(limit: 1000) == 8)
    }

    @Test func `the smallest automaton is itself`() throws {
        let automaton = try RegularExpression("(?:a|b)*abb|é+").automaton(.utf8, anchored: true, budget: budget)
        #expect(automaton.minimized() == automaton)
        #expect(ByteAutomaton.empty.minimized() == .empty)
    }

    @Test(arguments: [
        ("(?:a|b)*", "[ab]*"), ("a(?:b|c)d|a(?:c|b)d", "a[bc]d"), ("(?:a*)*", "a*"), ("aa*", "a+"),
        ("(?:a|ab)(?:c|bcd)?", "a(?:b(?:c(?:d)?)?)?|ac|abbcd"), ("\\u00e9|\\u00ea", "[éê]"), ("", "(?:)"),
        ("(?:a+)+(?:b?){3}", "a+b{0,3}"), ("[^\\x00-\\x{10FFFF}]", "[^\\s\\S]a"),
    ])
    func `equal languages are equal values`(left: String, right: String) throws {
        for encoding in [CharacterEncoding.utf8, .jsonString] {
            let left = try RegularExpression(left).automaton(encoding, anchored: true, budget: budget)
            let right = try RegularExpression(right).automaton(encoding, anchored: true, budget: budget)
            #expect(left == right)
            #expect(left.hashValue == right.hashValue)
        }
    }

    @Test func `where texts of any length can follow everywhere is known`() throws {
        func loops(_ pattern: String) throws -> Bool {
            try RegularExpression(pattern).automaton(.utf8, anchored: true, budget: budget).everyStateLoops
        }
        #expect(try loops("\"a*\""))
        #expect(try !loops("a*|bc"))
        #expect(try loops("(?:ab)+c"))
        #expect(try !loops("a*bcd"))
    }

    private func boundaries(_ automaton: ByteAutomaton, _ text: String) -> [Bool] {
        var state = automaton.start
        var boundaries = [automaton.isBoundary(state)]
        for byte in text.utf8 {
            state = automaton.next(state, byte)
            boundaries.append(automaton.isBoundary(state))
        }
        return boundaries
    }
}
