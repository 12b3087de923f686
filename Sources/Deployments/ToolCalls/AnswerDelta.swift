/// One more piece of an answer, told apart by what it is for.
package enum AnswerDelta: Sendable, Equatable {
    /// More of what the model thinks before it answers.
    case reasoning(String)
    /// More of what it says.
    case content(String)
    /// Call number `index` begins; calls are counted from 0.
    case callStart(index: Int, name: String)
    /// More of the JSON text of the call's arguments.
    case callArguments(index: Int, String)
    /// The call is over. `isComplete` is false when the answer broke off or went astray within its arguments, which can
    /// only happen to an answer whose calls nothing constrained to be whole.
    case callEnd(index: Int, isComplete: Bool)
}

/// An answer as its deltas add up.
package struct ParsedAnswer: Sendable, Equatable {
    package var reasoning = ""
    package var content = ""
    package var calls: [ToolCall] = []

    package init() {}

    package init(_ deltas: some Sequence<AnswerDelta>) {
        for delta in deltas { add(delta) }
    }

    /// Adds the next delta of the answer.
    package mutating func add(_ delta: AnswerDelta) {
        switch delta {
        case .reasoning(let text): reasoning += text
        case .content(let text): content += text
        case .callStart(_, let name): calls.append(ToolCall(name: name, arguments: ""))
        case .callArguments(let index, let text): calls[index].arguments += text
        case .callEnd: break
        }
    }
}
