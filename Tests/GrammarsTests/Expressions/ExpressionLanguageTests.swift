import Grammars
import Testing

@Suite struct ExpressionLanguageTests {
    private func automaton(
        _ pattern: String,
        _ encoding: CharacterEncoding = .utf8,
        anchored: Bool = true
    ) throws -> ByteAutomaton {
        try RegularExpression(pattern).automaton(encoding, anchored: anchored, budget: 100_000)
    }

    private func matches(_ pattern: String, _ text: String, anchored: Bool = true) throws -> Bool {
        try automaton(pattern, anchored: anchored).accepts(text.utf8)
    }

    @Test(arguments: [
        ("colou?r", ["color", "colour"], ["colouur", ""]),
        ("a|bc|", ["a", "bc", ""], ["b", "abc"]),
        ("(?:ab){2,3}", ["abab", "ababab"], ["ab", "abababab"]),
        ("a{2}b{1,}c{,2}", ["aab", "aabbcc"], ["ab", "aa", "aabccc"]),
        ("[^a-c\\d]+?", ["xyz", "é"], ["a", "1", ""]),
        ("(?<year>\\d{4})-(?P<month>\\d\\d)", ["2024-05"], ["2024-5"]),
        ("[]a]", ["]", "a"], ["[]a]"]),
        ("[a-]", ["-", "a"], ["b"]),
        ("[\\w-.]", ["-", ".", "q"], ["/"]),
        ("\\x41\\u0042\\u{43}\\t\\cA\\0", ["ABC\t\u{1}\0"], ["ABC"]),
        ("\\uD83D\\uDE00", ["😀"], ["😁"]),
        ("a{", ["a{"], ["a"]),
        ("\\p{Lu}\\p{Letter}\\p{Nd}\\P{L}", ["Éß٣!"], ["éß3!", "Éß3a"]),
        ("\\p{Script=Greek}+", ["αβγ"], ["abc"]),
        (".", ["a", "😀"], ["\n", "\r", "\u{2028}", "ab"]),
        ("(?s).", ["\n"], ["ab"]),
        ("\\s", [" ", "\u{A0}", "\u{FEFF}", "\n"], ["a", "\u{200B}"]),
    ])
    func `patterns match what they say`(pattern: String, yes: [String], no: [String]) throws {
        let automaton = try automaton(pattern)
        for text in yes { #expect(automaton.accepts(text.utf8), "\(pattern) on \(text)") }
        for text in no { #expect(!automaton.accepts(text.utf8), "\(pattern) on \(text)") }
    }

    @Test func `a pattern that is not anchored matches within a text`() throws {
        #expect(try matches("b+", "abbc", anchored: false))
        #expect(try !matches("b+", "ac", anchored: false))
        #expect(try matches("^b", "ba", anchored: false))
        #expect(try !matches("^b", "ab", anchored: false))
        #expect(try matches("b$", "ab", anchored: false))
        #expect(try !matches("b$", "ba", anchored: false))
        #expect(try matches("^$", "", anchored: false))
        #expect(try matches("a^b|c", "xc", anchored: false))
        #expect(try matches("(?:^|,)a(?:$|,)", "b,a,c", anchored: false))
        #expect(try !matches("(?:^|,)a(?:$|,)", "ba,c", anchored: false))
        #expect(try matches("", "anything\n", anchored: false))
    }

    @Test func `looking ahead is followed at the beginning`() throws {
        #expect(try matches("^(?!foo).*$", "bar"))
        #expect(try !matches("^(?!foo).*$", "food"))
        let password = "^(?=.*[A-Z])(?=.*\\d)(?!.*\\s).{4,}$"
        #expect(try matches(password, "aB3d"))
        for text in ["ab3d", "aBcd", "aB3", "aB 3d"] { #expect(try !matches(password, text), "\(text)") }
        #expect(try matches("(?!a)[a-c]+$", "abca", anchored: false))
        #expect(try !matches("(?!a)[a-c]+", "aaa", anchored: false))
        #expect(try matches("(?i)^(?!A)|^(?=ab)", "aB", anchored: false))
        #expect(try matches("^(?:(?=a.)[ab]+|(?=c$)c)$", "ab"))
    }

    @Test(arguments: ["foo(?!bar)", "(?:(?!END).)*END", "(?:a(?=b))?", "a?(?=b)", "^a(?:b|(?=c))", "^(?!a(?!b))"])
    func `looking ahead elsewhere is refused`(pattern: String) {
        #expect(throws: GrammarError.self) { try RegularExpression(pattern) }
    }

    @Test func `flags hold to the end of their group`() throws {
        #expect(try matches("(?i)straSSe", "STRAsse"))
        #expect(try matches("(?i:a)b", "Ab"))
        #expect(try !matches("(?i:a)b", "AB"))
        #expect(try matches("x(?i)a|b", "xA"))
        #expect(try matches("x(?i)a|b", "B"))
        #expect(try !matches("(?:x(?i)a|b)c", "xaC"))
        #expect(try matches("(?i)[^a]", "b"))
        #expect(try !matches("(?i)[^a]", "A"))
        #expect(try matches("(?i-i:a)|(?is).", "\n"))
    }

    @Test func `case is folded as ECMA-262 does`() throws {
        // K and the Kelvin sign, s and the long s, sigma and its form at the end of words; not the dotless i.
        for (pattern, text) in [
            ("k", "\u{212A}"), ("\u{17F}", "S"), ("σ", "ς"), ("Σ", "ς"), ("ß", "ẞ"), ("Å", "\u{212B}"),
        ] {
            #expect(try matches("(?i)" + pattern, text), "\(pattern) on \(text)")
        }
        for (pattern, text) in [("i", "ı"), ("I", "İ"), ("ß", "ss"), ("e", "é")] {
            #expect(try !matches("(?i)" + pattern, text), "\(pattern) on \(text)")
        }
    }

    @Test func `within a JSON string characters have their one canonical spelling`() throws {
        let any = try automaton("[\\s\\S]*", .jsonString)
        for text in [#"\"\\\b\f\n\r\t"#, #"\u0000\u001f"#, "é😀/\u{7F}\u{2028}", ""] {
            #expect(any.accepts(text.utf8), "\(text)")
        }
        for text in [#"\u000a"#, #"\u001F"#, #"\/"#, #"\u0041"#, "\"", "\n", #"\u0020"#, "\\", #"\u002"#] {
            #expect(!any.accepts(text.utf8), "\(text)")
        }
        #expect(try automaton("[^a]", .jsonString).accepts(#"\""#.utf8))
        #expect(try automaton("\\\\\"", .jsonString).accepts(#"\\\""#.utf8))
        #expect(try automaton("n", .jsonString, anchored: false).accepts(#"\nn"#.utf8))
        #expect(try !automaton("n", .jsonString, anchored: false).accepts(#"\n"#.utf8))
    }

    @Test func `bytes that are no UTF-8 never match`() throws {
        let any = try automaton("(?s).*")
        for bytes: [UInt8] in [
            [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8], [0x80],
            [0xE2, 0x82],
        ] {
            #expect(!any.accepts(bytes), "\(bytes)")
        }
        for value: UInt32 in [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF] {
            let scalar = try #require(Unicode.Scalar(value))
            #expect(any.accepts(String(Character(scalar)).utf8), "\(value)")
        }
    }

    @Test(arguments: [
        ("a)", 1), ("(a", 2), ("*a", 0), ("a**", 2), ("[a", 2), ("[b-a]", 4), ("\\", 1), ("é(?<=a)", 3), ("(a)\\1", 4),
        ("\\bfoo", 1), ("a{3,2}", 6), ("(?m)a", 2), ("\\p{Foo}", 7), ("a++", 2), ("(?>a)", 2),
        ("(?<n", 4), ("\\xZZ", 2), ("\\01", 2), ("[[:alpha:]]", 2),
    ])
    func `what is no expression, or none that can be followed, is refused with its place`(
        pattern: String,
        offset: Int
    ) throws {
        let error = try #require(throws: GrammarError.self) { try RegularExpression(pattern) }
        guard case .syntax(_, let place) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(place == offset, "\(error)")
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            "(a{1,1000}){1,1000}", "(a|b)*a(a|b){20}", "a{100000000}", "^(?!(.*a.{15})).*$",
            String(repeating: "(", count: 50_000), String(repeating: "(?=a)b", count: 20_000),
        ]
    )
    func `hostile patterns end with an error`(pattern: String) {
        #expect(throws: GrammarError.self) { try automaton(pattern) }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            String(repeating: "(", count: 150) + "a" + String(repeating: ")+", count: 150), "(((((a*)*)*)*)*)*",
            "((){1000}){1000}",
            "(?:a?){500}", String(repeating: "(?i)", count: 5000) + "a", "^.{1,500}$",
        ]
    )
    func `patterns that only look hostile are followed`(pattern: String) throws {
        #expect(try automaton(pattern).accepts("a".utf8) || pattern.contains("()"))
    }

    @Test func `a class of very many characters is read in one go`() throws {
        let characters = (0..<20_000).compactMap {
            Unicode.Scalar(0x4E00 + UInt32($0) * 2 % 0x5000).map(Character.init)
        }
        #expect(try matches("[" + String(characters) + "]+", "一丂"))
    }
}
