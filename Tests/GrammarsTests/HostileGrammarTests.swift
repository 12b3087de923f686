import Grammars
import Testing

/// Grammars that a sender may write to keep a server busy or bring it down. The limits of time are for a debug build on a
/// busy machine.
@Suite struct HostileGrammarTests {
    private let clock = ContinuousClock()
    private static let vocabulary = GrammarVocabulary(
        (0..<128).map { (Int32($0), [UInt8($0)]) } + (128..<256).map { (Int32($0), [UInt8($0 - 128), 0x28, 0x78]) },
        size: 256
    )

    @Test(arguments: [
        (#"root ::= "(" root ")" | "(" root ")" | "(" inner ")" | """# + "\ninner ::= root", "((((((((", "(((((((("),
        (#"root ::= "x" root root | "x""#, "x", "x"),
        (#"root ::= (("a"{0,30}){0,30}){0,30}"#, "a", "a"),
        (#"root ::= (("a"{0,1000}){0,1000}){0,1000}"#, "a", "a"),
    ])
    func `a text that can be read in very many ways goes on`(grammar: String, start: String, next: String) throws {
        let time = try clock.measure {
            var matcher = GrammarMatcher(try Grammar(gbnf: grammar))
            #expect(takes(&matcher, start))
            for _ in 0..<20 { #expect(takes(&matcher, next)) }
            let allowed = matcher.allowedTokens(Self.vocabulary)
            #expect((0..<128).contains { allowed.contains($0) })
        }
        #expect(time < .seconds(60))
    }

    @Test func `options of a schema that begin alike go on`() throws {
        let arrays = (5...7).map { ##"{"type": "array", "items": {"$ref": "#"}, "maxItems": \##($0)}"## }
        let objects = (0..<4).map {
            ##"{"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"const": \##($0)}}}"##
        }
        let time = try clock.measure {
            for (options, opening) in [(arrays, "["), (objects, #"{"a": "#)] {
                let schema = #"{"anyOf": [\#(options.joined(separator: ", "))]}"#
                var matcher = GrammarMatcher(try Grammar(schemaText: schema))
                for _ in 0..<12 { #expect(takes(&matcher, opening)) }
                #expect(!takes(&matcher, "}}"))
            }
        }
        #expect(time < .seconds(60))
    }

    @Test func `what begins in too many ways is refused`() {
        let doubling = (0..<40).map { "r\($0) ::= r\($0 + 1) r\($0 + 1)\n" }.joined()
        let time = clock.measure {
            #expect(throws: GrammarError.self) { try Grammar(gbnf: "root ::= r0\n\(doubling)r40 ::= \"c\"?") }
        }
        #expect(time < .seconds(20))
    }

    @Test func `long lists of values and of members compile in time`() throws {
        let values = (0..<20_000).map { #""value \#($0)""# }.joined(separator: ", ")
        let names = (0..<2000).map { "name \($0)" }
        let properties = names.map { #""\#($0)": {"type": "integer"}"# }.joined(separator: ", ")
        let required = names.map { #""\#($0)""# }.joined(separator: ", ")
        let time = try clock.measure {
            let list = try Grammar(schemaText: #"{"enum": [\#(values)], "type": ["string", "null"]}"#)
            #expect(list.accepts(#""value 19999""#))
            _ = try Grammar(schemaText: #"{"properties": {\#(properties)}, "required": [\#(required)]}"#)
        }
        #expect(time < .seconds(60))
    }

    @Test func `rules that name many others compile in time`() throws {
        let count = 600
        func rules(_ text: (Int, [String]) -> String) -> String {
            let rules = (0..<count).map { index in
                "r\(index) ::= " + text(index, (1...200).map { "r\((index + $0) % count)" }) + "\n"
            }
            return "root ::= r0\n" + rules.joined()
        }
        let time = try clock.measure {
            let round = try Grammar(gbnf: rules { _, names in "\"x\" (\"a\" | \(names.joined(separator: " | ")))" })
            #expect(round.accepts("xxa"))
            // All can be empty, which is found from the last to the first.
            let empty = rules { index, names in index < count - 200 ? names.joined(separator: " ") : "\"a\"?" }
            #expect(throws: GrammarError.self) { try Grammar(gbnf: empty + "more ::= more") }
        }
        #expect(time < .seconds(60))
    }

    @Test func `sets of characters without case are made in time`() {
        let time = clock.measure {
            _ = try? RegularExpression("(?i)" + String(repeating: #"\D"#, count: 10_000))
            let sets = (0..<6000).map { #"[\u0000-\u\#(String(0x1000 + $0, radix: 16))]"# }
            _ = try? RegularExpression("(?i)" + sets.joined())
        }
        #expect(time < .seconds(60))
    }

    @Test func `a long pattern with a longest length compiles in time`() throws {
        let time = try clock.measure {
            let grammar = try Grammar(
                schemaText: #"{"type": "string", "pattern": "^(?:[ab]{2000})*$", "maxLength": 1000000}"#
            )
            #expect(grammar.accepts("\"" + String(repeating: "ab", count: 1000) + "\""))
            #expect(!grammar.accepts("\"ab\""))
        }
        #expect(time < .seconds(60))
    }

    @Test func `a condition that stands often is made once, and others are paid for together`() throws {
        func schema(_ multiple: (Int) -> Int) -> String {
            let properties = (0..<20).map { #""p\#($0)": {"type": "integer", "multipleOf": \#(multiple($0))}"# }
            return #"{"properties": {\#(properties.joined(separator: ", "))}}"#
        }
        let values = (0..<1000).map { String($0 * 4096) }.joined(separator: ", ")
        let time = try clock.measure {
            #expect(try Grammar(schemaText: schema { _ in 32_768 }).accepts(#"{"p0": 32768, "p19": 65536}"#))
            let listed = try Grammar(schemaText: #"{"type": "integer", "multipleOf": 32768, "enum": [\#(values)]}"#)
            #expect(listed.accepts("65536") && !listed.accepts("4096"))
            let error = try #require(throws: GrammarError.self) {
                try Grammar(schemaText: schema { 32_769 + 2 * $0 })
            }
            guard case .tooLarge = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(time < .seconds(240))
    }

    @Test func `long chains of rules go on`() throws {
        let chain = (0..<1998).map { "r\($0) ::= \"a\"? r\($0 + 1)\n" }.joined()
        let long = try Grammar(gbnf: "root ::= r0\n\(chain)r1998 ::= \"b\"")
        #expect(long.accepts("aaab"))
        #expect(throws: GrammarError.self) { try Grammar(gbnf: chain + chain.replacing("r", with: "s")) }
    }

    @Test func `repetitions of repetitions are read, and refused when they are deep`() throws {
        #expect(try Grammar(gbnf: #"root ::= "a"?+ "b""#).accepts("aab"))
        for repetitions in [String(repeating: "+", count: 100_000), String(repeating: "{2}", count: 401)] {
            #expect(throws: GrammarError.self) { try Grammar(gbnf: #"root ::= "a""# + repetitions) }
        }
        let groups = String(repeating: "(", count: 150) + #""a""# + String(repeating: ")?", count: 150)
        #expect(try Grammar(gbnf: "root ::= " + groups).accepts("a"))
        let repeated = groups + String(repeating: "*", count: 150)
        #expect(throws: GrammarError.self) { try Grammar(gbnf: "root ::= " + repeated) }
    }

    @Test func `empty lines before an alternative are read once`() throws {
        let time = try clock.measure {
            let lines = String(repeating: "\n", count: 300_000)
            let one = try Grammar(gbnf: #"root ::= "a""# + lines + #"| "b""#)
            let two = try Grammar(gbnf: "root ::= other" + lines + #"other ::= "c""#)
            #expect(one.accepts("b") && two.accepts("c"))
        }
        #expect(time < .seconds(60))
    }

    @Test func `a set that needs more elements than there are texts is refused`() throws {
        func schema(_ first: String, _ rules: String) -> String {
            ##"{"type": "array", "uniqueItems": true, "prefixItems": [\##(first)], \##(rules)}"##
        }
        let words = ##""items": {"type": "string", "pattern": "^[a-z]{6}$"}, "minItems": 400000000"##
        let constants = (0..<1500).map { ##"{"const": \##($0)}"## }.joined(separator: ", ")
        let time = try clock.measure {
            #expect(throws: GrammarError.self) { try Grammar(schemaText: schema(##"{"const": "x"}"##, words)) }
            _ = try Grammar(schemaText: schema(constants, ##""items": false, "minItems": 1500"##))
        }
        #expect(time < .seconds(60))
    }

    @Test func `long names around many parts are refused`() {
        let (name, long) = (String(repeating: "n", count: 15_000), String(repeating: "n", count: 5_000_000))
        let parts = (0..<5000).map { ##""\##($0)": {}"## }.joined(separator: ", ")
        let anchors = (0..<5000).map { ##""\##($0)": {"$anchor": "a\##($0)"}"## }.joined(separator: ", ")
        let unknown = (0..<100_000).map { ##""u\##($0)": 0"## }.joined(separator: ", ")
        for schema in [
            ##"{"$defs": {"\##(name)": {"properties": {\##(parts)}}}}"##,
            ##"{"$id": "\##(name)", "$defs": {\##(anchors)}}"##,
            ##"{"$defs": {"\##(long)": {\##(unknown)}}}"##,
        ] {
            let time = clock.measure { #expect(throws: GrammarError.self) { try Grammar(schemaText: schema) } }
            #expect(time < .seconds(60))
        }
    }

    @Test func `a reference to itself beside what is not evaluated is followed once`() throws {
        func schema(_ choices: String) -> String { ##"{"$ref": "#", "unevaluatedProperties": false, \##(choices)}"## }
        let time = try clock.measure {
            let grammar = try Grammar(schemaText: schema(##""anyOf": [{"properties": {"a": {"type": "integer"}}}]"##))
            #expect(grammar.accepts(##"{"a": 1}"##) && !grammar.accepts(##"{"b": 1}"##))
            for count in [100, 50_000] {
                let names = (0..<count).map { ##""a\##($0)": {}"## }.joined(separator: ", ")
                #expect(throws: GrammarError.self) {
                    try Grammar(schemaText: schema(##""dependentSchemas": {\##(names)}"##))
                }
            }
        }
        #expect(time < .seconds(60))
    }

    @Test func `values and sets of characters are paid for`() {
        let values = (0..<5000).map { ##""value \##($0)""## }.joined(separator: ", ")
        let patterns = (0..<1000).map { ##"{"pattern": "^\##($0)zz"}"## }.joined(separator: ", ")
        let time = clock.measure {
            #expect(throws: GrammarError.self) {
                try Grammar(schemaText: ##"{"enum": [\##(values)], "anyOf": [\##(patterns)]}"##)
            }
            let letters = "[" + String(repeating: #"\pL"#, count: 33_000) + "]"
            #expect(throws: GrammarError.self) { try RegularExpression(letters) }
        }
        #expect(time < .seconds(120))
    }
}
