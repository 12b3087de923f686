import JSON
package import Tokenization

/// How much a model is asked to think before it answers.
package struct ReasoningRequest: Sendable, Equatable {
    /// Whether to think at all; nil leaves it to the template.
    package var isOn: Bool?
    /// How hard, in the words of templates: `low`, `medium`, `high`.
    package var effort: String?
    /// Most tokens of thought.
    package var budget: Int?

    package init(isOn: Bool? = nil, effort: String? = nil, budget: Int? = nil) {
        self.isOn = isOn
        self.effort = effort
        self.budget = budget
    }
}

extension ReasoningRequest {
    /// The variables that tell a template of the request: those that it reads.
    func templateArguments(_ capabilities: TemplateCapabilities) -> JSONObject {
        var arguments = JSONObject()
        if let isOn { for name in capabilities.thinkingSwitches { arguments[name] = .bool(isOn) } }
        if let effort, capabilities.readsReasoningEffort { arguments["reasoning_effort"] = .string(effort) }
        if let budget, capabilities.readsThinkingBudget { arguments["thinking_budget"] = .integer(Int64(budget)) }
        return arguments
    }

    /// Whether a template can be told everything that the request asks for.
    package func isHeard(by capabilities: TemplateCapabilities) -> Bool {
        let canSwitch = !capabilities.thinkingSwitches.isEmpty
        if isOn != nil, !canSwitch, effort == nil || !capabilities.readsReasoningEffort { return false }
        return effort == nil || capabilities.readsReasoningEffort || canSwitch
    }
}
