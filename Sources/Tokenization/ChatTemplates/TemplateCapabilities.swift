import JSON

/// What a chat template does with a conversation, found by reading it and by rendering small ones.
package struct TemplateCapabilities: Sendable, Equatable {
    /// Whether the template reads `tools`.
    package let supportsTools: Bool
    /// Whether the template reads the tool calls of assistant messages.
    package let supportsToolCalls: Bool
    /// Whether a system message reaches the prompt.
    package let supportsSystemRole: Bool
    /// Whether the template reads `enable_thinking` or `thinking`.
    package let supportsThinkingSwitch: Bool
    /// Names of `enable_thinking` and `thinking` that the template reads as variables.
    package let thinkingSwitches: [String]
    /// Whether the template reads `reasoning_effort`.
    package let readsReasoningEffort: Bool
    /// Whether the template reads `thinking_budget`.
    package let readsThinkingBudget: Bool
    /// Whether the template takes the content of a message apart itself when it is a list of typed parts. When not,
    /// the caller passes the text of the parts as one string.
    package let expectsContentParts: Bool

    typealias Trial = (JSONObject, TemplateRenderOptions) throws(TemplateError) -> String

    init(body: [TemplateStatement], trial: Trial) {
        var mentioned: Set<String> = []
        var variables: Set<String> = []
        TemplateStatement.walk(body) { visit in
            guard case .expression(let expression) = visit else { return }
            expression.walk { part in
                switch part.kind {
                case .name(let name):
                    mentioned.insert(name)
                    variables.insert(name)
                case .attribute(_, let name): mentioned.insert(name)
                case .constant(.text(let text)): mentioned.insert(text.string)
                default: break
                }
            }
        }
        supportsTools = mentioned.contains("tools")
        supportsToolCalls = mentioned.contains("tool_calls")
        supportsThinkingSwitch = mentioned.contains("enable_thinking") || mentioned.contains("thinking")
        thinkingSwitches = ["enable_thinking", "thinking"].filter(variables.contains)
        readsReasoningEffort = variables.contains("reasoning_effort")
        readsThinkingBudget = variables.contains("thinking_budget")
        let mark = "QuartzLantern"
        func output(_ messages: [JSONValue]) -> String? {
            var options = TemplateRenderOptions()
            options.limits.steps = 200_000
            let context: JSONObject = [
                "messages": .array(messages), "add_generation_prompt": true, "bos_token": "", "eos_token": "",
            ]
            return try? trial(context, options)
        }
        let system: JSONValue = ["role": "system", "content": .string(mark)]
        supportsSystemRole = output([system, ["role": "user", "content": "Hello"]])?.contains(mark) ?? false
        let part: JSONValue = ["type": "text", "text": .string(mark)]
        let parts = output([["role": "user", "content": .array([part])]])
        // A template that knows only strings prints the list itself, type and all.
        expectsContentParts =
            parts.map { $0.contains(mark) && !$0.contains("'type'") && !$0.contains("\"type\"") } ?? false
    }
}
