import AnthropicAPI
import Deployments
import JSON
import OpenAIAPI
import Testing

@testable import Serving

@Suite struct MessagesFormatTests {
    /// A model whose answer is all thoughts, and one that can be told to think.
    private static let open = "{# </think> #}{% for m in messages %}{{ m.content }}{% endfor %}<think>{{ '\\n' }}"
    private static let switched =
        "{# <think></think> #}{% for m in messages %}{{ m.content }}{% endfor %}"
        + "{% if enable_thinking is defined %}{{ 'on' if enable_thinking else 'off!' }}{% endif %}"
        + "{% if reasoning_effort is defined %}{{ reasoning_effort }}{% endif %}"

    private func withThinkers(_ body: (RunningServer) async throws -> Void) async throws {
        let directory = DeploymentDirectory([
            try ScriptedDeployment.make(name: "open", template: Self.open),
            try ScriptedDeployment.make(name: "switched", template: Self.switched), try ScriptedDeployment.make(),
        ])
        try await withServer(directory: directory, body)
    }

    private func ask(_ server: RunningServer, _ model: String, _ fields: String) async throws -> JSONValue {
        let question = MessagesTests.question.replacing("scripted", with: model)
        return try await server.send("POST", "/v1/messages", "{\(question)\(fields)}").json()
    }

    @Test func `thoughts are shown to those who ask for them`() async throws {
        try await withThinkers { server in
            let thought: JSONValue = ["type": "thinking", "thinking": "Héllo!", "signature": "unsigned"]
            for thinking in [#"{"type":"adaptive"}"#, #"{"type":"enabled","budget_tokens":8}"#] {
                let answer = try await ask(server, "open", #","thinking":\#(thinking)"#)
                #expect(answer["content"] == [thought], "\(answer)")
            }
            let silent = try await ask(server, "open", "")
            #expect(silent["content"] == [["type": "text", "text": ""]])
            #expect(silent["usage"]?["output_tokens"] == 8)
            let omitted = try await ask(server, "open", #","thinking":{"type":"adaptive","display":"omitted"}"#)
            #expect(omitted["content"]?[0]?["thinking"] == "" && omitted["content"]?[0]?["type"] == "thinking")
        }
    }

    @Test func `what a template can be told is told, and else refused`() async throws {
        try await withThinkers { server in
            func tokens(_ model: String, _ fields: String) async throws -> Int? {
                let prompt = #""model":"\#(model)","messages":[{"role":"user","content":"hi"}]"#
                let body = "{\(prompt)\(fields)}"
                return try await server.send("POST", "/v1/messages/count_tokens", body).json()["input_tokens"]?
                    .integerValue
            }
            #expect(try await tokens("switched", "") == 2)
            #expect(try await tokens("switched", #","thinking":{"type":"disabled"}"#) == 6)
            #expect(try await tokens("switched", #","thinking":{"type":"adaptive"}"#) == 4)
            #expect(try await tokens("switched", #","thinking":{"type":"enabled","budget_tokens":2}"#) == 4)
            #expect(try await tokens("switched", #","output_config":{"effort":"max"}"#) == 5)
            #expect(try await tokens("scripted", #","thinking":{"type":"disabled"}"#) == 9)
            #expect(try await tokens("scripted", #","thinking":{"type":"adaptive"}"#) == 9)
            #expect(try await tokens("scripted", #","output_config":{"effort":"high"}"#) == 9)
            let refused = try await ask(server, "open", #","thinking":{"type":"disabled"}"#)
            #expect(refused["error"]?["message"]?.stringValue?.contains("'thinking'") == true)
        }
    }

    private static let answers: [[AnswerDelta]] = [
        [.content("a"), .content("b")], [],
        [.reasoning("so"), .reasoning(" so"), .content("yes")],
        [
            .reasoning("so"), .callStart(index: 0, name: "f"), .callArguments(index: 0, "{\"a\""),
            .callArguments(index: 0, ":1}"), .callEnd(index: 0, isComplete: true),
        ],
        [
            .content("x"), .callStart(index: 0, name: "f"), .callArguments(index: 0, "{}"),
            .callEnd(index: 0, isComplete: true), .callStart(index: 1, name: "f"),
            .callArguments(index: 1, "{\"b\":[]}"),
            .callEnd(index: 1, isComplete: true), .content("y"),
        ],
        [.content("x"), .reasoning("hm"), .content("y")],
    ]

    @Test(
        arguments: answers,
        [MessagesThinking(.unsaid), MessagesThinking(.adaptive), MessagesThinking(.adaptive, isOmitted: true)]
    )
    func `a stream adds up to the whole answer, block by block`(deltas: [AnswerDelta], thinking: MessagesThinking)
        throws
    {
        var request = try MessagesRequest(try JSONValue(parsing: "{\(MessagesTests.question)}"))
        request.prompt.thinking = thinking
        var format = MessagesFormat(requestID: "r", request: request, promptTokenCount: 1) { "x" }
        let events: [TextEvent] =
            deltas.map { delta in
                if case .content(let text) = delta { return .text(choice: 0, delta: text, tokens: [], logprobs: []) }
                return .part(choice: 0, delta)
            } + [.finished(choice: 0, .endOfSequence)]
        var answers = AnswerCollector(promptCount: 1, choiceCount: 1)
        var blocks: [JSONObject] = []
        var inputs: [Int: String] = [:]
        var open: Int?
        for event in events {
            answers.take(event, prompt: 0)
            for object in format.chunks(for: event, prompt: 0) {
                let index = object["index"]?.integerValue
                switch object["type"] {
                case "content_block_start":
                    #expect(open == nil && index == blocks.count)
                    open = index
                    blocks.append(try #require(object["content_block"]?.objectValue))
                case "content_block_delta":
                    let block = try #require(index)
                    #expect(open == block)
                    for (key, value) in try #require(object["delta"]?.objectValue) where key != "type" {
                        let text = try #require(value.stringValue)
                        if key == "partial_json" {
                            inputs[block, default: ""] += text
                        } else {
                            blocks[block][key] = .string((blocks[block][key]?.stringValue ?? "") + text)
                        }
                    }
                case "content_block_stop":
                    #expect(open == index)
                    open = nil
                default: break
                }
            }
        }
        for (index, text) in inputs { blocks[index]["input"] = try JSONValue(parsing: text) }
        let whole = format.whole(answers, RunTiming(waiting: .zero, prefill: .zero, decode: .zero))
        #expect(open == nil && whole["content"] == .array(blocks.map { .object($0) }))
        let hasCalls = deltas.contains { if case .callStart = $0 { true } else { false } }
        #expect(whole["stop_reason"] == (hasCalls ? "tool_use" : "end_turn"))
    }
}
