package import JSON

/// How functions, calls and results get into the prompts of a model.
package struct ToolPromptStyle: Sendable, Equatable {
    /// Who explains the functions to the model.
    package enum Definitions: Sendable, Equatable {
        /// The template, from its variable `tools`.
        case template
        /// The template, from member `tools` of the system message, as JSON text.
        case systemMember
        /// We do, at the end of the system message.
        case systemText
    }

    /// Who writes earlier calls.
    package enum Calls: Sendable, Equatable {
        /// The template, from member `tool_calls`.
        case template
        /// We do, at the end of the assistant's content.
        case content
    }

    /// Who writes results.
    package enum Results: Sendable, Equatable {
        /// The template, for messages with the role `tool`.
        case template
        /// The template, for messages with a role of its own.
        case role(String)
        /// We do, as what the user says.
        case user
    }

    package var definitions: Definitions
    package var calls: Calls
    package var results: Results
    /// Whether the template wants a call's arguments as JSON text instead of an object.
    package var argumentsAreText = false
    /// What stands for the content of a message that only calls functions: null or an empty text.
    package var silentContent = JSONValue.null
    /// Whether the template insists on identifiers of nine letters and digits.
    package var needsShortIdentifiers = false
    /// Whether the template refuses or drops a second call in one message.
    package var takesSingleCalls = false

    package init(definitions: Definitions, calls: Calls, results: Results) {
        self.definitions = definitions
        self.calls = calls
        self.results = results
    }
}
