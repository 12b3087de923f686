import Grammars
import Testing

/// Repetitions of what may be empty: what is empty is not counted.
@Suite struct RepetitionTests {
    @Test(arguments: [
        ("root ::= (r?){3} \"y\"", ["y", "()y", "()()()y", "(())y"], ["()()()()y", "("]),
        ("root ::= (r? \"a\"? r?){2,} \"y\"", ["y", "a()y", "()()()aay"], ["ab"]),
        ("root ::= \"x\" (r? r?)* r", ["x()", "x()()()"], ["x"]),
        ("root ::= (r? s?){1,2}", ["", "()", "[]", "()[]", "()[]()[]", "[][]"], ["[][][]", "()()()"]),
        ("root ::= r? s? | r{2} r?", ["", "()", "[]", "()[]", "()()", "()()()"], ["[]()", "()()()()"]),
    ])
    func `as many as may come, and fewer if some are empty`(root: String, valid: [String], invalid: [String]) throws {
        let grammar = try Grammar(gbnf: "\(root)\nr ::= \"(\" r? \")\"\ns ::= \"[\" s? \"]\"")
        for text in valid { #expect(grammar.accepts(text), "\(text)") }
        for text in invalid { #expect(!grammar.accepts(text), "\(text)") }
    }

    @Test func `thousands that may be empty cost no more than one`() throws {
        let vocabulary = GrammarVocabulary((0..<128).map { (Int32($0), [UInt8($0)]) }, size: 128)
        let grammar = try Grammar(gbnf: "root ::= \"x\" (r?){0,3000} \"y\"\nr ::= \"(\" r? \")\"")
        let time = ContinuousClock().measure {
            var matcher = GrammarMatcher(grammar)
            for text in ["x", "()", "(())", "()()()()()()()()", "((("] {
                #expect(takes(&matcher, text))
                #expect(!matcher.allowedTokens(vocabulary).isEmpty)
            }
            #expect(takes(&matcher, ")))y"))
            #expect(matcher.mustEnd)
        }
        #expect(time < .seconds(5))
    }

    @Test func `members in thousands that must be some cost a step little`() throws {
        let names = (0..<2000).map { #""p\#($0)": {"type": "boolean"}"# }.joined(separator: ", ")
        let grammar = try Grammar(schemaText: #"{"type": "object", "properties": {\#(names)}, "minProperties": 50}"#)
        let time = ContinuousClock().measure {
            var matcher = GrammarMatcher(grammar)
            #expect(takes(&matcher, "{"))
            for index in 0..<30 { #expect(takes(&matcher, #"\#(index == 0 ? "" : ",")"p\#(index)":true"#)) }
            #expect(!takes(&matcher, #","p1981""#), "then there would be no 50")
            #expect(takes(&matcher, #","p1980""#))
        }
        #expect(time < .seconds(30))
    }
}
