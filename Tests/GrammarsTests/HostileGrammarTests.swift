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
        for grammar in ["root ::= r0\n\(doubling)r40 ::= \"c\"?", #"root ::= (("a"{0,1000}){0,1000}){0,1000}"#] {
            let time = clock.measure {
                #expect(throws: GrammarError.self) { try Grammar(gbnf: grammar) }
            }
            #expect(time < .seconds(20))
        }
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

    @Test func `long chains of rules go on`() throws {
        let chain = (0..<1998).map { "r\($0) ::= \"a\"? r\($0 + 1)\n" }.joined()
        let long = try Grammar(gbnf: "root ::= r0\n\(chain)r1998 ::= \"b\"")
        #expect(long.accepts("aaab"))
        #expect(throws: GrammarError.self) { try Grammar(gbnf: chain + chain.replacing("r", with: "s")) }
    }
}
