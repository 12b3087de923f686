import Grammars
import JSON
import Testing

@Suite struct CallGrammarTests {
    private func answer(isRequired: Bool = false, limit: Int? = nil) throws -> AnswerGrammar {
        var syntax = CallSyntax(trigger: "<call>", isAtStartOnly: false)
        syntax.beforeName = #"<call>{"name": ""#
        syntax.afterName = #"", "arguments": "#
        syntax.afterArguments = "}</call>"
        syntax.separator = "\n"
        var answer = AnswerGrammar(content: .anything)
        answer.functions = [
            CallableFunction(
                name: "add",
                parameters: try JSONValue(
                    parsing: #"{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}"#
                )
            ), CallableFunction(name: "now", parameters: ["type": "object", "properties": [:]]),
        ]
        answer.syntaxes = [syntax]
        answer.isCallRequired = isRequired
        answer.callLimit = limit
        return answer
    }

    private let add = #"<call>{"name": "add", "arguments": {"a": 1}}</call>"#
    private let now = #"<call>{"name": "now", "arguments": {}}</call>"#

    @Test func `text is free until a call begins, and then the call is whole`() throws {
        let grammar = try Grammar(answer: answer())
        #expect(grammar.accepts("Any text, <cal and é."))
        #expect(grammar.accepts("Let me see. " + add))
        #expect(grammar.accepts(add + "\n" + now))
        #expect(!grammar.accepts("<call>"))
        #expect(!grammar.accepts("<call>sub"))
        #expect(!grammar.accepts(#"<call>{"name": "sub", "arguments": {}}</call>"#))
        #expect(!grammar.accepts(#"<call>{"name": "add", "arguments": {"a": "1"}}</call>"#))
        #expect(!grammar.accepts(add + " more"))
    }

    @Test func `a required call is all there is, and no more calls than the limit`() throws {
        let grammar = try Grammar(answer: answer(isRequired: true, limit: 2))
        #expect(grammar.accepts(add))
        #expect(grammar.accepts(add + "\n" + now))
        #expect(!grammar.accepts("text"))
        #expect(!grammar.accepts("text " + add))
        #expect(!grammar.accepts(add + "\n" + now + "\n" + now))
        let single = try Grammar(answer: answer(isRequired: true, limit: 1))
        #expect(!single.accepts(add + "\n" + now))
    }

    @Test func `thoughts stand before everything and are free`() throws {
        var answer = try answer(isRequired: true)
        answer.thoughts = ThoughtSyntax(opening: "<think>", closing: "</think>", isOpen: false)
        let grammar = try Grammar(answer: answer)
        #expect(grammar.accepts("<think>a <call> maybe</think>\n\n" + add))
        #expect(grammar.accepts(add))
        #expect(!grammar.accepts("<think>" + add))
        answer.thoughts?.isOpen = true
        let open = try Grammar(answer: answer)
        #expect(open.accepts("hm</think>" + add))
        #expect(!open.accepts(add))
    }

    @Test func `calls that stand at the beginning only leave the same text free later`() throws {
        var answer = try answer()
        answer.syntaxes[0].trigger = #"{"name""#
        answer.syntaxes[0].isAtStartOnly = true
        answer.syntaxes[0].beforeName = #"{"name": ""#
        answer.syntaxes[0].afterArguments = "}"
        let grammar = try Grammar(answer: answer)
        #expect(grammar.accepts(#"{"name": "add", "arguments": {"a": 1}}"#))
        #expect(grammar.accepts(#"Write {"name": "x"} so"#))
        #expect(!grammar.accepts(#"{"name": "x"}"#))
        #expect(!grammar.accepts(#" {"name": "x"}"#))
        #expect(grammar.accepts(#"{"other": 1}"#))
    }

    @Test func `content with a structure, or a call`() throws {
        var answer = try answer()
        answer.content = .schema(["type": "integer"])
        let grammar = try Grammar(answer: answer)
        #expect(grammar.accepts("12"))
        #expect(grammar.accepts(add))
        #expect(!grammar.accepts("text"))
    }

    @Test func `a schema that is not followed is refused with the function's name`() throws {
        var answer = try answer()
        answer.functions[1].parameters = ["type": "object", "properties": ["a": ["format": "nope"]]]
        #expect {
            try Grammar(answer: answer)
        } throws: { error in
            "\(error)".contains("'now'") && "\(error)".contains("/properties/a/format")
        }
    }
}
