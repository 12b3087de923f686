/// The regular expressions of known vocabularies, and the scanners that equal them.
///
/// A pattern is cut at its top-level bars; each alternative must be one of those listed here. So a new vocabulary that
/// combines known alternatives needs nothing, and one with a new alternative is refused by name.
enum PatternCatalog {
    /// The scanners of a regular expression as it stands in a `tokenizer.json`.
    static func alternatives(of expression: String) throws(TokenizerError) -> [WordPattern] {
        var source = spelled(expression)
        for wrapper in ["(?:", "("] where source.hasPrefix(wrapper) && source.hasSuffix(")") {
            let inner = String(source.dropFirst(wrapper.count).dropLast())
            if cut(inner).allSatisfy({ alternative(for: $0) != nil }) { source = inner }
        }
        let contractions = "'s|'t|'re|'ve|'m|'ll|'d|"
        var found: [WordPattern] = []
        if source.hasPrefix(contractions) {
            found.append(.contraction(anyCase: false))
            source.removeFirst(contractions.count)
        }
        for part in cut(source) {
            guard let patterns = alternative(for: part) else {
                throw .unsupported(component: "pre-tokenizer pattern", name: "\(part)\" in \"\(expression)")
            }
            found.append(contentsOf: patterns)
        }
        guard found.count <= 32 else {
            throw .unsupported(
                component: "pre-tokenizer pattern",
                name: "\(found.count) alternatives in \"\(expression)"
            )
        }
        return found
    }

    /// The expression with control characters written as escapes, as most vocabularies have them.
    private static func spelled(_ expression: String) -> String {
        var result = ""
        for scalar in expression.unicodeScalars {
            switch scalar {
            case "\r": result += "\\r"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The parts between bars that stand in no bracket.
    private static func cut(_ source: String) -> [String] {
        var parts: [String] = []
        var part = ""
        var depth = 0
        var isClass = false
        var isEscaped = false
        for character in source.unicodeScalars {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if isClass {
                isClass = character != "]"
            } else if character == "[" {
                isClass = true
            } else if character == "(" {
                depth += 1
            } else if character == ")" {
                depth -= 1
            } else if character == "|", depth == 0 {
                parts.append(part)
                part = ""
                continue
            }
            part.unicodeScalars.append(character)
        }
        parts.append(part)
        return parts
    }

    /// The scanners of one alternative, in its usual spellings.
    private static func alternative(for source: String) -> [WordPattern]? {
        if let known = simple[source] { return [known] }
        // The letters of DeepSeek LLM are a list of 400 ranges, of which the beginning is enough to tell it.
        if source.hasPrefix(#"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿ"#), source.hasSuffix("]+") {
            return simple[casedLetters].map { [$0] }
        }
        if let word = CasedPatterns.pattern(for: source) { return [word] }
        return nil
    }

    private static let notLetterOrNumber = CharacterSet([.letters, .numbers], "\r\n", inverted: true)
    private static let notLetterOrMarking = CharacterSet(
        [.letters, .punctuation, .symbols],
        "\r\n",
        inverted: true
    )
    private static let space = CharacterSet([], " ")
    private static let marksToo = CharacterSet([.letters, .marks])
    private static let other = CharacterSet([.whitespace, .letters, .numbers], inverted: true)
    private static let otherWithoutMarks = CharacterSet([.whitespace, .letters, .marks, .numbers], inverted: true)
    private static let marking = CharacterSet([.punctuation, .symbols])
    private static let breaks = CharacterSet.lineBreaks
    private static let breaksAndSlash = CharacterSet([], "\r\n/")

    private static func run(_ lead: CharacterRun.Lead, _ set: CharacterSet, tail: CharacterSet? = nil) -> WordPattern {
        .run(CharacterRun(lead: lead, set: set, tail: tail))
    }

    private static func counted(_ set: CharacterSet, _ minimum: Int, _ maximum: Int) -> WordPattern {
        .run(CharacterRun(set: set, minimum: minimum, maximum: maximum))
    }

    private static let simple: [String: WordPattern] = {
        var table = spaces
        table.merge(words) { first, _ in first }
        table.merge(numbers) { first, _ in first }
        table.merge(marks) { first, _ in first }
        table.merge(listed) { first, _ in first }
        return table
    }()

    private static let spaces: [String: WordPattern] = [
        #"\s*[\r\n]+"#: .lineBreaks,
        #"\s*[\r\n]"#: .lineBreaks,
        #"\s+(?!\S)"#: .spaceBeforeSpace,
        #"\s+"#: run(.none, .whitespace),
        #"\s"#: counted(.whitespace, 1, 1),
        #"[\r\n]"#: counted(breaks, 1, 1),
        #"[^\n]+"#: run(.none, CharacterSet([], "\n", inverted: true)),
        #"[\n]+"#: run(.none, CharacterSet([], "\n")),
        #"\S+"#: run(.none, CharacterSet(.whitespace, inverted: true)),
        #" "#: counted(space, 1, 1),
        #" {2,}"#: .run(CharacterRun(set: space, minimum: 2)),
    ]

    private static let words: [String: WordPattern] = [
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#: .contraction(anyCase: true),
        #"'(?i:[sdmt]|ll|ve|re)"#: .contraction(anyCase: true),
        #"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"#: .contraction(anyCase: true),
        #"[^\r\n\p{L}\p{N}]?\p{L}+"#: run(.optional(notLetterOrNumber), .letters),
        #"[^\r\n\p{L}\p{N}]?+\p{L}+"#: run(.optional(notLetterOrNumber), .letters),
        #"[^\r\n\p{L}\p{N}]?+\p{L}++"#: run(.optional(notLetterOrNumber), .letters),
        #"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+"#: run(.optional(notLetterOrNumber), marksToo),
        #"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"#: run(.optional(notLetterOrMarking), marksToo),
        #"[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+"#: .spacedLetters,
        #" ?\p{L}+"#: run(.optional(space), .letters),
        #"\p{L}+"#: run(.none, .letters),
        #"\s?\p{L}+"#: run(.optional(.whitespace), .letters),
    ]

    private static let numbers: [String: WordPattern] = [
        #"\p{N}"#: counted(.numbers, 1, 1),
        #"\p{N}{1}"#: counted(.numbers, 1, 1),
        #"\p{N}{1,3}"#: counted(.numbers, 1, 3),
        #"\p{N}{1,3}+"#: counted(.numbers, 1, 3),
        #"\p{N}+"#: run(.none, .numbers),
        #" ?\p{N}+"#: run(.optional(space), .numbers),
        #"[0-9][0-9][0-9]"#: counted(CharacterSet(ranges: .asciiDigits), 3, 3),
        #"[0-9]"#: counted(CharacterSet(ranges: .asciiDigits), 1, 1),
        #"\d"#: counted(CharacterSet(CategoryMask(rawValue: 1 << 9)), 1, 1),
    ]

    private static let marks: [String: WordPattern] = [
        #" ?[^\s\p{L}\p{N}]+[\r\n]*"#: run(.optional(space), other, tail: breaks),
        #" ?[^\s\p{L}\p{N}]++[\r\n]*"#: run(.optional(space), other, tail: breaks),
        #" ?[^\s\p{L}\p{N}]++[\r\n]*+"#: run(.optional(space), other, tail: breaks),
        #" ?[^\s\p{L}\p{N}]+[\r\n/]*"#: run(.optional(space), other, tail: breaksAndSlash),
        #" ?[^\s\p{L}\p{N}]+[\r\n/]?"#: .run(
            CharacterRun(lead: .optional(space), set: other, tail: breaksAndSlash, tailMaximum: 1)
        ),
        #" ?[^\s\p{L}\p{N}]+"#: run(.optional(space), other),
        #" ?[^\s\p{L}\p{N}\r\n]+"#: run(.optional(space), other),
        #" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"#: run(.optional(space), otherWithoutMarks, tail: breaks),
        #" ?[\p{P}\p{S}]+[\r\n]*"#: run(.optional(space), marking, tail: breaks),
        #" ?[\p{P}\p{S}]+"#: run(.optional(space), marking),
        #"\s?\p{P}+"#: run(.optional(.whitespace), CharacterSet(.punctuation)),
        #"\p{P}"#: counted(CharacterSet(.punctuation), 1, 1),
        #"[\p{P}\$\+<=>\^~\|`]+"#: run(.none, CharacterSet(.punctuation, "$+<=>^~|`")),
        #"[\p{P}\$\+<=>\^~\|]+"#: run(.none, CharacterSet(.punctuation, "$+<=>^~|")),
    ]

    private static let casedLetters = #"\s?[cased letters]+"#

    private static let listed: [String: WordPattern] = [
        "[一-龥぀-ゟ゠-ヿ]+": run(.none, CharacterSet(ranges: .hanAndKana)),
        "[一-龥ࠀ-一가-퟿]+": run(.none, CharacterSet(ranges: .eastAsian)),
        "[가-힣ㄱ-ㆎ]+": run(.none, CharacterSet(ranges: .hangul)),
        "[！…“”‘’—：；，、-〿︰-﹏]+": run(.none, CharacterSet(ranges: .chinesePunctuation)),
        "[ㄅ-ㄯ]+": run(.none, CharacterSet(ranges: .bopomofo)),
        #"\s?[!-/:-~！-／：-～‘-‟　-。]+"#: run(.optional(.whitespace), CharacterSet(ranges: .widePunctuation)),
        // The next two are our names for classes too long to repeat.
        casedLetters: run(.optional(.whitespace), CharacterSet(ranges: .casedLetters)),
        #"[unspaced scripts]+"#: run(.none, CharacterSet(ranges: .unspacedScripts)),
        #" ?[^(\s|.,!?…。，、।۔،)]+"#: run(
            .optional(space),
            CharacterSet(.whitespace, "(|.,!?)", ranges: .sentencePunctuation, inverted: true)
        ),
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"##: run(
            .required(CharacterSet(ranges: .asciiPunctuation)),
            CharacterSet(ranges: .asciiLetters)
        ),
    ]
}

/// The alternatives that tell capitals from small letters.
private enum CasedPatterns {
    static func pattern(for source: String) -> WordPattern? {
        let lead = #"[^\r\n\p{L}\p{N}]?"#
        guard source.hasPrefix(lead) else { return nil }
        var body = String(source.dropFirst(lead.count))
        let contractions = [
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#,
            #"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?"#,
        ]
        var takesContraction = false
        for suffix in contractions where body.hasSuffix(suffix) {
            takesContraction = true
            body.removeLast(suffix.count)
            break
        }
        guard let endsInLower = bodies[body] else { return nil }
        return .cased(
            CasedWord(upper: upper, lower: lower, endsInLower: endsInLower, takesContraction: takesContraction)
        )
    }

    private static let upper = CharacterSet([.uppercase, .titlecase, .modifierLetter, .otherLetter, .marks])
    private static let lower = CharacterSet([.lowercase, .modifierLetter, .otherLetter, .marks])

    private static let bodies: [String: Bool] = [
        #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#: true,
        #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#: false,
    ]
}
