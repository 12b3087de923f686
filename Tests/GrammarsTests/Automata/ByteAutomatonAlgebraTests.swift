import Grammars
import Testing

@Suite struct ByteAutomatonAlgebraTests {
    private let budget = 10_000

    @Test(arguments: 1...60)
    func `operations on automata are those on sets of texts`(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed))
        let left = Self.randomWords(&random)
        let right = Self.randomWords(&random)
        let first = try ByteAutomaton.anyOf(left.map { Array($0.utf8) }, budget: budget)
        let second = try ByteAutomaton.anyOf(right.map { Array($0.utf8) }, budget: budget)
        #expect(texts(try first.union(second, budget: budget)) == left.union(right))
        #expect(texts(try first.intersection(second, budget: budget)) == left.intersection(right))
        #expect(texts(try first.subtracting(second, budget: budget)) == left.subtracting(right))
        let joined = Set(left.flatMap { start in right.map { start + $0 } })
        #expect(texts(try first.followed(by: second, budget: budget)) == joined)
        let (minimum, maximum) = (Int.random(in: 0...3, using: &random), Int.random(in: 0...4, using: &random))
        let bounded = try first.bounded(characters: minimum, maximum, budget: budget)
        #expect(
            texts(bounded)
                == left.filter { minimum <= maximum && (minimum...maximum).contains($0.unicodeScalars.count) }
        )
        let long = try first.bounded(characters: minimum, nil, budget: budget)
        #expect(texts(long) == left.filter { $0.unicodeScalars.count >= minimum })
    }

    @Test func `what operations yield is the smallest automaton`() throws {
        let letters = try automaton("[a-z]*")
        let capitals = try automaton("[A-Z]*")
        #expect(try letters.union(capitals, budget: budget) == automaton("[a-z]*|[A-Z]*"))
        #expect(try letters.followed(by: letters, budget: budget) == letters)
        #expect(try letters.subtracting(letters, budget: budget) == .empty)
        #expect(try letters.intersection(capitals, budget: budget) == .literal([]))
        #expect(try letters.subtracting(automaton("a*"), budget: budget) == automaton("a*[b-z][a-z]*"))
    }

    @Test func `lengths count characters, not bytes nor escapes`() throws {
        let any = try RegularExpression("[\\s\\S]*").automaton(.jsonString, anchored: true, budget: budget)
        let three = try any.bounded(characters: 3, 3, budget: budget)
        for text in ["abc", "é😀ß", #"\n\"\\"#, #"\u0001a\u001f"#] { #expect(three.accepts(text.utf8), "\(text)") }
        for text in ["ab", "abcd", "é😀", #"\n\"\\a"#, #"\u0001"#, "\"ab", "\n\n\n"] {
            #expect(!three.accepts(text.utf8), "\(text)")
        }
    }

    @Test func `bounds that nothing can meet leave nothing, however great`() throws {
        let short = try automaton("a{2,4}")
        #expect(try short.bounded(characters: 5, nil, budget: budget).isEmpty)
        #expect(try short.bounded(characters: 4, 3, budget: budget).isEmpty)
        #expect(try short.bounded(characters: .max, nil, budget: budget).isEmpty)
        #expect(try short.bounded(characters: -3, .max, budget: budget) == short)
        #expect(try short.bounded(characters: 0, 3, budget: budget) == automaton("a{2,3}"))
    }

    @Test func `bounds too great for a budget are refused`() throws {
        let any = try automaton(".*")
        #expect(throws: GrammarError.self) { try any.bounded(characters: 0, 1_000_000_000_000, budget: budget) }
        #expect(throws: GrammarError.self) { try any.bounded(characters: .max, nil, budget: budget) }
    }

    @Test func `products keep to their budget`() throws {
        let left = try automaton("(?:.{97})*")
        let right = try automaton("(?:.{89})*")
        #expect(throws: GrammarError.self) { try left.intersection(right, budget: 5_000) }
        #expect(throws: GrammarError.self) {
            try automaton(".*a").followed(by: automaton(".{12}"), budget: 1_000)
        }
    }

    private func automaton(_ pattern: String) throws -> ByteAutomaton {
        try RegularExpression(pattern).automaton(.utf8, anchored: true, budget: budget)
    }

    private func texts(_ automaton: ByteAutomaton) -> Set<String>? {
        automaton.words(limit: 1000).map { Set($0.map { String(decoding: $0, as: UTF8.self) }) }
    }

    /// Up to ten texts of up to four characters out of four, of which two begin with the same byte.
    private static func randomWords(_ random: inout SplitMix) -> Set<String> {
        var words: Set<String> = []
        for _ in 0..<Int.random(in: 0...10, using: &random) {
            let length = Int.random(in: 0...4, using: &random)
            words.insert(String((0..<length).map { _ in "abéê".randomElement(using: &random) ?? "a" }))
        }
        return words
    }
}
