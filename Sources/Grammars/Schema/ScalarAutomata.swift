import JSON

/// Makes the automata of strings and numbers for one grammar, each once: its schemas ask for the same ones again and
/// again, and values that are listed are held against them one by one.
///
/// A class, so that whatever makes one for a grammar finds what others made.
final class ScalarAutomata {
    let work = CompilationWork()
    private var madeNumbers: [NumberKey: ByteAutomaton] = [:]
    private var madeContents: [StringKey: ByteAutomaton] = [:]
    /// Strings in which a pattern matches, by the bytes of the pattern.
    private var madePatterns: [[UInt8]: ByteAutomaton] = [:]

    private struct NumberKey: Hashable {
        var rules: NumberRules
        var excluded: [[UInt8]]
    }

    private struct StringKey: Hashable {
        var patterns: [StringRules.Pattern]
        var formats: [StringRules.Pattern]
    }

    private static let budget = GrammarBuilder.automatonBudget

    // MARK: Strings

    /// The strings in which a pattern matches, with their quotes.
    func quoted(pattern: String, pointer: String) throws(GrammarError) -> ByteAutomaton {
        let key = Array(pattern.utf8)
        if let known = madePatterns[key] { return known }
        let automaton: ByteAutomaton
        do {
            automaton = try RegularExpression(pattern).automaton(
                .jsonString,
                anchored: false,
                budget: Self.budget,
                work: work
            )
        } catch .syntax(let message, let offset) {
            throw .unsupported("the pattern cannot be followed: \(message) (at byte \(offset))", pointer: pointer)
        } catch .tooLarge(let message) {
            throw .unsupported("the pattern is too large: \(message)", pointer: pointer)
        }
        let quoted = try quotes(automaton)
        madePatterns[key] = quoted
        return quoted
    }

    private func quotes(_ content: ByteAutomaton) throws(GrammarError) -> ByteAutomaton {
        try work.charge(content.stateCount * 4)
        return try SchemaCompiler.quotes(content)
    }

    /// The strings of rules, whatever their length, with their quotes.
    func content(_ rules: StringRules) throws(GrammarError) -> ByteAutomaton {
        let key = StringKey(patterns: rules.patterns, formats: rules.formats)
        if let known = madeContents[key] { return known }
        var content: ByteAutomaton?
        for pattern in rules.patterns {
            content = try combined(content, quoted(pattern: pattern.text, pointer: pattern.pointer), pattern)
        }
        for format in rules.formats {
            guard
                let automaton = try StringFormat.automaton(
                    named: format.text,
                    encoding: .jsonString,
                    budget: Self.budget
                )
            else {
                throw .unsupported("the format '\(format.text)' is not known.", pointer: format.pointer)
            }
            content = try combined(content, quotes(automaton), format)
        }
        let all: ByteAutomaton
        if let content { all = content } else { all = try SchemaCompiler.anyCanonical.get() }
        madeContents[key] = all
        return all
    }

    /// - Parameter content: nil for any string.
    private func combined(
        _ content: ByteAutomaton?,
        _ other: ByteAutomaton,
        _ pattern: StringRules.Pattern
    ) throws(GrammarError) -> ByteAutomaton {
        guard let content else {
            return pattern.isPositive ? other : try work.difference(SchemaCompiler.anyCanonical.get(), other)
        }
        return pattern.isPositive ? try work.intersection(content, other) : try work.difference(content, other)
    }

    /// The strings of rules, with their quotes, but those that are excluded.
    func strings(_ rules: StringRules, excluded: [JSONValue]) throws(GrammarError) -> ByteAutomaton {
        let words = excluded.compactMap(\.stringValue).map(JSONGlue.quoted)
        let content = try work.difference(content(rules), work.anyOf(words))
        if rules.minimum == 0, rules.maximum == nil { return content }
        // The quotes count for one each.
        return try work.bounded(content, rules.minimum + 2, rules.maximum.map { $0 + 2 })
    }

    // MARK: Numbers

    func numbers(_ rules: NumberRules, excluded: [JSONValue]) throws(GrammarError) -> ByteAutomaton {
        let words = excluded.compactMap(\.scalarText).map { Array($0.utf8) }
        let key = NumberKey(rules: rules, excluded: words)
        if let known = madeNumbers[key] { return known }
        var automaton = try range(NumberRange(rules, multiple: rules.multiples.first))
        for multiple in rules.multiples.dropFirst() {
            automaton = try work.intersection(automaton, range(NumberRange(multipleOf: multiple.text)))
        }
        for multiple in rules.excludedMultiples {
            automaton = try work.difference(automaton, range(NumberRange(multipleOf: multiple.text)))
        }
        if rules.fractionsOnly || !words.isEmpty || !rules.excludedMultiples.isEmpty {
            automaton = try work.intersection(automaton, SchemaCompiler.shortest.get())
        }
        if rules.fractionsOnly {
            var integers = NumberRange()
            integers.integersOnly = true
            automaton = try work.difference(automaton, range(integers))
        }
        automaton = try work.difference(automaton, work.anyOf(words))
        madeNumbers[key] = automaton
        return automaton
    }

    private func range(_ range: NumberRange) throws(GrammarError) -> ByteAutomaton {
        try range.automaton(budget: Self.budget, work: work)
    }
}

extension NumberRange {
    fileprivate init(multipleOf text: String) {
        self.init()
        multipleOf = text
    }

    fileprivate init(_ rules: NumberRules, multiple: NumberRules.Bound?) {
        self.init()
        integersOnly = rules.integersOnly
        multipleOf = multiple?.text
        bounds = rules.bounds.map { bound in
            switch bound.kind {
            case .minimum, .multiple: .minimum(bound.text)
            case .exclusiveMinimum: .exclusiveMinimum(bound.text)
            case .maximum: .maximum(bound.text)
            case .exclusiveMaximum: .exclusiveMaximum(bound.text)
            }
        }
    }
}
