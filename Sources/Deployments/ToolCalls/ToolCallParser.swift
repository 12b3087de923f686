import JSON

/// What an answer is expected to hold.
package struct AnswerExpectation: Sendable, Equatable {
    /// How calls are written; nil when the request has no functions, and then none are looked for.
    package var tools: ToolCallFormat?
    /// The functions there are: what calls another one is content.
    package var names: Set<String>
    /// How thoughts are marked; nil leaves them in the content.
    package var reasoning: ReasoningFormat?
    /// Whether the prompt ends within thoughts.
    package var startsInReasoning: Bool
    /// Whether something else sees to it that what begins as a call goes on as one. Arguments are then passed on while
    /// they are written. When not, a call is held back until it is whole, since it may turn out to be none.
    package var isConstrained: Bool

    package init(
        tools: ToolCallFormat? = nil,
        names: Set<String> = [],
        reasoning: ReasoningFormat? = nil,
        startsInReasoning: Bool = false,
        isConstrained: Bool = false
    ) {
        self.tools = tools
        self.names = names
        self.reasoning = reasoning
        self.startsInReasoning = startsInReasoning
        self.isConstrained = isConstrained
    }
}

/// Tells thoughts, content and function calls of an answer apart while its text arrives.
///
/// What the deltas add up to does not depend on how the text was cut into pieces. No text is lost: what looked like a
/// call and is none becomes content as it stood. Marks, blanks around thoughts and blanks between content and a call
/// are no part of any delta. Takes time linear in the text, except that a text which keeps beginning calls inside of
/// calls that fail is looked at once for each.
package struct ToolCallParser: Sendable {
    private enum State {
        /// Nothing but blanks so far.
        case start
        case reasoning
        case content
        case call
        /// After a call, in the section that it stands in.
        case afterCall
    }

    private let expectation: AnswerExpectation
    private let forms: [ToolCallForm]
    private let triggers: [[UInt8]]
    private var state: State
    /// Text that is not settled, with `start` before which everything has been passed on.
    private var text: [UInt8] = []
    private var start = 0
    /// Up to here the text has been looked at.
    private var scan = 0
    /// End of the text from `start` on that is known to be passed on.
    private var textEnd = 0
    private var hasReasoned = false
    /// Whether a thought has been seen, so that blanks are no longer those before the first.
    private var hasThought = false
    /// Where the running call's trigger stands.
    private var callStart = 0
    private var hasGoodName = false
    private var reader: ToolCallReader?
    /// The form of the section that the last call stood in, and whether its list is open.
    private var section: (form: ToolCallForm, isInList: Bool, isClosed: Bool)?
    private var callCount = 0
    /// Bytes of the running call's arguments that were passed on; nil before its start was.
    private var sentCount: Int?
    private var deltas: [AnswerDelta] = []

    package init(_ expectation: AnswerExpectation) {
        self.expectation = expectation
        forms = expectation.tools?.forms ?? []
        triggers = forms.map { $0.isAtStartOnly ? [] : Array($0.trigger.utf8) }
        state = expectation.startsInReasoning && expectation.reasoning != nil ? .reasoning : .start
        hasReasoned = state == .reasoning
    }

    /// Takes more of the answer's text and tells what became certain.
    package mutating func append(_ piece: String) -> [AnswerDelta] {
        text.append(contentsOf: piece.utf8)
        return run(isEnd: false)
    }

    /// Tells the rest, once no more text comes.
    package mutating func finish() -> [AnswerDelta] { run(isEnd: true) }

    private mutating func run(isEnd: Bool) -> [AnswerDelta] {
        while step(isEnd: isEnd) {}
        if isEnd { end() }
        if start > 4096, start * 2 > text.count {
            text.removeFirst(start)
            (scan, textEnd, callStart, start) = (scan - start, textEnd - start, max(0, callStart - start), 0)
        }
        defer { deltas = [] }
        return deltas
    }

    /// Goes on as far as the text allows; false when it needs more.
    private mutating func step(isEnd: Bool) -> Bool {
        switch state {
        case .start: begin(isEnd: isEnd)
        case .reasoning: reason()
        case .content: say(isEnd: isEnd)
        case .call: call(isEnd: isEnd)
        case .afterCall: goOn(isEnd: isEnd)
        }
    }
}

// MARK: - Thoughts and content

extension ToolCallParser {
    private mutating func begin(isEnd: Bool) -> Bool {
        skipBlanks()
        guard scan < text.count else { return false }
        if let reasoning = expectation.reasoning, !hasReasoned {
            switch match(Array(reasoning.mark.utf8), at: scan) {
            case .whole:
                scan += reasoning.mark.utf8.count
                (start, textEnd, hasReasoned, state) = (scan, scan, true, .reasoning)
                return true
            case .part where !isEnd: return false
            case .part, .none: break
            }
        }
        // The blanks after thoughts belong to the frame, those of an answer without thoughts are its own.
        if hasReasoned { start = scan }
        textEnd = start
        state = .content
        let isObject = text[scan] == UInt8(ascii: "{") || text[scan] == UInt8(ascii: "[")
        if isObject, let form = forms.first(where: \.isAtStartOnly) { startCall(form, after: "", skipping: 0) }
        return true
    }

    /// Passes thoughts on until their end. The blanks at both ends are left out.
    private mutating func reason() -> Bool {
        guard let reasoning = expectation.reasoning else { return false }
        let closing = Array(reasoning.closing.utf8)
        if !hasThought {
            skipBlanks()
            (start, textEnd) = (scan, scan)
        }
        while scan < text.count {
            switch match(closing, at: scan) {
            case .whole:
                pass(upTo: textEnd) { .reasoning($0) }
                scan += closing.count
                (start, textEnd, state) = (scan, scan, .start)
                return true
            case .part:
                pass(upTo: textEnd) { .reasoning($0) }
                return false
            case .none:
                if !JSONScanner.isBlank(text[scan]) { (textEnd, hasThought) = (scan + 1, true) }
                scan += 1
            }
        }
        pass(upTo: textEnd) { .reasoning($0) }
        return false
    }

    /// Passes content on until a call begins.
    private mutating func say(isEnd: Bool) -> Bool {
        while scan < text.count {
            if let index = triggers.firstIndex(where: { match($0, at: scan) == .whole }) {
                pass(upTo: textEnd) { .content($0) }
                startCall(forms[index], after: forms[index].headAfterTrigger, skipping: triggers[index].count)
                return true
            }
            if !isEnd, triggers.contains(where: { match($0, at: scan) == .part }) { break }
            if forms.isEmpty || !JSONScanner.isBlank(text[scan]) { textEnd = scan + 1 }
            scan += 1
        }
        pass(upTo: textEnd) { .content($0) }
        return false
    }

    private enum Match { case whole, part, none }

    /// Whether `mark` stands at `index`, or the text ends within it.
    private func match(_ mark: [UInt8], at index: Int) -> Match {
        if mark.isEmpty { return .none }
        let count = min(mark.count, text.count - index)
        for offset in 0..<count where text[index + offset] != mark[offset] { return .none }
        return count == mark.count ? .whole : .part
    }

    private mutating func skipBlanks() {
        while scan < text.count, JSONScanner.isBlank(text[scan]) { scan += 1 }
    }

    private mutating func pass(upTo end: Int, _ delta: (String) -> AnswerDelta) {
        guard end > start else { return }
        deltas.append(delta(String(decoding: text[start..<end], as: UTF8.self)))
        start = end
    }
}

// MARK: - Calls

extension ToolCallParser {
    /// Begins reading a call at `scan`. `start` stays: if this is no call, the text from there on is content.
    private mutating func startCall(_ form: ToolCallForm, after literal: String, skipping count: Int) {
        let isInList = section?.isInList ?? false
        reader = ToolCallReader(form, after: literal, isInList: isInList)
        callStart = scan
        scan += count
        sentCount = nil
        hasGoodName = false
        state = .call
    }

    private mutating func call(isEnd: Bool) -> Bool {
        while scan < text.count {
            let step = reader?.take(text[scan]) ?? .mismatch
            if step == .mismatch || !isNameGood() { return failCall() }
            scan += 1
            if step == .done { return endCall() }
        }
        if isEnd { return expectation.isConstrained && !hasGoodName ? drop() : failCall() }
        if expectation.isConstrained { passArguments() }
        return false
    }

    /// Whether the running call's name, once it is known, is one of a function there is.
    private mutating func isNameGood() -> Bool {
        if hasGoodName { return true }
        guard let name = reader?.name else { return true }
        hasGoodName = expectation.names.contains(name)
        return hasGoodName
    }

    /// Passes on what is certain of the running call.
    private mutating func passArguments() {
        guard let reader, let name = reader.name, reader.isStreamable else { return }
        passCall(name, reader.arguments)
    }

    private mutating func passCall(_ name: String, _ arguments: [UInt8]) {
        if sentCount == nil { deltas.append(.callStart(index: callCount, name: name)) }
        let sent = sentCount ?? 0
        if arguments.count > sent {
            let more = String(decoding: arguments[sent...], as: UTF8.self)
            deltas.append(.callArguments(index: callCount, more))
        }
        sentCount = arguments.count
    }

    private mutating func endCall() -> Bool {
        guard let reader, let name = reader.name else { return failCall() }
        passCall(name, reader.arguments)
        deltas.append(.callEnd(index: callCount, isComplete: true))
        callCount += 1
        section = (reader.form, reader.isInList, false)
        self.reader = nil
        (start, textEnd, state) = (scan, scan, .afterCall)
        return true
    }

    /// Turns what looked like a call into content, or breaks the call off when some of it was passed on.
    private mutating func failCall() -> Bool {
        if expectation.isConstrained, hasGoodName { passArguments() }
        if sentCount != nil {
            deltas.append(.callEnd(index: callCount, isComplete: false))
            callCount += 1
            start = scan
        } else {
            scan = callStart + 1
        }
        (reader, section, sentCount, textEnd, state) = (nil, nil, nil, scan, .content)
        return true
    }

    /// Leaves out the rest of an answer that broke off within the marks of a call: it can be nothing else.
    private mutating func drop() -> Bool {
        (start, scan, textEnd) = (text.count, text.count, text.count)
        (reader, section, state) = (nil, nil, .content)
        return true
    }

    /// Passes over what closes a call, and finds the next one or the content after it.
    private mutating func goOn(isEnd: Bool) -> Bool {
        guard let section else { return false }
        skipBlanks()
        guard scan < text.count else { return false }
        if section.form.reading == .object, takeListMark(section.form) { return true }
        var isOpen = false
        for closer in section.form.closers {
            switch match(Array(closer.utf8), at: scan) {
            case .whole:
                scan += closer.utf8.count
                (start, textEnd) = (scan, scan)
                self.section?.isClosed = true
                return true
            case .part: isOpen = true
            case .none: break
            }
        }
        switch nextCall(section) {
        case .whole: return true
        case .part: isOpen = true
        case .none: break
        }
        if isOpen, !isEnd { return false }
        if isOpen, expectation.isConstrained { return drop() }
        (textEnd, state) = (start, .content)
        self.section = nil
        return true
    }
}

extension ToolCallParser {
    /// Passes over the marks of a list. Outside of one, a `,` or `;` counts only if another call follows.
    private mutating func takeListMark(_ form: ToolCallForm) -> Bool {
        let isInList = section?.isInList ?? false
        switch text[scan] {
        case UInt8(ascii: "]") where isInList:
            section?.isInList = false
            section?.isClosed = true
        case UInt8(ascii: ",") where isInList: break
        case UInt8(ascii: ","), UInt8(ascii: ";"):
            scan += 1
            return true
        default: return false
        }
        scan += 1
        (start, textEnd) = (scan, scan)
        return true
    }

    /// Begins the next call of the section, or a new section, if one stands at `scan`.
    private mutating func nextCall(_ section: (form: ToolCallForm, isInList: Bool, isClosed: Bool)) -> Match {
        let form = section.form
        var isOpen = false
        if form.reading == .object {
            if text[scan] == UInt8(ascii: "{"), !section.isClosed {
                startCall(form, after: "", skipping: 0)
                return .whole
            }
        } else if !form.opening.isEmpty {
            switch match(Array(form.beforeName.utf8), at: scan) {
            case .whole:
                startCall(form, after: form.beforeName, skipping: 0)
                return .whole
            case .part: isOpen = true
            case .none: break
            }
        }
        for (index, trigger) in triggers.enumerated() {
            switch match(trigger, at: scan) {
            case .whole:
                self.section = nil
                startCall(forms[index], after: forms[index].headAfterTrigger, skipping: trigger.count)
                return .whole
            case .part: isOpen = true
            case .none: break
            }
        }
        return isOpen ? .part : .none
    }

    /// Passes on what is left when the text is over.
    private mutating func end() {
        switch state {
        case .start where hasReasoned, .reasoning, .call: break
        case .afterCall where text[start...].allSatisfy(JSONScanner.isBlank): break
        case .start, .content, .afterCall: pass(upTo: text.count) { .content($0) }
        }
        (start, scan, textEnd) = (text.count, text.count, text.count)
    }
}
