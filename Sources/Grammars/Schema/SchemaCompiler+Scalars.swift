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

    mutating func strings(_ clause: SchemaClause) throws(GrammarError) -> Int32 {
        let rules = clause.string
        let isFree = rules.patterns.isEmpty && rules.formats.isEmpty
        let excluded = clause.excluded.compactMap(\.stringValue)
        if isFree, rules.minimum == 0, rules.maximum == nil, excluded.isEmpty {
            return try builder.lexeme(Self.anyString.get())
        }
        let words = try builder.work.anyOf(excluded.map(JSONGlue.quoted))
        let content = try builder.work.difference(scalars.content(rules), words)
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
            return try builder.lexeme(builder.work.bounded(content, minimum, maximum))
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
        try scalars.numbers(clause.number, excluded: clause.excluded.filter { $0.type == .number })
    }

    /// Numbers without an exponent and needless zeros, so that equal numbers are equal texts.
    static let shortest: Result<ByteAutomaton, GrammarError> = compiled(
        #"0|-?(?:[1-9][0-9]*(?:\.[0-9]*[1-9])?|0\.[0-9]*[1-9])"#,
        .utf8
    )
}
