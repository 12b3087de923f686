package import Grammars
package import JSON

/// The functions that an answer may call, and how.
package struct FunctionCalls: Sendable, Equatable {
    /// One function.
    package struct Function: Sendable, Equatable {
        package var name: String
        /// The schema of the arguments, an object.
        package var parameters: JSONValue

        /// - Parameters:
        ///   - name: letters, digits, `_` and `-`.
        ///   - parameters: a JSON Schema of an object.
        package init(name: String, parameters: JSONValue) {
            self.name = name
            self.parameters = parameters
        }
    }

    package var functions: [Function]
    /// Whether the answer is a call and nothing else.
    package var isRequired: Bool
    package var allowsSeveral: Bool
    /// The request's parameter with the functions.
    package var parameter: String

    /// - Parameters:
    ///   - functions: at least one.
    ///   - parameter: the request's parameter with the functions, for errors.
    package init(functions: [Function], isRequired: Bool, allowsSeveral: Bool, parameter: String) {
        self.functions = functions
        self.isRequired = isRequired
        self.allowsSeveral = allowsSeveral
        self.parameter = parameter
    }
}

extension AnswerGrammar {
    /// Lets the answer call functions.
    package mutating func allow(_ calls: FunctionCalls, writtenAs format: ToolCallFormat) {
        functions = calls.functions.map { CallableFunction(name: $0.name, parameters: $0.parameters) }
        syntaxes = format.forms.map { CallSyntax($0) }
        isCallRequired = calls.isRequired
        callLimit = calls.allowsSeveral ? format.callLimit : 1
    }
}

extension CallSyntax {
    init(_ form: ToolCallForm) {
        self.init(trigger: form.trigger, isAtStartOnly: form.isAtStartOnly)
        opening = form.opening
        beforeName = form.beforeName
        afterName = form.afterName
        afterArguments = form.afterArguments
        separator = form.separator
        closing = form.closing
    }
}

extension ThoughtSyntax {
    init?(_ format: ReasoningFormat?, isOpen: Bool) {
        guard let format else { return nil }
        self.init(opening: format.mark, closing: format.closing, isOpen: isOpen)
    }
}
