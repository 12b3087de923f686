import JSON

/// Puts functions, calls and results into a conversation in the way that a model's chat template takes them.
///
/// A value that decides; `PromptRenderer` renders what it returns.
struct ToolPrompt: Sendable {
    let format: ToolCallFormat
    let style: ToolPromptStyle
    /// Whether the template lets a system message through.
    let supportsSystemRole: Bool

    /// What a template is given.
    struct Context: Equatable {
        var messages: [JSONValue]
        /// nil when the template is told of none.
        var tools: [JSONValue]?
    }

    func context(messages: [JSONValue], tools: [JSONValue]?) -> Context {
        let tools = tools?.isEmpty == true ? nil : tools
        let hasCalls = messages.contains { message in
            ["tool", "function"].contains(message["role"]?.stringValue) || message["tool_calls"] != nil
        }
        if tools == nil, !hasCalls { return Context(messages: messages) }
        var history = ToolHistory(messages.map(\.objectValue), needsShortIdentifiers: style.needsShortIdentifiers)
        history.complete()
        if style.takesSingleCalls, style.calls == .template { history.splitCalls() }
        var result = history.messages.map(written)
        if style.results == .user { result = Self.mergingUsers(result) }
        guard let tools else { return Context(messages: result.map { .object($0) }) }
        switch style.definitions {
        case .template:
            return Context(messages: result.map { .object($0) }, tools: tools)
        case .systemMember:
            let text = JSONValue.array(tools.map { $0["function"] ?? $0 }).serialized(.spaced)
            Self.withSystem(&result) { $0["tools"] = .string(text) }
        case .systemText:
            explain(tools, in: &result)
        }
        return Context(messages: result.map { .object($0) })
    }

    // MARK: Definitions

    /// Puts the functions' descriptions into the system message, or where the template has none, before what the user
    /// says first.
    private func explain(_ tools: [JSONValue], in messages: inout [JSONObject]) {
        let text = explanation(of: tools)
        let isSystem = messages.first?["role"] == "system"
        if supportsSystemRole || isSystem {
            Self.withSystem(&messages) { message in
                let content = Self.text(of: message)
                message["content"] = .string(content.isEmpty ? text : content + "\n\n" + text)
            }
        } else if let index = messages.firstIndex(where: { $0["role"] == "user" }) {
            messages[index]["content"] = .string(text + "\n\n" + Self.text(of: messages[index]))
        } else {
            messages.insert(["role": "user", "content": .string(text)], at: 0)
        }
    }

    /// The functions and how to call them, in words.
    func explanation(of tools: [JSONValue]) -> String {
        let form = format.form
        let example = form.text(of: [ToolCall(name: "function_name", arguments: #"{"argument_name": "value"}"#)])
        let definitions = tools.map { $0.serialized(.spaced) }.joined(separator: "\n")
        let several = format.callLimit == 1 ? "" : " To call several functions, write that several times."
        return """
            # Tools

            You can call functions to help the user. These are the functions, one on each line:
            <tools>
            \(definitions)
            </tools>

            To call a function, answer with its name and its arguments in exactly this form:
            \(example)
            Use only the functions above, with arguments that keep to their parameters.\(several) When no function is \
            needed, answer in plain words.
            """
    }

    private static func withSystem(_ messages: inout [JSONObject], _ change: (inout JSONObject) -> Void) {
        if messages.first?["role"] != "system" { messages.insert(["role": "system", "content": ""], at: 0) }
        change(&messages[0])
    }

    // MARK: Calls and results

    /// A message with its calls, or its result, as the template takes them.
    private func written(_ message: JSONObject) -> JSONObject {
        switch message["role"]?.stringValue {
        case "assistant": assistant(message)
        case "tool": result(message)
        default: message
        }
    }

    private func assistant(_ message: JSONObject) -> JSONObject {
        guard let calls = message["tool_calls"]?.arrayValue, !calls.isEmpty else { return message }
        var message = message
        if style.calls == .content {
            let written = format.form.text(of: calls.map(Self.call))
            let content = Self.text(of: message)
            message["content"] = .string(content.isEmpty ? written : content + "\n" + written)
            message["tool_calls"] = nil
            return message
        }
        if message["content"] == nil || message["content"] == .null || message["content"] == "" {
            message["content"] = style.silentContent
        }
        message["tool_calls"] = .array(calls.map(withArguments))
        return message
    }

    /// The call with its arguments as text or as an object. Text that is no object stays text.
    private func withArguments(_ call: JSONValue) -> JSONValue {
        guard case .object(var object) = call, case .object(var function)? = object["function"] else { return call }
        switch function["arguments"] {
        case .string(let text) where !style.argumentsAreText:
            let trimmed = text.isEmpty ? "{}" : text
            guard let value = try? JSONValue(parsing: trimmed), value.objectValue != nil else { return call }
            function["arguments"] = value
        case .object(let arguments) where style.argumentsAreText:
            function["arguments"] = .string(JSONValue.object(arguments).serialized(.spaced))
        default:
            return call
        }
        object["function"] = .object(function)
        return .object(object)
    }

    private static func call(_ value: JSONValue) -> ToolCall {
        let function = value["function"]
        let arguments = function?["arguments"] ?? [:]
        return ToolCall(
            name: function?["name"]?.stringValue ?? "",
            arguments: arguments.stringValue ?? arguments.serialized(.spaced)
        )
    }

    private func result(_ message: JSONObject) -> JSONObject {
        switch style.results {
        case .template:
            return message
        case .role(let role):
            var message = message
            message["role"] = .string(role)
            return message
        case .user:
            return [
                "role": "user", "content": .string("<tool_response>\n\(Self.text(of: message))\n</tool_response>"),
            ]
        }
    }

    /// Joins what users say in a row, since results among it would break the turns that many templates insist on.
    private static func mergingUsers(_ messages: [JSONObject]) -> [JSONObject] {
        var merged: [JSONObject] = []
        for message in messages {
            if message["role"] == "user", let last = merged.last, last["role"] == "user" {
                merged[merged.count - 1]["content"] = .string(text(of: last) + "\n" + text(of: message))
            } else {
                merged.append(message)
            }
        }
        return merged
    }

    /// A message's text; parts are joined by line breaks.
    private static func text(of message: JSONObject) -> String {
        switch message["content"] {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0["text"]?.stringValue }.joined(separator: "\n")
        default: ""
        }
    }
}
