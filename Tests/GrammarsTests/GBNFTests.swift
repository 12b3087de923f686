import Grammars
import Testing

@Suite struct GBNFTests {
    @Test func `llama.cpp's own example for JSON reads JSON`() throws {
        let grammar = try Grammar(
            gbnf: #"""
                root   ::= object
                value  ::= object | array | string | number | ("true" | "false" | "null") ws

                object ::=
                  "{" ws (
                            string ":" ws value
                    ("," ws string ":" ws value)*
                  )? "}" ws

                array  ::=
                  "[" ws (
                            value
                    ("," ws value)*
                  )? "]" ws

                string ::=
                  "\"" (
                    [^"\\\x7F\x00-\x1F] |
                    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
                  )* "\"" ws

                number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

                # Optional space: by convention, applied in this grammar after literal chars when allowed
                ws ::= | " " | "\n" [ \t]{0,20}
                """#
        )
        #expect(grammar.accepts(#"{"a": [1, {"b": "x\n"}, true], "c": null}"#))
        #expect(!grammar.accepts(#"{"a": }"#))
        #expect(!grammar.accepts("[1]"))
    }

    @Test func `rules repeat, nest and end in themselves`() throws {
        let grammar = try Grammar(
            gbnf: """
                root ::= item ("," item){1,2} | list
                item ::= [a-z]+
                list ::= "(" item list? ")"
                """
        )
        #expect(grammar.accepts("a,b"))
        #expect(grammar.accepts("a,b,c"))
        #expect(!grammar.accepts("a,b,c,d"))
        #expect(grammar.accepts("(a(b(c)))"))
        #expect(!grammar.accepts("(a(b)"))
    }

    @Test func `an alternative may stand on its own line`() throws {
        let grammar = try Grammar(gbnf: "root ::= \"a\"\n  | \"é\" # the other\nunused ::= .")
        #expect(grammar.accepts("é"))
        #expect(!grammar.accepts("b"))
    }

    @Test func `rules that the empty text satisfies may stand before those that come again`() throws {
        let grammar = try Grammar(
            gbnf: """
                root ::= "(" none root ")" | none "x"
                none ::= never* other
                never ::= "y" never?
                other ::= ("z" | third third){1,2}
                third ::= "w"?
                """
        )
        #expect(grammar.accepts("((x))") && grammar.accepts("(yyzzx)") && grammar.accepts("wx"))
        #expect(!grammar.accepts("(x") && !grammar.accepts("zzzx"))
        #expect(throws: GrammarError.self) {
            try Grammar(gbnf: "root ::= n n root\nn ::= m m | \"x\"\nm ::= \"y\"{0,2} l\nl ::= | \"z\"")
        }
    }

    @Test(arguments: [
        ("start ::= \"a\"", "no rule 'root'"), ("root ::= missing", "'missing'"),
        ("root ::= root \"a\" | \"a\"", "begins with itself"),
        ("root ::= \"a", "no end"), ("root ::= (\"a\"", "')'"), ("root ::= \"a\"\nroot ::= \"b\"", "two rules"),
        ("root ::= a\na ::= b? a \"x\"\nb ::= \"b\"", "begins with itself"),
    ])
    func `what is wrong is said`(source: String, message: String) {
        do {
            _ = try Grammar(gbnf: source)
            Issue.record("was compiled")
        } catch {
            #expect(error.description.contains(message), "\(error)")
        }
    }
}
