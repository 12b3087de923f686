import OpenAIAPI

/// A piece of an answer that is of one kind.
struct AnswerSegment: Sendable, Equatable {
    /// What the piece is for.
    enum Kind: Sendable, Equatable {
        case thought, text
        /// A call of the function with this name.
        case call(String)
    }

    let kind: Kind
    /// What is thought or said, or the JSON text of the call's arguments.
    var text = ""
    /// Of a text's tokens, where they were asked for.
    var logprobs: [WireLogprob] = []
    /// Whether it came to its end; false for one that is open or was cut off.
    var isComplete = false
}

extension [AnswerSegment] {
    /// Adds to the last segment where it is of this kind, and begins a new one where not.
    mutating func add(_ text: String, to kind: AnswerSegment.Kind) {
        if text.isEmpty { return }
        if last?.kind != kind { append(AnswerSegment(kind: kind)) }
        self[count - 1].text += text
    }
}
