package import JSON

/// What an answer must be from its first character to its last.
package struct AnswerStructure: Sendable, Hashable {
    /// What kind of text.
    package enum Kind: Sendable, Hashable {
        /// A JSON object of any kind.
        case jsonObject
        /// JSON that is valid under a schema (draft 2020-12).
        case jsonSchema(JSONValue)
        /// Text that matches a regular expression as a whole.
        case regex(String)
        /// One of these texts.
        case choice([String])
        /// Text of a grammar in GBNF.
        case grammar(String)
    }

    package var kind: Kind
    /// The request's parameter that asked for it.
    package var parameter: String

    package init(_ kind: Kind, parameter: String) {
        self.kind = kind
        self.parameter = parameter
    }
}
