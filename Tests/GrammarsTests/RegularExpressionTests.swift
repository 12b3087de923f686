import Grammars
import Testing

@Suite struct RegularExpressionTests {
    private func accepts(_ pattern: String, _ text: String, anchored: Bool = true) throws -> Bool {
        try RegularExpression(pattern).automaton(.utf8, anchored: anchored, budget: 10_000).accepts(text.utf8)
    }

    @Test(arguments: [
        ("a|bc*", ["a", "b", "bcc"], ["", "c", "ac"]),
        ("(?:ab){2,3}", ["abab", "ababab"], ["ab", "abababab"]),
        ("[^a-c]", ["d", "é", "😀"], ["a", "dd"]),
        (#"\d+\.\w*"#, ["1.", "12.a_"], [".a", "1.-"]),
        ("(?i)straße", ["STRAßE", "straße"], ["strasse"]),
        (#"\u0041\x42\t"#, ["AB\t"], ["AB"]),
        (#"\p{Lu}\p{Nd}"#, ["A1", "Ä٣"], ["a1"]),
        ("^(?!foo)[a-z]+$", ["bar", "fo"], ["foo", "foobar"]),
        (#"^(?=.*\d)[a-z\d]+$"#, ["a1"], ["a"]),
        ("a{,3}", ["", "aaa"], ["aaaa"]),
        ("[]a]", ["]", "a"], ["b"]),
        (#"[\w.-]+"#, ["a.b-c"], ["a b"]),
        ("x{", ["x{"], ["x"]),
    ])
    func `whole texts match as Python's re says`(pattern: String, matching: [String], others: [String]) throws {
        for text in matching { #expect(try accepts(pattern, text), "\(pattern) \(text)") }
        for text in others { #expect(try !accepts(pattern, text), "\(pattern) \(text)") }
    }

    @Test func `an expression without anchors matches anywhere`() throws {
        #expect(try accepts("b+", "abbc", anchored: false))
        #expect(try !accepts("^b+", "abbc", anchored: false))
        #expect(try accepts("^a|c$", "xc", anchored: false))
        #expect(try !accepts("c$", "cx", anchored: false))
        #expect(try accepts("", "anything", anchored: false))
    }

    @Test(arguments: [#"(a)\1"#, "(?<=a)b", "a(", "[a", "a**", #"\bword"#, "(?x)a", "b(?=a)c", #"\p{Klingon}"#])
    func `what cannot be followed is refused`(pattern: String) {
        #expect(throws: GrammarError.self) {
            try RegularExpression(pattern).automaton(.utf8, anchored: true, budget: 10_000)
        }
    }

    @Test(arguments: [
        "(a{1,1000}){1,1000}", "(?:a|b)*a(?:a|b){40}", "((((((a*)*)*)*)*)*)*b{99999}",
        #"(?:.{0,999}.{0,999}){0,99}x"#,
    ])
    func `an expression that would need too many states is refused soon`(pattern: String) {
        let clock = ContinuousClock()
        let time = clock.measure {
            #expect(throws: GrammarError.self) {
                try RegularExpression(pattern).automaton(.utf8, anchored: true, budget: 2000)
            }
        }
        #expect(time < .seconds(60), "a debug build on a busy machine; a release build takes a tenth of a second")
    }

    @Test func `characters of JSON strings are escaped in one way`() throws {
        let automaton = try RegularExpression(#"["\\\n]."#).automaton(.jsonString, anchored: true, budget: 1000)
        #expect(automaton.accepts(#"\"a"#.utf8))
        #expect(automaton.accepts(#"\\\\"#.utf8))
        #expect(automaton.accepts(#"\n\""#.utf8))
        #expect(!automaton.accepts(#"\u000aa"#.utf8))
        #expect(!automaton.accepts("\"a".utf8))
    }

    /// Random expressions of a few operators beside a matcher that tries everything.
    @Test func `random expressions accept what backtracking accepts`() throws {
        var random = SplitMix(state: 7)
        for _ in 0..<300 {
            let expression = Expression.random(depth: 4, &random)
            let automaton = try RegularExpression(expression.pattern).automaton(
                .utf8,
                anchored: true,
                budget: 10_000
            )
            for _ in 0..<40 {
                let text = (0..<Int.random(in: 0...6, using: &random)).map { _ in "abc".randomElement(using: &random)! }
                #expect(
                    automaton.accepts(String(text).utf8) == expression.ends(in: text, from: 0).contains(text.count),
                    "\(expression.pattern) on \(String(text))"
                )
            }
        }
    }
}

/// The reference: an expression that finds all places where a match can end, by trying.
private indirect enum Expression {
    case letter(Character)
    case sequence(Expression, Expression)
    case choice(Expression, Expression)
    case repetition(Expression, Int, Int?)

    static func random(depth: Int, _ random: inout SplitMix) -> Expression {
        switch depth == 0 ? 0 : Int.random(in: 0...4, using: &random) {
        case 1: .sequence(.random(depth: depth - 1, &random), .random(depth: depth - 1, &random))
        case 2: .choice(.random(depth: depth - 1, &random), .random(depth: depth - 1, &random))
        case 3: .repetition(.random(depth: depth - 1, &random), 0, nil)
        case 4: .repetition(.random(depth: depth - 1, &random), 1, 2)
        default: .letter("abc".randomElement(using: &random)!)
        }
    }

    var pattern: String {
        switch self {
        case .letter(let letter): String(letter)
        case .sequence(let first, let second): first.pattern + second.pattern
        case .choice(let first, let second): "(?:\(first.pattern)|\(second.pattern))"
        case .repetition(let body, let low, let high):
            "(?:\(body.pattern))" + (high.map { "{\(low),\($0)}" } ?? "*")
        }
    }

    func ends(in text: [Character], from start: Int) -> Set<Int> {
        switch self {
        case .letter(let letter): return start < text.count && text[start] == letter ? [start + 1] : []
        case .sequence(let first, let second):
            return first.ends(in: text, from: start).reduce(into: []) { $0.formUnion(second.ends(in: text, from: $1)) }
        case .choice(let first, let second):
            return first.ends(in: text, from: start).union(second.ends(in: text, from: start))
        case .repetition(let body, let low, let high):
            var reached: Set<Int> = [start]
            var all: Set<Int> = low == 0 ? [start] : []
            for round in 1...(high ?? text.count + 1) {
                reached = reached.reduce(into: []) { $0.formUnion(body.ends(in: text, from: $1)) }
                if round >= low { all.formUnion(reached) }
            }
            return all
        }
    }
}
