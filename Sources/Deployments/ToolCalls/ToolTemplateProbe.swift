import JSON
import Tokenization

/// Finds out what a chat template does with functions by rendering small conversations.
struct ToolTemplateProbe {
    let template: ChatTemplate

    private static let name = "quartz_lantern"
    private static let identifier = "aB3dE5fG7"
    private static let result = "NineSilverKeys"
    private static let call = ToolCall(name: name, arguments: #"{"ember": 7}"#)
    private static let definition: JSONValue = [
        "type": "function",
        "function": [
            "name": .string(name), "description": "Lights it.",
            "parameters": [
                "type": "object", "properties": ["ember": ["type": "integer", "description": "Which."]],
                "required": ["ember"],
            ],
        ],
    ]

    /// The family whose calls the template writes, with how it wants them; nil when it writes none that is known.
    func familyWritten() -> (ToolCallFormat.Family, ToolPromptStyle)? {
        guard template.capabilities.supportsToolCalls else { return nil }
        for argumentsAreText in [false, true] {
            for silentContent in [JSONValue.null, ""] {
                var style = ToolPromptStyle(definitions: .template, calls: .template, results: .template)
                style.argumentsAreText = argumentsAreText
                style.silentContent = silentContent
                guard let text = render(style), let family = Self.family(in: text) else { continue }
                complete(&style, text)
                return (family, style)
            }
        }
        return nil
    }

    /// How a family's calls get into a template that does not write them.
    func styleForContent(_ family: ToolCallFormat.Family) -> ToolPromptStyle {
        var style = ToolPromptStyle(definitions: .systemText, calls: .content, results: .user)
        let user: JSONValue = ["role": "user", "content": "Hello"]
        if render([user], hasTools: true)?.contains(Self.name) == true {
            style.definitions = .template
        } else if family == .phi4 {
            let system: JSONValue = ["role": "system", "content": "Be kind.", "tools": .string(Self.name)]
            if render([system, user])?.contains(Self.name) == true { style.definitions = .systemMember }
        }
        let assistant: JSONValue = ["role": "assistant", "content": "Calling."]
        let result: JSONValue = [
            "role": "tool", "content": .string(Self.result), "name": .string(Self.name),
            "tool_call_id": .string(Self.identifier),
        ]
        if style.definitions != .systemText {
            let isWritten = render([user, assistant, result], hasTools: true)?.contains(Self.result) == true
            if isWritten { style.results = family == .phi4 ? .role("tool_response") : .template }
        }
        return style
    }

    /// Finds what else the template wants of calls that it writes as `text`.
    private func complete(_ style: inout ToolPromptStyle, _ text: String) {
        let user: JSONValue = ["role": "user", "content": "Hello"]
        let isDefined = render([user], hasTools: true)?.contains(Self.name) == true
        if !isDefined { style.definitions = .systemText }
        if !text.contains(Self.result) { style.results = .user }
        style.needsShortIdentifiers =
            render(style, identifiers: ["call_0123456789abcdefghijklmn"]).flatMap(Self.family) == nil
        let two = render(style, identifiers: [Self.identifier, "cD4eF6gH8"])
        // A second call shows as more places that name the function than the first call alone makes.
        style.takesSingleCalls = Self.count(of: Self.name, in: two ?? "") <= Self.count(of: Self.name, in: text)
    }

    /// The family whose call stands in a prompt, blanks aside.
    private static func family(in text: String) -> ToolCallFormat.Family? {
        let packed = withoutBlanks(text)
        return ToolCallFormat.Family.allCases.first { family in
            if family == .generic { return false }
            let form = ToolCallFormat.of(family).form
            var heads = [form.opening + form.head(of: call)]
            if form.reading == .framed(allowsIdentifier: true) {
                heads.append(heads[0].replacing(form.afterName, with: "[CALL_ID]" + identifier + form.afterName))
            }
            return heads.contains { packed.contains(withoutBlanks($0)) }
        }
    }

    private static func count(of name: String, in text: String) -> Int { text.ranges(of: name).count }

    private static func withoutBlanks(_ text: String) -> String { text.filter { !$0.isWhitespace } }

    /// A round of calls and results as `style` has it.
    private func render(_ style: ToolPromptStyle, identifiers: [String] = [identifier]) -> String? {
        let arguments: JSONValue = style.argumentsAreText ? .string(Self.call.arguments) : ["ember": 7]
        let calls = identifiers.map { identifier -> JSONValue in
            [
                "id": .string(identifier), "type": "function",
                "function": ["name": .string(Self.name), "arguments": arguments],
            ]
        }
        var messages: [JSONValue] = [
            ["role": "user", "content": "Hello"],
            ["role": "assistant", "content": style.silentContent, "tool_calls": .array(calls)],
        ]
        for identifier in identifiers {
            messages.append([
                "role": "tool", "content": .string(Self.result), "tool_call_id": .string(identifier),
                "name": .string(Self.name),
            ])
        }
        return render(messages, hasTools: true)
    }

    private func render(_ messages: [JSONValue], hasTools: Bool = false) -> String? {
        var options = TemplateRenderOptions()
        options.limits.steps = 500_000
        let context: JSONObject = [
            "messages": .array(messages), "tools": hasTools ? [Self.definition] : .null, "add_generation_prompt": true,
            "bos_token": "", "eos_token": "",
        ]
        return try? template.render(context, options: options)
    }
}
