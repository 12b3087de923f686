/// A function call: a name, and arguments as JSON text.
package struct ToolCall: Sendable, Equatable {
    package var name: String
    /// JSON text of an object.
    package var arguments: String

    package init(name: String, arguments: String) {
        self.name = name
        self.arguments = arguments
    }
}

/// How the arguments of a call are written.
package enum ToolArgumentSyntax: Sendable, Equatable {
    /// A JSON object.
    case json
    /// Gemma's own: `{key:value,…}`, keys without quotes, strings between two of the given mark.
    case gemma(quote: String)
}

/// One way in which a model writes function calls, as the literal texts around names and arguments.
///
/// Calls are written `opening (beforeName NAME afterName ARGUMENTS afterArguments) … closing`, with `separator` between
/// two of them, so that a grammar is literals, a choice of names, and each function's schema. Names need no escapes.
package struct ToolCallForm: Sendable, Equatable {
    /// How a call's inside is read.
    package enum Reading: Sendable, Equatable {
        /// A JSON object with a name and arguments among its members; several may stand in a list.
        case object
        /// A name, a text, the arguments. `allowsIdentifier`: `[CALL_ID]…[ARGS]`, or nothing, may stand between too.
        case framed(allowsIdentifier: Bool)
    }

    /// The text at which a call begins: the first characters of `opening + beforeName`.
    package var trigger: String
    /// Whether calls can only begin where the answer does.
    package var isAtStartOnly: Bool
    package var opening: String
    package var beforeName: String
    package var afterName: String
    package var afterArguments: String
    package var separator: String
    package var closing: String
    package var arguments: ToolArgumentSyntax
    package var reading: Reading
    /// Texts that may stand after a call and belong to no content, besides blanks, `,`, `;` and `]`.
    package var closers: [String]

    /// The literal that starts the first call: everything before the name.
    package var head: String { opening + beforeName }

    /// What remains of `head` once the trigger has been written.
    package var headAfterTrigger: String { String(decoding: head.utf8.dropFirst(trigger.utf8.count), as: UTF8.self) }

    /// Calls as a model of the family writes them.
    package func text(of calls: [ToolCall]) -> String {
        opening + calls.map(text(of:)).joined(separator: separator) + closing
    }

    private func text(of call: ToolCall) -> String { head(of: call) + afterArguments }

    /// A call up to the end of its arguments.
    func head(of call: ToolCall) -> String {
        beforeName + call.name + afterName + arguments.text(ofJSON: call.arguments)
    }
}

extension ToolCallForm {
    /// A form whose calls are JSON objects.
    ///
    /// - Parameters:
    ///   - frame: the texts before, between and after calls, and at the end of all.
    ///   - argumentsKey: the member with the arguments.
    static func object(
        _ trigger: String,
        frame: (opening: String, before: String, after: String, separator: String, closing: String),
        argumentsKey: String = "arguments",
        closers: [String] = []
    ) -> ToolCallForm {
        ToolCallForm(
            trigger: trigger,
            isAtStartOnly: false,
            opening: frame.opening,
            beforeName: frame.before + #"{"name": ""#,
            afterName: #"", "\#(argumentsKey)": "#,
            afterArguments: "}" + frame.after,
            separator: frame.separator,
            closing: frame.closing,
            arguments: .json,
            reading: .object,
            closers: closers
        )
    }

    /// A form whose calls have a name between two texts, then arguments.
    static func framed(
        _ trigger: String,
        section: (opening: String, separator: String, closing: String) = ("", "", ""),
        call: (beforeName: String, afterName: String, afterArguments: String),
        allowsIdentifier: Bool = false,
        closers: [String] = []
    ) -> ToolCallForm {
        ToolCallForm(
            trigger: trigger,
            isAtStartOnly: false,
            opening: section.opening,
            beforeName: call.beforeName,
            afterName: call.afterName,
            afterArguments: call.afterArguments,
            separator: section.separator,
            closing: section.closing,
            arguments: .json,
            reading: .framed(allowsIdentifier: allowsIdentifier),
            closers: closers
        )
    }
}
