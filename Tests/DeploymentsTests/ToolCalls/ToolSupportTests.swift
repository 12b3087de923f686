import Foundation
import JSON
import Testing
import Tokenization

@testable import Deployments

/// Published templates with what Python's jinja2 makes of conversations in the form of Hugging Face's
/// `apply_chat_template`; see `Tests/oracles/templates_oracle.py`.
struct PublishedTemplates {
    var contexts: [(name: String, context: JSONObject)] = []
    var templates: [(name: String, template: ChatTemplate, results: [JSONValue])] = []

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let given = ProcessInfo.processInfo.environment["HEARTH_TEST_DATA_CACHE"]
        let cache = given.map { URL(fileURLWithPath: $0) } ?? root.appendingPathComponent(".build-testdata")
        let file = cache.appendingPathComponent("templates-oracle/expected.jsonl")
        try #require(
            FileManager.default.fileExists(atPath: file.path),
            "\(file.path) is missing: run scripts/test-data in the package root to make it"
        )
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let value = try JSONValue(parsing: String(line))
            if let context = value["context"]?.objectValue {
                contexts.append((value["case"]?.stringValue ?? "", context))
            } else {
                let source = value["source"]?.stringValue ?? ""
                let name = (value["template"]?.stringValue ?? "").replacingOccurrences(of: ".jinja", with: "")
                templates.append((name, try ChatTemplate(source: source), value["results"]?.arrayValue ?? []))
            }
        }
    }

    /// What Python renders with the context of a name; nil where it fails.
    func expected(_ results: [JSONValue], _ name: String) -> String? {
        contexts.firstIndex { $0.name == name }.flatMap { results[$0]["out"]?.stringValue }
    }

    func context(_ name: String) throws -> JSONObject {
        try #require(contexts.first { $0.name == name }?.context)
    }
}

@Suite struct ToolSupportTests {
    private static let published = Result { try PublishedTemplates() }
    private static let noTokens: @Sendable (String) -> Bool = { _ in false }

    /// The templates of every family; all others are generic.
    private static let families: [ToolCallFormat.Family: [String]] = [
        .hermes: [
            "Bielik-11B-v3.0-Instruct", "MiMo-VL", "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
            "NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "Qwen-QwQ-32B", "Qwen-Qwen2.5-7B-Instruct",
            "Qwen-Qwen3-0.6B",
            "Reka-Edge", "ibm-granite-granite-4.0", "ibm-granite-granite-4.1",
        ],
        .llama3: [
            "meta-llama-Llama-3.1-8B-Instruct", "meta-llama-Llama-3.2-3B-Instruct", "meta-llama-Llama-3.3-70B-Instruct",
        ],
        .mistralList: ["mistralai-Mistral-Nemo-Instruct-2407"],
        .mistralNamed: [
            "Mistral-Small-3.2-24B-Instruct-2506", "mistralai-Ministral-3-14B-Reasoning-2512",
            "unsloth-mistral-Devstral-Small-2507",
        ],
        .gemma4: ["google-gemma-4-31B-it", "google-gemma-4-31B-it-interleaved"],
        .granite3: ["ibm-granite-granite-3.3-2B-Instruct"],
        .deepSeekV3: [
            "deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
            "llama-cpp-deepseek-r1",
        ],
        .deepSeekV31: ["deepseek-ai-DeepSeek-V3.1"],
        .miniMaxM1: ["MiniMax-M1"],
        .apriel: ["Apriel-1.6-15b-Thinker-fixed", "unsloth-Apriel-1.5"],
        .functionary: ["meetkai-functionary-medium-v3.1"],
    ]

    @Test func `the family of every published template is known`() throws {
        let published = try Self.published.get()
        #expect(published.templates.count >= 70)
        for (name, template, _) in published.templates {
            let family = ToolSupport(template: template, hasToken: Self.noTokens).format.family
            let wanted = Self.families.first { $0.value.contains(name) }?.key ?? .generic
            #expect(family == wanted, "\(name)")
        }
    }

    @Test func `what a template wants of calls is found`() throws {
        let published = try Self.published.get()
        func style(_ name: String) throws -> ToolPromptStyle {
            let template = try #require(published.templates.first { $0.name == name }?.template)
            return ToolSupport(template: template, hasToken: Self.noTokens).style
        }
        let llama = try style("meta-llama-Llama-3.2-3B-Instruct")
        #expect(llama.takesSingleCalls && !llama.needsShortIdentifiers && llama.definitions == .template)
        let nemo = try style("mistralai-Mistral-Nemo-Instruct-2407")
        #expect(nemo.needsShortIdentifiers && !nemo.takesSingleCalls)
        let qwen = try style("Qwen-Qwen3-0.6B")
        #expect(qwen.silentContent == "" && !qwen.argumentsAreText && qwen.results == .template)
        let distilled = try style("deepseek-ai-DeepSeek-R1-Distill-Llama-8B")
        #expect(distilled.argumentsAreText && distilled.definitions == .systemText && distilled.calls == .template)
        let granite = try style("ibm-granite-granite-3.3-2B-Instruct")
        #expect(granite.calls == .content && granite.definitions == .template && granite.results == .template)
        let gemma = try style("google-gemma-2-2b-it")
        #expect(gemma == ToolPromptStyle(definitions: .systemText, calls: .content, results: .user))
    }

    @Test func `Phi's template takes definitions as text within the system message`() throws {
        let template = try ChatTemplate(
            source: """
                {% for m in messages %}{% if m['role'] == 'system' and 'tools' in m and m['tools'] is not none %}\
                {{ '<|' + m['role'] + '|>' + m['content'] + '<|tool|>' + m['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}\
                {{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endif %}{% endfor %}\
                {% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}
                """
        )
        let support = ToolSupport(template: template, hasToken: Self.noTokens)
        #expect(support.format.family == .phi4 && support.style.definitions == .systemMember)
        let prompt = ToolPrompt(format: support.format, style: support.style, supportsSystemRole: true)
        let function: JSONValue = ["name": "f", "parameters": ["type": "object"]]
        let call: JSONValue = ["id": "c", "function": ["name": "f", "arguments": #"{"x": 1}"#]]
        let context = prompt.context(
            messages: [
                ["role": "user", "content": "Hi"], ["role": "assistant", "content": .null, "tool_calls": [call]],
                ["role": "tool", "content": "7", "tool_call_id": "c"],
            ],
            tools: [["type": "function", "function": function]]
        )
        #expect(
            try template.render(["messages": .array(context.messages), "add_generation_prompt": true])
                == #"<|system|><|tool|>[{"name": "f", "parameters": {"type": "object"}}]<|/tool|><|end|><|user|>Hi<|end|>"#
                + #"<|assistant|><|tool_call|>[{"name": "f", "arguments": {"x": 1}}]<|/tool_call|><|end|>"#
                + "<|tool_response|>7<|end|><|assistant|>"
        )
    }

    @Test func `a template that knows no functions leaves the form to the vocabulary`() throws {
        let template = try ChatTemplate(source: "{% for m in messages %}{{ m.content }}{% endfor %}")
        for (tokens, family) in [
            (["<tool_call>"], ToolCallFormat.Family.hermes), (["[TOOL_CALLS]"], .mistralList),
            (["[TOOL_CALLS]", "[ARGS]"], .mistralNamed), (["<|tool_call|>"], .granite3), ([], .generic),
            (["<start_function_call>"], .functionGemma),
        ] {
            let support = ToolSupport(template: template, hasToken: tokens.contains)
            #expect(support.format.family == family && support.style.definitions == .systemText)
        }
        let gemma = ToolSupport(template: template) { $0 == "<|tool_call>" }
        #expect(gemma.format.family == .gemma4 && gemma.withJSONArguments.format.family == .generic)
        #expect(ToolSupport(template: nil, hasToken: { _ in true }).format.family == .generic)
    }

    /// A conversation as clients send it: arguments as text, no names on results, null where nothing is said.
    private static func wire(_ messages: [JSONValue]) -> [JSONValue] {
        messages.map { message in
            guard case .object(var object) = message else { return message }
            if object["role"] == "tool" { object["name"] = nil }
            guard let calls = object["tool_calls"]?.arrayValue else { return .object(object) }
            if object["content"] == "" { object["content"] = .null }
            object["tool_calls"] = .array(
                calls.map { call in
                    guard let function = call["function"], let arguments = function["arguments"] else { return call }
                    let text = arguments.stringValue ?? arguments.serialized()
                    return [
                        "id": call["id"] ?? .null, "type": "function",
                        "function": ["name": function["name"] ?? .null, "arguments": .string(text)],
                    ]
                }
            )
            return .object(object)
        }
    }

    @Test(arguments: ["call-object", "call-content", "call-two", "call-two-answered", "call-rounds"])
    func `conversations with calls are rendered as Hugging Face renders them`(name: String) throws {
        let published = try Self.published.get()
        var comparedCount = 0
        for (templateName, template, results) in published.templates {
            let support = ToolSupport(template: template, hasToken: Self.noTokens)
            guard support.style.calls == .template, support.style.definitions == .template else { continue }
            let prompt = ToolPrompt(format: support.format, style: support.style, supportsSystemRole: true)
            for kind in ["one", "many"] {
                let names =
                    ["\(name)+tools-\(kind)"] + (name == "call-object" ? ["call-blank-content+tools-\(kind)"] : [])
                let expected = names.compactMap { published.expected(results, $0) }
                var context = try published.context(names[0])
                let messages = context["messages"]?.arrayValue ?? []
                let given = prompt.context(messages: Self.wire(messages), tools: context["tools"]?.arrayValue)
                context["messages"] = .array(given.messages)
                context["tools"] = given.tools.map { .array($0) }
                let options = TemplateRenderOptions(
                    now: { Date(timeIntervalSince1970: 1_750_000_000) },
                    timeZone: TimeZone(secondsFromGMT: 0) ?? .current
                )
                let text = try? template.render(context, options: options)
                if expected.isEmpty { continue }
                comparedCount += 1
                #expect(expected.contains(text ?? ""), "\(templateName), \(names[0])")
            }
        }
        #expect(comparedCount >= 28)
    }

    /// What a template makes of an assistant's message is what the model is trained to answer: the text between the
    /// prompt and the mark that ends the turn.
    private static func answer(_ template: ChatTemplate, _ context: ToolPrompt.Context) throws -> (String, String)? {
        func render(_ messages: [JSONValue], isPrompt: Bool) throws -> String {
            let tools = context.tools.map { JSONValue.array($0) } ?? .null
            return try template.render([
                "messages": .array(messages), "tools": tools, "add_generation_prompt": .bool(isPrompt), "bos_token": "",
                "eos_token": "<END>",
            ])
        }
        let prompt = try render(context.messages.dropLast(), isPrompt: true)
        var text = try render(context.messages, isPrompt: false)
        guard text.hasPrefix(prompt) else { return nil }
        text = String(text.dropFirst(prompt.count))
        for mark in [
            "<END>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "<turn|>",
            "<end_of_sentence>", "<sep>", "<|end|>",
        ] {
            if let range = text.range(of: mark) { text = String(text[..<range.lowerBound]) }
        }
        return (prompt, text)
    }

    @Test(arguments: ["", "Let me look."])
    func `what published templates write as an answer is read back`(content: String) throws {
        let published = try Self.published.get()
        let arguments = [
            #"{"location": "Zürich", "unit": "celsius", "days": 2}"#,
            #"{"query": "a \"b\" <c> </tool_call>", "tags": ["x", "]"], "filter": {"since": null, "score": 0.5}, "either": 3}"#,
        ]
        let names = ["get_weather", "search_notes"]
        let tools = try published.context("call-two+tools-many")["tools"]?.arrayValue
        var readCount = 0
        for (name, template, _) in published.templates {
            let support = ToolSupport(template: template, hasToken: Self.noTokens)
            let prompt = ToolPrompt(format: support.format, style: support.style, supportsSystemRole: true)
            let callCount = support.style.takesSingleCalls ? 1 : 2
            let calls = (0..<callCount).map { index -> JSONValue in
                [
                    "type": "function",
                    "function": ["name": .string(names[index]), "arguments": .string(arguments[index])],
                ]
            }
            let assistant: JSONValue = ["role": "assistant", "content": .string(content), "tool_calls": .array(calls)]
            let context = prompt.context(messages: [["role": "user", "content": "Hello"], assistant], tools: tools)
            guard support.format.family != .generic, let (asked, text) = try? Self.answer(template, context) else {
                continue
            }
            readCount += 1
            let expectation = AnswerExpectation(
                tools: support.format,
                names: Set(names),
                reasoning: support.reasoning,
                startsInReasoning: support.reasoning?.isOpen(after: asked) ?? false
            )
            let splits = ToolCallParserTests.splits(of: text).enumerated().filter { $0.offset % 9 == 0 }.map(\.element)
            for pieces in [[text]] + splits + [text.map { String($0) }] {
                let answer = ToolCallParserTests.parse(pieces, expectation)
                #expect(answer.calls.map(\.name) == Array(names.prefix(callCount)), "\(name): \(text)")
                let read = answer.calls.map { try? JSONValue(parsing: $0.arguments) }
                #expect(read == arguments.prefix(callCount).map { try? JSONValue(parsing: $0) }, "\(name): \(text)")
                // Some templates write no content beside calls.
                #expect(
                    [content, ""].contains(answer.content.trimmingCharacters(in: .whitespacesAndNewlines)),
                    "\(name): \(text)"
                )
            }
        }
        #expect(readCount >= 20)
    }
}
