/// One alternative of a pre-tokenizer's pattern, matched by a scanner written for it.
///
/// A pattern such as GPT-2's is an ordered list of these; the first that matches at a position wins, as in a
/// backtracking regular expression. The comment of a case is the regular expression it equals. Every scanner takes
/// time in the length of what it looks at once, so that a list of them is linear in the text.
enum WordPattern: Sendable, Hashable {
    /// `'s|'t|'re|'ve|'m|'ll|'d`, with `(?i:…)` around it when `anyCase`.
    case contraction(anyCase: Bool)
    /// `lead set{minimum,maximum} tail*`
    case run(CharacterRun)
    /// `[^\r\n\p{L}\p{N}]?U*D+` or `…U+D*`: a word that ends in small letters, or begins with capitals.
    case cased(CasedWord)
    /// `\s*[\r\n]+`
    case lineBreaks
    /// `\s+(?!\S)`: white space without its last character, or all of it at the end of the text.
    case spaceBeforeSpace
    /// `[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+` of EXAONE MoE: letters, joined by single spaces.
    case spacedLetters
    /// The bytes as they stand.
    case literal(LiteralBytes)

    /// The end of the match at `start`, or nil. `start < end`.
    @inline(__always)
    func matchEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        switch self {
        case .contraction(let anyCase): Self.contractionEnd(text, from: start, to: end, anyCase: anyCase)
        case .run(let run): run.matchEnd(text, from: start, to: end)
        case .cased(let word): word.matchEnd(text, from: start, to: end)
        case .lineBreaks: Self.lineBreaksEnd(text, from: start, to: end)
        case .spaceBeforeSpace: Self.spaceBeforeSpaceEnd(text, from: start, to: end)
        case .spacedLetters: Self.spacedLettersEnd(text, from: start, to: end)
        case .literal(let literal): literal.matchEnd(text, from: start, to: end)
        }
    }

    /// The end of the contraction at `start`. With `anyCase`, `ſ` (U+017F) is an s, as case folding has it.
    @inline(__always)
    static func contractionEnd(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        anyCase: Bool
    ) -> Int? {
        guard text[start] == 0x27, start + 1 < end else { return nil }
        return contractionSuffixEnd(text, from: start + 1, to: end, anyCase: anyCase)
    }

    private static func contractionSuffixEnd(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        anyCase: Bool
    ) -> Int? {
        let mask: UInt8 = anyCase ? 0x20 : 0
        let first = text[start] | mask
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 1
        default: break
        }
        guard start + 1 < end else { return nil }
        if anyCase, text[start] == 0xC5, text[start + 1] == 0xBF { return start + 2 }
        switch (first, text[start + 1] | mask) {
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 2
        default: return nil
        }
    }

    private static func lineBreaksEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        let whitespace = CharacterSet.whitespace
        var position = start
        var lastBreakEnd: Int?
        while position < end {
            let (scalar, length) = UTF8Decoding.scalar(text, at: position, end: end)
            guard whitespace.contains(scalar) else { break }
            position += length
            if scalar == 10 || scalar == 13 { lastBreakEnd = position }
        }
        return lastBreakEnd
    }

    private static func spaceBeforeSpaceEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        let whitespace = CharacterSet.whitespace
        var position = start
        var lastStart = start
        while position < end {
            let (scalar, length) = UTF8Decoding.scalar(text, at: position, end: end)
            guard whitespace.contains(scalar) else { return lastStart > start ? lastStart : nil }
            lastStart = position
            position += length
        }
        return end
    }

    private static func spacedLettersEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        let first = UTF8Decoding.scalar(text, at: start, end: end)
        var position = start
        if !CharacterSet.letters.contains(first.value) {
            guard CasedWord.lead.contains(first.value) else { return nil }
            position += first.length
        }
        var matched: Int?
        while position < end {
            let (scalar, length) = UTF8Decoding.scalar(text, at: position, end: end)
            if CharacterSet.letters.contains(scalar) || (matched == position && CharacterSet.marks.contains(scalar)) {
                position += length
                matched = position
            } else if scalar == 0x20, matched == position, position + 1 < end,
                CharacterSet.letters.contains(UTF8Decoding.scalar(text, at: position + 1, end: end).value)
            {
                position += 1
            } else {
                break
            }
        }
        return matched
    }

    /// Whether a match may begin with an ASCII byte.
    func mayBegin(with byte: UInt8) -> Bool {
        let scalar = UInt32(byte)
        return switch self {
        case .contraction: byte == 0x27
        case .run(let run): run.mayBegin(with: scalar)
        case .cased(let word):
            CasedWord.lead.contains(scalar) || word.upper.contains(scalar) || word.lower.contains(scalar)
        case .lineBreaks, .spaceBeforeSpace: CharacterSet.whitespace.contains(scalar)
        case .spacedLetters: CasedWord.lead.contains(scalar) || CharacterSet.letters.contains(scalar)
        case .literal(let literal): literal.count > 0 && literal.bytes[0] == byte
        }
    }
}

/// Up to 16 bytes as a plain value, so that a pattern holds no reference.
struct LiteralBytes: Sendable, Hashable {
    fileprivate let bytes: SIMD16<UInt8>
    fileprivate let count: Int

    /// Nil when there are none, or more than 16.
    init?(_ text: String) {
        var bytes = SIMD16<UInt8>.zero
        guard (1...16).contains(text.utf8.count) else { return nil }
        for (offset, byte) in text.utf8.enumerated() { bytes[offset] = byte }
        self.bytes = bytes
        count = text.utf8.count
    }

    func matchEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        guard end - start >= count else { return nil }
        for offset in 0..<count where text[start + offset] != bytes[offset] { return nil }
        return start + count
    }
}

/// `lead set{minimum,maximum} tail*`, where the lead is one character of a set, wanted or allowed.
struct CharacterRun: Sendable, Hashable {
    enum Lead: Sendable, Hashable {
        case none
        /// `lead?`
        case optional(CharacterSet)
        /// `lead`
        case required(CharacterSet)
    }

    var lead: Lead = .none
    var set: CharacterSet
    var minimum = 1
    var maximum = Int.max
    /// Characters that may follow, as many as there are.
    var tail: CharacterSet?
    var tailMaximum = Int.max

    @inline(__always)
    func matchEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        var found: Int?
        switch lead {
        case .none:
            found = bodyEnd(text, from: start, to: end)
        case .optional(let leads):
            let (scalar, length) = UTF8Decoding.scalar(text, at: start, end: end)
            if leads.contains(scalar), start + length < end {
                found = bodyEnd(text, from: start + length, to: end)
            }
            if found == nil, set.contains(scalar) { found = bodyEnd(text, from: start, to: end) }
        case .required(let leads):
            let (scalar, length) = UTF8Decoding.scalar(text, at: start, end: end)
            if leads.contains(scalar), start + length < end { found = bodyEnd(text, from: start + length, to: end) }
        }
        guard let tail, let position = found else { return found }
        return Self.runEnd(tail, text, from: position, to: end, maximum: tailMaximum)
    }

    func mayBegin(with scalar: UInt32) -> Bool {
        switch lead {
        case .none: set.contains(scalar)
        case .optional(let leads): leads.contains(scalar) || set.contains(scalar)
        case .required(let leads): leads.contains(scalar)
        }
    }

    @inline(__always)
    private func bodyEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        if minimum == 1, maximum == Int.max {
            let position = Self.runEnd(set, text, from: start, to: end)
            return position > start ? position : nil
        }
        return countedEnd(text, from: start, to: end)
    }

    private func countedEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        var position = start
        var count = 0
        while position < end, count < maximum {
            let (scalar, length) = UTF8Decoding.scalar(text, at: position, end: end)
            guard set.contains(scalar) else { break }
            position += length
            count += 1
        }
        return count >= minimum ? position : nil
    }

    /// The end of the run of characters of `set` from `start`, of `maximum` at most.
    @inline(__always)
    static func runEnd(
        _ set: CharacterSet,
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        maximum: Int = Int.max
    ) -> Int {
        var position = start
        var left = maximum
        while position < end, left > 0 {
            let (scalar, length) = UTF8Decoding.scalar(text, at: position, end: end)
            guard set.contains(scalar) else { break }
            position += length
            left -= 1
        }
        return position
    }
}

/// The two word alternatives of GPT-4o's pattern and its relatives, which split words where small letters end.
struct CasedWord: Sendable, Hashable {
    /// `[^\r\n\p{L}\p{N}]`, the one character that may stand before.
    static let lead = CharacterSet([.letters, .numbers], "\r\n", inverted: true)

    /// What may stand at the beginning: capitals, and letters without case.
    var upper: CharacterSet
    /// What may stand at the end: small letters, and letters without case.
    var lower: CharacterSet
    /// True for `upper* lower+`, false for `upper+ lower*`.
    var endsInLower: Bool
    /// Whether a contraction in any case may follow.
    var takesContraction: Bool

    func matchEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        let (scalar, length) = UTF8Decoding.scalar(text, at: start, end: end)
        var found: Int?
        if Self.lead.contains(scalar), start + length < end { found = bodyEnd(text, from: start + length, to: end) }
        if found == nil { found = bodyEnd(text, from: start, to: end) }
        guard takesContraction, let position = found, position < end else { return found }
        return WordPattern.contractionEnd(text, from: position, to: end, anyCase: true) ?? position
    }

    private func bodyEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Int? {
        var position = start
        var lastLowerEnd: Int?  // where a run of `upper` may stop so that its last character counts as `lower`
        while position < end {
            let (scalar, length) = UTF8Decoding.scalar(text, at: position, end: end)
            guard upper.contains(scalar) else { break }
            position += length
            if lower.contains(scalar) { lastLowerEnd = position }
        }
        let lowerEnd = CharacterRun.runEnd(lower, text, from: position, to: end)
        if endsInLower { return lowerEnd > position ? lowerEnd : lastLowerEnd }
        return position > start ? lowerEnd : nil
    }
}

extension CharacterSet {
    static let marks = CharacterSet(.marks)
}
