import JSON

extension SchemaCompiler {
    private static let budget = GrammarBuilder.automatonBudget

    // MARK: Strings

    /// Any string, also with escapes that need not be.
    static let anyString: Result<ByteAutomaton, GrammarError> = compiled(
        #""(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?:[0-9a-cA-CeEfF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"#
            + #"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*""#,
        .utf8
    )

    /// Any string as canonical JSON.
    static let anyCanonical: Result<ByteAutomaton, GrammarError> = Result { () throws(GrammarError) in
        try quotes(compiled(#"[\s\S]*"#, .jsonString).get())
    }

    private static func compiled(
        _ pattern: String,
        _ encoding: CharacterEncoding
    ) -> Result<ByteAutomaton, GrammarError> {
        Result { () throws(GrammarError) in
            try RegularExpression(pattern).automaton(encoding, anchored: true, budget: budget)
        }
    }

    static func quotes(_ content: ByteAutomaton) throws(GrammarError) -> ByteAutomaton {
        try ByteAutomaton.literal([0x22]).followed(by: content, budget: budget)
            .followed(by: .literal([0x22]), budget: budget)
    }

    /// The strings in which a pattern matches, with their quotes.
    static func quoted(pattern: String, pointer: String) throws(GrammarError) -> ByteAutomaton {
        do {
            return try quotes(
                RegularExpression(pattern).automaton(.jsonString, anchored: false, budget: budget)
            )
        } catch .syntax(let message, let offset) {
            throw .unsupported("the pattern cannot be followed: \(message) (at byte \(offset))", pointer: pointer)
        } catch .tooLarge(let message) {
            throw .unsupported("the pattern is too large: \(message)", pointer: pointer)
        }
    }

    /// The strings of rules, whatever their length, with their quotes.
    static func content(_ rules: StringRules) throws(GrammarError) -> ByteAutomaton {
        var content = try anyCanonical.get()
        for pattern in rules.patterns {
            let matching = try quoted(pattern: pattern.text, pointer: pattern.pointer)
            content = try combine(content, matching, pattern)
        }
        for format in rules.formats {
            guard let automaton = try StringFormat.automaton(named: format.text, encoding: .jsonString, budget: budget)
            else {
                throw .unsupported("the format '\(format.text)' is not known.", pointer: format.pointer)
            }
            content = try combine(content, quotes(automaton), format)
        }
        return content
    }

    private static func combine(
        _ content: ByteAutomaton,
        _ other: ByteAutomaton,
        _ pattern: StringRules.Pattern
    ) throws(GrammarError) -> ByteAutomaton {
        pattern.isPositive
            ? try content.intersection(other, budget: budget) : try content.subtracting(other, budget: budget)
    }

    mutating func strings(_ clause: SchemaClause) throws(GrammarError) -> Int32 {
        let rules = clause.string
        let isFree = rules.patterns.isEmpty && rules.formats.isEmpty
        let excluded = clause.excluded.compactMap(\.stringValue)
        if isFree, rules.minimum == 0, rules.maximum == nil, excluded.isEmpty {
            return try builder.lexeme(Self.anyString.get())
        }
        var content = try Self.content(rules)
        if !excluded.isEmpty {
            content = try content.subtracting(
                .anyOf(excluded.map(JSONGlue.quoted), budget: Self.budget),
                budget: Self.budget
            )
        }
        return try bounded(content, rules, isFree: isFree && excluded.isEmpty)
    }

    /// A string with its length within bounds. The quotes count for one each.
    private mutating func bounded(
        _ content: ByteAutomaton,
        _ rules: StringRules,
        isFree: Bool
    ) throws(GrammarError) -> Int32 {
        if rules.minimum == 0, rules.maximum == nil { return try builder.lexeme(content) }
        let minimum = rules.minimum + 2
        let maximum = rules.maximum.map { $0 + 2 }
        let count = CharacterCount(minimum: Int32(minimum), maximum: maximum.map(Int32.init) ?? .max)
        if isFree { return try builder.lexeme(content, characters: count) }
        if content.stateCount * (maximum ?? minimum) <= 20_000 || content.isFinite {
            return try builder.lexeme(
                content.bounded(characters: minimum, maximum, budget: Self.budget)
            )
        }
        // With room for a whole round through any loop, every length in between can be reached.
        guard content.everyStateLoops, (maximum ?? .max) - minimum >= content.stateCount else {
            throw .tooLarge(
                "A pattern together with 'minLength' \(rules.minimum) or 'maxLength' \(rules.maximum ?? 0) needs too many "
                    + "states; say the length within the pattern, or allow more lengths."
            )
        }
        return try builder.lexeme(content, characters: count)
    }

    // MARK: Numbers

    func numbers(_ clause: SchemaClause) throws(GrammarError) -> ByteAutomaton {
        try Self.numbers(clause.number, excluded: clause.excluded.filter { $0.type == .number })
    }

    static func numbers(_ rules: NumberRules, excluded: [JSONValue]) throws(GrammarError) -> ByteAutomaton {
        var automaton = try NumberRange(rules, multiple: rules.multiples.first).automaton(budget: budget)
        for multiple in rules.multiples.dropFirst() {
            var range = NumberRange()
            range.multipleOf = multiple.text
            automaton = try automaton.intersection(range.automaton(budget: budget), budget: budget)
        }
        for multiple in rules.excludedMultiples {
            var range = NumberRange()
            range.multipleOf = multiple.text
            automaton = try automaton.subtracting(range.automaton(budget: budget), budget: budget)
        }
        if rules.fractionsOnly || !excluded.isEmpty || !rules.excludedMultiples.isEmpty {
            automaton = try automaton.intersection(shortest.get(), budget: budget)
        }
        if rules.fractionsOnly {
            var integers = NumberRange()
            integers.integersOnly = true
            automaton = try automaton.subtracting(integers.automaton(budget: budget), budget: budget)
        }
        let words = excluded.compactMap(\.scalarText).map { Array($0.utf8) }
        return words.isEmpty
            ? automaton : try automaton.subtracting(.anyOf(words, budget: budget), budget: budget)
    }

    /// Numbers without an exponent and needless zeros, so that equal numbers are equal texts.
    static let shortest: Result<ByteAutomaton, GrammarError> = compiled(
        #"0|-?(?:[1-9][0-9]*(?:\.[0-9]*[1-9])?|0\.[0-9]*[1-9])"#,
        .utf8
    )
}

extension NumberRange {
    init(_ rules: NumberRules, multiple: NumberRules.Bound?) {
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
