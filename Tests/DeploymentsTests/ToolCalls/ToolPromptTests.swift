import Foundation
import JSON
import Testing
import Tokenization

@testable import Deployments

@Suite struct ToolPromptTests {
    private static let weather: JSONValue = [
        "type": "function",
        "function": ["name": "get_weather", "description": "Tells.", "parameters": ["type": "object"]],
    ]
    private static let chatML = """
        {% for m in messages %}<{{ m.role }}>{{ m.content }}{% if m.name %}({{ m.name }}){% endif %}{% endfor %}
        """

    private func prompt(_ source: String) throws -> (ToolPrompt, ChatTemplate) {
        let template = try ChatTemplate(source: source)
        let support = ToolSupport(template: template) { _ in false }
        let hasSystem = template.capabilities.supportsSystemRole
        return (ToolPrompt(format: support.format, style: support.style, supportsSystemRole: hasSystem), template)
    }

    private static func call(_ name: String, _ arguments: JSONValue, _ identifier: String?) -> JSONValue {
        var call: JSONObject = ["type": "function", "function": ["name": .string(name), "arguments": arguments]]
        call["id"] = identifier.map { .string($0) }
        return .object(call)
    }

    @Test func `a model without a form of its own is told of functions in the system message`() throws {
        let (prompt, _) = try prompt(Self.chatML)
        #expect(prompt.format.family == .generic)
        let messages: [JSONValue] = [
            ["role": "system", "content": "Be kind."], ["role": "user", "content": "Weather?"],
            ["role": "assistant", "content": .null, "tool_calls": [Self.call("get_weather", #"{"a":1}"#, "c1")]],
            ["role": "tool", "content": "21", "tool_call_id": "c1"], ["role": "user", "content": "Thanks"],
        ]
        let context = prompt.context(messages: messages, tools: [Self.weather])
        #expect(context.tools == nil)
        let system = context.messages[0]["content"]?.stringValue ?? ""
        #expect(system.hasPrefix("Be kind.\n\n# Tools\n"))
        #expect(system.contains(Self.weather.serialized(.spaced)))
        #expect(
            system.contains(
                "<tool_call>\n{\"name\": \"function_name\", \"arguments\": {\"argument_name\": \"value\"}}\n</tool_call>"
            )
        )
        #expect(
            Array(context.messages[1...]) == [
                ["role": "user", "content": "Weather?"],
                [
                    "role": "assistant",
                    "content": "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"a\":1}}\n</tool_call>",
                ],
                ["role": "user", "content": "<tool_response>\n21\n</tool_response>\nThanks"],
            ]
        )
    }

    @Test func `a model without system messages is told by the user`() throws {
        let (prompt, template) = try prompt(
            """
            {% for m in messages %}{% if m.role == 'system' or loop.index0 % 2 != (m.role == 'assistant')|int %}
            {{ raise_exception('roles') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}
            """
        )
        let messages: [JSONValue] = [
            ["role": "user", "content": "Weather?"],
            [
                "role": "assistant", "content": "Let me see.",
                "tool_calls": [Self.call("now", [:], nil), Self.call("now", [:], nil)],
            ],
            ["role": "tool", "content": "1"], ["role": "tool", "content": "2"], ["role": "user", "content": "So?"],
        ]
        let context = prompt.context(messages: messages, tools: [Self.weather])
        #expect(context.messages[0]["content"]?.stringValue?.hasSuffix("\n\nWeather?") == true)
        let text = try template.render(["messages": .array(context.messages)])
        #expect(
            text.contains("Let me see.\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n<tool_call>")
        )
        #expect(text.hasSuffix("<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response>\nSo?"))
    }

    @Test func `a conversation without functions is left as it is`() throws {
        let (prompt, _) = try prompt(Self.chatML)
        let messages: [JSONValue] = [["role": "user", "content": "a"], ["role": "user", "content": "b"]]
        #expect(prompt.context(messages: messages, tools: []) == ToolPrompt.Context(messages: messages))
    }

    @Test func `identifiers are made short for the templates that insist on it and stay alike`() throws {
        var history = ToolHistory(
            [
                [
                    "role": "assistant",
                    "tool_calls": [
                        Self.call("f", "{}", "call_abcdefghij"), Self.call("g", "{}", "call00001"),
                        Self.call("h", "{}", nil),
                    ],
                ],
                ["role": "tool", "content": "h", "name": "h"],
                ["role": "tool", "content": "g", "tool_call_id": "call00001"],
                ["role": "tool", "content": "f", "tool_call_id": "call_abcdefghij"],
            ],
            needsShortIdentifiers: true
        )
        history.complete()
        let identifiers = history.messages[0]["tool_calls"]?.arrayValue?.map { $0["id"]?.stringValue ?? "" }
        #expect(identifiers == ["call00002", "call00001", "call00003"])
        #expect(
            history.messages[1...].map { $0["tool_call_id"]?.stringValue } == ["call00003", "call00001", "call00002"]
        )
        #expect(history.messages[1...].map { $0["name"]?.stringValue } == ["h", "g", "f"])
    }

    @Test func `results of the older role belong to the call of their name`() {
        var history = ToolHistory(
            [
                ["role": "assistant", "tool_calls": [Self.call("f", "{}", nil)]],
                ["role": "function", "content": "1", "name": "f"],
            ],
            needsShortIdentifiers: false
        )
        history.complete()
        #expect(history.messages[1]["role"] == "tool")
        #expect(history.messages[1]["tool_call_id"] == history.messages[0]["tool_calls"]?[0]?["id"])
    }

    @Test func `results that name no call answer the calls in their order`() {
        let calls = [Self.call("f", [:], nil), Self.call("g", [:], nil)]
        var history = ToolHistory(
            [
                ["role": "assistant", "tool_calls": .array(calls)], ["role": "tool", "content": "1"],
                ["role": "tool", "content": "2"],
            ],
            needsShortIdentifiers: false
        )
        history.complete()
        #expect(history.messages[1...].map { $0["name"] } == ["f", "g"])
        let identifiers = history.messages[0]["tool_calls"]?.arrayValue?.map { $0["id"] }
        #expect(history.messages[1...].map { $0["tool_call_id"] } == identifiers)
    }

    @Test func `calls of one message are told apart where a template knows one a message`() {
        var history = ToolHistory(
            [
                [
                    "role": "assistant", "content": "Two.",
                    "tool_calls": [Self.call("f", "{}", "a"), Self.call("g", "{}", "b")],
                ],
                ["role": "tool", "content": "2", "tool_call_id": "b"],
                ["role": "tool", "content": "1", "tool_call_id": "a"],
                ["role": "user", "content": "x"],
            ],
            needsShortIdentifiers: false
        )
        history.splitCalls()
        #expect(history.messages.map { $0["role"]?.stringValue } == ["assistant", "tool", "assistant", "tool", "user"])
        #expect(history.messages.map { $0["content"] } == ["Two.", "1", .null, "2", "x"])
    }

    @Test func `arguments are given as the template wants them`() throws {
        let asText =
            "{% for m in messages %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}<tool_call>\n"
            + "{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ 'A' ~ c.function.arguments if false else c.function.arguments + '' }}}\n</tool_call>{% endfor %}{% endfor %}{{ tools }}"
        let asObject = asText.replacingOccurrences(
            of: "{{ 'A' ~ c.function.arguments if false else c.function.arguments + '' }}",
            with: "{{ c.function.arguments | tojson }}"
        )
        for (source, isText) in [(asText, true), (asObject, false)] {
            let (prompt, template) = try prompt(source)
            #expect(prompt.format.family == .hermes && prompt.style.argumentsAreText == isText)
            for arguments in [JSONValue.string(#"{"a": "é"}"#), ["a": "é"]] {
                let messages: [JSONValue] = [
                    ["role": "assistant", "content": .null, "tool_calls": [Self.call("f", arguments, "a")]]
                ]
                let context = prompt.context(messages: messages, tools: [Self.weather])
                let text = try template.render(["messages": .array(context.messages), "tools": .null])
                #expect(text.hasPrefix("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"é\"}}\n</tool_call>"))
            }
        }
    }

    @Test func `a request to think reaches the variables that a template reads`() throws {
        let both = try ChatTemplate(source: "{{ enable_thinking }}{{ reasoning_effort }}{{ thinking_budget }}")
            .capabilities
        let none = try ChatTemplate(source: "{{ messages }}").capabilities
        let request = ReasoningRequest(isOn: true, effort: "low", budget: 5)
        #expect(
            request.templateArguments(both) == [
                "enable_thinking": true, "reasoning_effort": "low", "thinking_budget": 5,
            ]
        )
        #expect(request.templateArguments(none).isEmpty)
        #expect(request.isHeard(by: both) && !request.isHeard(by: none))
        #expect(!ReasoningRequest(isOn: false).isHeard(by: none) && ReasoningRequest().isHeard(by: none))
    }
}
