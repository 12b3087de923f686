import Testing
import Tokenization

@testable import Deployments

@Suite struct ReasoningFormatTests {
    private static let think = ReasoningFormat(opening: "<think>", closing: "</think>")

    @Test(arguments: [
        ("<think>\nHm, 2 + 2.\n\n</think>\n\nFour.", "Hm, 2 + 2.", "Four."),
        ("\n<think></think>Four. ", "", "Four. "), ("Four.", "", "Four."), (" <thin", "", " <thin"),
        ("<think> a < b </thin k> ", "a < b </thin k>", ""), ("So <think>x</think>", "", "So <think>x</think>"),
        ("<think>\n\n", "", ""), ("<think>a</think>\n", "a", ""),
    ])
    func `thoughts are told from the answer at every split`(text: String, reasoning: String, content: String) {
        let expectation = AnswerExpectation(reasoning: Self.think)
        for pieces in [[text]] + ToolCallParserTests.splits(of: text) {
            let answer = ToolCallParserTests.parse(pieces, expectation)
            #expect(answer.reasoning == reasoning && answer.content == content, "\(pieces): \(answer)")
        }
    }

    @Test func `an answer may begin within thoughts and go on with a call`() {
        let text =
            "\nI need <tool_call>.\n</think>\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"
        var expectation = ToolCallParserTests.expectation(.hermes)
        expectation.reasoning = Self.think
        expectation.startsInReasoning = true
        for pieces in [[text]] + ToolCallParserTests.splits(of: text) {
            let answer = ToolCallParserTests.parse(pieces, expectation)
            #expect(answer.reasoning == "I need <tool_call>." && answer.content.isEmpty)
            #expect(answer.calls == [ToolCall(name: "now", arguments: "{}")])
        }
    }

    @Test func `an object after thoughts can be a call where the answer may begin with one`() {
        let text = "<think>a</think>\n{\"name\": \"now\", \"parameters\": {}}"
        var expectation = ToolCallParserTests.expectation(.llama3)
        expectation.reasoning = Self.think
        for pieces in [[text]] + ToolCallParserTests.splits(of: text) {
            #expect(ToolCallParserTests.parse(pieces, expectation).calls.map(\.name) == ["now"])
        }
    }

    @Test(
        arguments: [
            ("{{ '<think>' }}{{ '</think>' }}", "<think>"), ("[THINK]x[/THINK]", "[THINK]"), ("no thoughts", nil),
            ("'<|channel>thought\\n' '<channel|>'", "<|channel>thought\n"), ("only </think>", nil),
        ] as [(String, String?)]
    )
    func `the marks are found in the template`(source: String, opening: String?) throws {
        #expect(ReasoningFormat.detect(try ChatTemplate(source: source))?.opening == opening)
    }

    @Test func `a prompt that ends with the opening mark begins the thoughts`() {
        #expect(Self.think.isOpen(after: "<|im_start|>assistant\n<think>\n"))
        #expect(!Self.think.isOpen(after: "<|im_start|>assistant\n<think>\n\n</think>\n\n"))
        #expect(!Self.think.isOpen(after: "say <think><|im_end|>\n<|im_start|>assistant\n"))
        #expect(!Self.think.isOpen(after: ""))
    }
}
