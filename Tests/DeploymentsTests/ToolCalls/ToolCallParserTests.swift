import JSON
import Testing

@testable import Deployments

/// An answer of a family and what it holds.
struct AnswerExample: CustomTestStringConvertible, Sendable {
    var family: ToolCallFormat.Family
    var text: String
    var content = ""
    var calls: [(String, String)] = []

    var testDescription: String { "\(family): \(text.prefix(60))" }
    var expected: ParsedAnswer {
        var answer = ParsedAnswer()
        answer.content = content
        answer.calls = calls.map { ToolCall(name: $0.0, arguments: $0.1) }
        return answer
    }
}

@Suite struct ToolCallParserTests {
    static let weather = #"{"city": "Zürich", "unit": "c"}"#
    static let names: Set = ["get_weather", "search", "now", "a.b", "functions_x"]

    static let examples: [AnswerExample] = hermes + llama + mistral + others

    static let hermes = [
        AnswerExample(
            family: .hermes,
            text: "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": \(weather)}\n</tool_call>",
            calls: [("get_weather", weather)]
        ),
        AnswerExample(
            family: .hermes,
            text: "Let me look.\n\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": \(weather)}\n</tool_call>\n"
                + "<tool_call>\n{\"arguments\": {\"q\": \"</tool_call> \\\"<tool_call>\\\" 👩‍👩‍👧\"}, \"name\": \"search\"}\n</tool_call>\n",
            content: "Let me look.",
            calls: [("get_weather", weather), ("search", #"{"q": "</tool_call> \"<tool_call>\" 👩‍👩‍👧"}"#)]
        ),
        AnswerExample(
            family: .hermes,
            text: "<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call> Done, I think.",
            content: " Done, I think.",
            calls: [("now", "{}")]
        ),
        AnswerExample(
            family: .hermes,
            text: "<tool_call>\n{\"name\": \"search\", \"arguments\": \"{\\\"q\\\": [1, 2.5e3, null, true]}\"}",
            calls: [("search", #"{"q": [1, 2.5e3, null, true]}"#)]
        ),
        AnswerExample(
            family: .hermes,
            text:
                "<tool_call>\n[{\"name\": \"now\"}, {\"name\": \"search\", \"parameters\": {\"q\": -0.5}}]\n</tool_call>",
            calls: [("now", "{}"), ("search", #"{"q": -0.5}"#)]
        ),
        AnswerExample(
            family: .hermes,
            text:
                "<tool_call>{\"type\": \"function\", \"id\": 5, \"function\": {\"name\": \"now\", \"arguments\": null}}</tool_call>",
            calls: [("now", "{}")]
        ),
        AnswerExample(
            family: .generic,
            text: "{\"name\": \"get_weather\", \"arguments\": \(weather)}",
            calls: [("get_weather", weather)]
        ),
        AnswerExample(
            family: .generic,
            text: "[{\"name\": \"now\", \"arguments\": {}}, {\"name\": \"get_weather\", \"arguments\": \(weather)}]",
            calls: [("now", "{}"), ("get_weather", weather)]
        ),
    ]

    static let llama = [
        AnswerExample(
            family: .llama3,
            text: "{\"name\": \"get_weather\", \"parameters\": \(weather)}",
            calls: [("get_weather", weather)]
        ),
        AnswerExample(
            family: .llama3,
            text:
                "\n {\"type\": \"function\", \"name\": \"now\", \"parameters\": {}}; {\"name\": \"search\", \"parameters\": {\"q\": \"x\"}}",
            calls: [("now", "{}"), ("search", #"{"q": "x"}"#)]
        ),
        AnswerExample(
            family: .llama3,
            text: "<|python_tag|>{\"name\": \"get_weather\", \"parameters\": \(weather)}",
            calls: [("get_weather", weather)]
        ),
        AnswerExample(
            family: .llama3,
            text: "{\"name\": \"now\", \"arguments\": {}};\n{\"name\": \"now\", \"parameters\": {}}\n"
                + "{\"parameters\": {\"name\": \"Ann\"}, \"name\": \"search\"} I used {search}.",
            content: " I used {search}.",
            calls: [("now", "{}"), ("now", "{}"), ("search", #"{"name": "Ann"}"#)]
        ),
        AnswerExample(
            family: .llama3,
            text: "Sure: {\"name\": \"get_weather\", \"parameters\": {}}",
            content: "Sure: {\"name\": \"get_weather\", \"parameters\": {}}"
        ),
    ]

    static let mistral = [
        AnswerExample(
            family: .mistralList,
            text: "[TOOL_CALLS][{\"name\": \"get_weather\", \"arguments\": \(weather), \"id\": \"aB3dE5fG7\"}, "
                + "{\"name\": \"now\", \"arguments\": {}, \"id\": \"123456789\"}]",
            calls: [("get_weather", weather), ("now", "{}")]
        ),
        AnswerExample(
            family: .mistralList,
            text: "One moment. [TOOL_CALLS] [{\"arguments\": {\"q\": [[\"]\"]]}, \"name\": \"search\"}]",
            content: "One moment.",
            calls: [("search", #"{"q": [["]"]]}"#)]
        ),
        AnswerExample(
            family: .mistralList,
            text: "[TOOL_CALLS]  [ {\"name\":\"search\" , \"arguments\" : {\"a\": 3} }\n ,{\"name\":\"now\"} ] ",
            calls: [("search", #"{"a": 3}"#), ("now", "{}")]
        ),
        AnswerExample(
            family: .mistralNamed,
            text: "[TOOL_CALLS]get_weather[ARGS]\(weather)[TOOL_CALLS]now[ARGS]{}",
            calls: [("get_weather", weather), ("now", "{}")]
        ),
        AnswerExample(
            family: .mistralNamed,
            text: "Hm.[TOOL_CALLS]get_weather[CALL_ID]aB3dE5fG7[ARGS]\(weather)[TOOL_CALLS]now{}",
            content: "Hm.",
            calls: [("get_weather", weather), ("now", "{}")]
        ),
    ]

    static let others = [
        AnswerExample(
            family: .gemma4,
            text:
                "<|tool_call>call:get_weather{city:<|\"|>Zürich, {a}<|\"|>,days:2,deep:{x:[true,null,<|\"|>}<|\"|>]}}<tool_call|>"
                + "<|tool_call>call:now{}<tool_call|>",
            calls: [
                ("get_weather", #"{"city": "Zürich, {a}", "days": 2, "deep": {"x": [true, null, "}"]}}"#),
                ("now", "{}"),
            ]
        ),
        AnswerExample(
            family: .functionGemma,
            text: "<start_function_call>call:search{q:<escape>a \"b\"<escape>}<end_function_call>",
            calls: [("search", #"{"q": "a \"b\""}"#)]
        ),
        AnswerExample(
            family: .phi4,
            text:
                "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": \(weather)}, {\"name\": \"now\", \"arguments\": {}}]<|/tool_call|>",
            calls: [("get_weather", weather), ("now", "{}")]
        ),
        AnswerExample(
            family: .phi4,
            text: "functools[{\"name\": \"get_weather\", \"arguments\": \(weather)}]",
            calls: [("get_weather", weather)]
        ),
        AnswerExample(
            family: .phi4,
            text:
                "Let me see.\nfunctools[\n  {\"name\": \"now\", \"arguments\": {}},\n  {\"name\": \"search\", \"arguments\": "
                + "{\"q\": \"C:\\\\x \\\"y\\\" 🎉\", \"e\": []}}\n]\nMore?",
            content: "Let me see.\nMore?",
            calls: [("now", "{}"), ("search", #"{"q": "C:\\x \"y\" 🎉", "e": []}"#)]
        ),
        AnswerExample(
            family: .granite3,
            text:
                "<tool_call> [{\"arguments\": {\"city\": \"Tokyo\"}, \"name\": \"get_weather\"}, {\"arguments\": {}, \"name\": \"now\"}]",
            calls: [("get_weather", #"{"city": "Tokyo"}"#), ("now", "{}")]
        ),
        AnswerExample(
            family: .gemma4,
            text:
                "See. <|tool_call>call:search{ids:[1,-2.5,[true,<|\"|>a]b<|\"|>]],map:{<|\"|>3<|\"|>:<|\"|>x<|\"|>}}<tool_call|>",
            content: "See.",
            calls: [("search", #"{"ids": [1, -2.5, [true, "a]b"]], "map": {"3": "x"}}"#)]
        ),
        AnswerExample(
            family: .granite3,
            text: "<|tool_call|> [{\"name\": \"now\", \"arguments\": {}}]",
            calls: [("now", "{}")]
        ),
        AnswerExample(
            family: .deepSeekV3,
            text:
                "I will look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n\(weather)\n"
                + "```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            content: "I will look.",
            calls: [("get_weather", weather), ("now", "{}")]
        ),
        AnswerExample(
            family: .deepSeekV31,
            text: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>\(weather)<｜tool▁call▁end｜>"
                + "<｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            calls: [("get_weather", weather), ("now", "{}")]
        ),
        AnswerExample(
            family: .miniMaxM1,
            text:
                "<tool_calls>\n{\"name\": \"get_weather\", \"arguments\": \(weather)}\n{\"name\": \"now\", \"arguments\": {}}\n</tool_calls>",
            calls: [("get_weather", weather), ("now", "{}")]
        ),
        AnswerExample(
            family: .apriel,
            text: "Ok <tool_calls>[{\"name\": \"now\", \"arguments\": {}, \"id\": \"x\"}]</tool_calls>",
            content: "Ok",
            calls: [("now", "{}")]
        ),
        AnswerExample(
            family: .functionary,
            text: "<function=get_weather>\(weather)</function><function=now>{}</function>",
            calls: [("get_weather", weather), ("now", "{}")]
        ),
    ]

    /// Texts that begin like calls and are none.
    static let malformed: [(ToolCallFormat.Family, String)] = [
        (.hermes, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": Bern}}\n</tool_call> so"),
        (.hermes, "<tool_call>\n{\"name\": \"nobody\", \"arguments\": {}}\n</tool_call>"),
        (.hermes, "  a <tool_call> b <tool_call>{ <tool_call>{\"name\": \"get_wea"),
        (.hermes, "<tool_call>\n{\"name\": \"now\", \"arguments\": {\"x\": \"raw\nbreak\"}}\n</tool_call>"),
        (.hermes, "<tool_call>{\"name\": \"now\", \"arguments\": [1]}</tool_call>"),
        (.hermes, "<tool_call>{\"name\": \"now\", \"arguments\": {}, \"arguments\": {}}</tool_call>"),
        (.hermes, "<tool_call>{\"name\": 5}</tool_call><tool_cal"),
        (.hermes, "\n\n  <tool_call>  \n\n"), (.hermes, "plain \n"), (.hermes, " \n "), (.hermes, ""),
        (.llama3, "{\"answer\": [1, 2]} and more"), (.llama3, "{\"name\": \"Alice\", \"age\": 5}"), (.llama3, "[1, 2]"),
        (.llama3, "<|python_tag|>brave_search.call(query=\"x\")"), (.llama3, "{"),
        (.llama3, "{\"name\": \"now\", \"parameters\": {\"a\": 01}}"),
        (.mistralList, "[TOOL_CALLS] hello"), (.mistralList, "[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {"),
        (.mistralNamed, "[TOOL_CALLS]now[ARGS][1]"), (.mistralNamed, "[TOOL_CALLS] [ARGS]{}"),
        (.mistralNamed, "[TOOL_CALLS]now[ARGS]{\"a\" 1}"),
        (.gemma4, "<|tool_call>call:now{a:}<tool_call|>"), (.gemma4, "<|tool_call>now{}"),
        (.gemma4, "<|tool_call>call:now{a:<|\"|>x}"),
        (.deepSeekV3, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```python\n{}\n```"),
        (.deepSeekV31, "<｜tool▁calls▁begin｜>nothing"), (.phi4, "functools are nice"),
        (.functionary, "<function=now>1</function>"),
        (.generic, "[{\"name\": \"nobody\"}]"),
    ]

    @Test(arguments: examples)
    func `every split of an answer gives the same calls`(example: AnswerExample) {
        for isConstrained in [false, true] {
            let expectation = Self.expectation(example.family, isConstrained: isConstrained)
            #expect(Self.parse([example.text], expectation) == example.expected)
            for pieces in Self.splits(of: example.text) {
                #expect(Self.parse(pieces, expectation) == example.expected, "\(pieces)")
            }
        }
    }

    @Test(arguments: malformed)
    func `what is no call stays in the content as it stood`(family: ToolCallFormat.Family, text: String) {
        let expectation = Self.expectation(family)
        for pieces in [[text]] + Self.splits(of: text) {
            let answer = Self.parse(pieces, expectation)
            #expect(answer.content == text && answer.calls.isEmpty, "\(pieces): \(answer)")
        }
    }

    @Test func `a call that breaks off after a whole one leaves the whole one`() {
        let whole = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"
        let rest = "\n<tool_call>\n{\"name\": \"get_weather\", \"argum"
        for pieces in [[whole + rest]] + Self.splits(of: whole + rest) {
            let answer = Self.parse(pieces, Self.expectation(.hermes))
            #expect(answer.calls == [ToolCall(name: "now", arguments: "{}")] && answer.content == rest)
        }
    }

    @Test func `arguments of a constrained answer are passed on as they come`() {
        var parser = ToolCallParser(Self.expectation(.hermes, isConstrained: true))
        #expect(parser.append("Hm <tool_call>\n{\"name\": \"sea") == [.content("Hm")])
        #expect(parser.append("rch\", \"arguments\": ") == [])
        #expect(
            parser.append("{\"q\":") == [.callStart(index: 0, name: "search"), .callArguments(index: 0, "{\"q\":")]
        )
        #expect(parser.append(" \"é") == [.callArguments(index: 0, " \"é")])
        #expect(parser.append("\"}") == [.callArguments(index: 0, "\"}")])
        #expect(parser.append("}\n</tool_call>") == [.callEnd(index: 0, isComplete: true)])
        #expect(parser.finish() == [])
    }

    @Test func `a constrained answer that is cut off within the marks of a call has none of them in its content`() {
        let whole = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"
        for rest in ["\n<tool_", "\n<tool_call>", "\n<tool_call>\n{\"name\": \"sea", ""] {
            let text = whole + rest
            for pieces in [[text]] + Self.splits(of: text) {
                let answer = Self.parse(pieces, Self.expectation(.hermes, isConstrained: true))
                #expect(answer.calls == [ToolCall(name: "now", arguments: "{}")] && answer.content.isEmpty, "\(rest)")
            }
        }
    }

    @Test func `a constrained answer that is cut off says that its call is not whole`() {
        let text = "<tool_call>\n{\"name\": \"search\", \"arguments\": {\"q\": \"ab"
        for pieces in [[text]] + Self.splits(of: text) {
            var parser = ToolCallParser(Self.expectation(.hermes, isConstrained: true))
            let deltas = pieces.flatMap { parser.append($0) } + parser.finish()
            let answer = ParsedAnswer(deltas)
            #expect(answer.calls == [ToolCall(name: "search", arguments: #"{"q": "ab"#)] && answer.content.isEmpty)
            #expect(deltas.last == .callEnd(index: 0, isComplete: false))
        }
    }

    @Test func `an unconstrained call comes whole or not at all`() {
        var parser = ToolCallParser(Self.expectation(.hermes))
        #expect(parser.append("<tool_call>\n{\"name\": \"search\", \"arguments\": {\"q\":") == [])
        #expect(
            parser.append(" 1}}") == [
                .callStart(index: 0, name: "search"), .callArguments(index: 0, "{\"q\": 1}"),
                .callEnd(index: 0, isComplete: true),
            ]
        )
    }

    @Test func `text without functions and thoughts passes through at once`() {
        var parser = ToolCallParser(AnswerExpectation())
        #expect(parser.append(" <tool") == [.content(" <tool")])
        #expect(parser.append("_call>\n") == [.content("_call>\n")])
        #expect(parser.finish() == [])
    }

    @Test func `canonical calls of every family are read back`() {
        let calls = [
            ToolCall(name: "search", arguments: #"{"q": "é\n", "n": 2}"#), ToolCall(name: "now", arguments: "{}"),
        ]
        for family in ToolCallFormat.Family.allCases {
            for form in ToolCallFormat.of(family).forms {
                #expect(form.head.hasPrefix(form.trigger), "\(family)")
                #expect(form.trigger + form.headAfterTrigger == form.head)
                let text = form.text(of: calls)
                let read = Self.parse([text], Self.expectation(family)).calls
                #expect(read.map(\.name) == ["search", "now"], "\(text)")
                #expect(
                    read.map { try? JSONValue(parsing: $0.arguments) }
                        == calls.map { try? JSONValue(parsing: $0.arguments) }
                )
            }
        }
    }

    @Test func `random cuts and random damage never lose text`() {
        var random = SeededRandom(state: 7)
        for round in 0..<3_000 {
            guard let example = Self.examples.randomElement(using: &random) else { return }
            var scalars = Array(example.text.unicodeScalars)
            for _ in 0..<Int.random(in: 0...3, using: &random) where !scalars.isEmpty {
                let index = Int.random(in: 0..<scalars.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: scalars.remove(at: index)
                case 1: scalars.insert(scalars.randomElement(using: &random) ?? " ", at: index)
                default: scalars.removeSubrange(index...)
                }
            }
            let text = String(String.UnicodeScalarView(scalars))
            let isConstrained = round % 2 == 0
            let expectation = Self.expectation(example.family, isConstrained: isConstrained)
            let whole = Self.parse([text], expectation)
            let pieces = Self.randomPieces(of: scalars, &random)
            #expect(Self.parse(pieces, expectation) == whole, "\(pieces)")
            // A constrained answer that ends within a call's marks drops them.
            if whole.calls.isEmpty { #expect(isConstrained ? text.hasPrefix(whole.content) : whole.content == text) }
            if !isConstrained {
                for call in whole.calls {
                    #expect(Self.names.contains(call.name))
                    #expect((try? JSONValue(parsing: call.arguments))?.objectValue != nil, "\(text)")
                }
            }
        }
    }
}

extension ToolCallParserTests {
    static func expectation(_ family: ToolCallFormat.Family, isConstrained: Bool = false) -> AnswerExpectation {
        AnswerExpectation(tools: .of(family), names: names, isConstrained: isConstrained)
    }

    static func parse(_ pieces: [String], _ expectation: AnswerExpectation) -> ParsedAnswer {
        var parser = ToolCallParser(expectation)
        var answer = ParsedAnswer()
        for piece in pieces { for delta in parser.append(piece) { answer.add(delta) } }
        for delta in parser.finish() { answer.add(delta) }
        return answer
    }

    /// Every way to cut a text in two, and the text scalar by scalar.
    static func splits(of text: String) -> [[String]] {
        let scalars = Array(text.unicodeScalars)
        func string(_ part: ArraySlice<Unicode.Scalar>) -> String { String(String.UnicodeScalarView(part)) }
        var splits = scalars.indices.map { [string(scalars[..<$0]), string(scalars[$0...])] }
        splits.append(scalars.indices.map { string(scalars[$0...$0]) })
        return splits
    }

    static func randomPieces(of scalars: [Unicode.Scalar], _ random: inout SeededRandom) -> [String] {
        var pieces: [String] = []
        var index = 0
        while index < scalars.count {
            let end = min(scalars.count, index + Int.random(in: 1...9, using: &random))
            pieces.append(String(String.UnicodeScalarView(scalars[index..<end])))
            index = end
        }
        return pieces
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
