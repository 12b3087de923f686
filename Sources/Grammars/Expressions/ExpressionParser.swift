/// Reads a regular expression: ECMA-262 with the flag `u`, as JSON Schema means it, and what Python and Rust write
/// differently for the same.
struct ExpressionParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var ignoresCase = false
    /// Whether `.` takes line ends too.
    private var dotTakesAll = false
    /// Sets with the case variants of their characters, by the sets without them.
    private var foldedSets: [CharacterRanges: CharacterRanges] = [:]

    private static let depthLimit = 200
    private static let countLimit = 100_000
    private static let rangeLimit = 200_000
    /// Ranges of characters that were put into classes.
    private(set) var rangeCount = 0

    /// Most bytes of an expression.
    private static let sizeLimit = 100_000

    init(_ pattern: String) throws(GrammarError) {
        guard pattern.utf8.count <= Self.sizeLimit else {
            throw .tooLarge("A regular expression has more than \(Self.sizeLimit) bytes; make it shorter.")
        }
        scalars = Array(pattern.unicodeScalars)
    }

    mutating func parse() throws(GrammarError) -> ExpressionNode {
        let node = try choice()
        if position < scalars.count { throw error("a ')' closes nothing.") }
        return node
    }

    private func error(_ message: String) -> GrammarError {
        let offset = scalars[..<min(position, scalars.count)].reduce(0) { $0 + String($1).utf8.count }
        return .syntax("In the regular expression: \(message)", offset: offset)
    }

    private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func peek(_ text: StaticString) -> Bool {
        guard position + text.utf8CodeUnitCount <= scalars.count else { return false }
        return text.withUTF8Buffer { bytes in
            bytes.indices.allSatisfy { scalars[position + $0].value == UInt32(bytes[$0]) }
        }
    }

    private mutating func take(_ text: StaticString) -> Bool {
        guard peek(text) else { return false }
        position += text.utf8CodeUnitCount
        return true
    }

    // MARK: Structure

    private mutating func choice() throws(GrammarError) -> ExpressionNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw error("it is nested deeper than \(Self.depthLimit).") }
        var options = [try sequence()]
        while take("|") { options.append(try sequence()) }
        return options.count == 1 ? options[0] : .choice(options)
    }

    private mutating func sequence() throws(GrammarError) -> ExpressionNode {
        var parts: [ExpressionNode] = []
        while let scalar = current, scalar != "|", scalar != ")" {
            let atom = try atom()
            let part = try quantified(atom)
            if part != .empty { parts.append(part) }
        }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func quantified(_ atom: ExpressionNode) throws(GrammarError) -> ExpressionNode {
        var node = atom
        while let (minimum, maximum) = try quantifier() {
            node = .repetition(node, minimum: minimum, maximum: maximum)
            // Lazy repetition matches the same texts as a whole. Possessive repetition does not.
            if take("?") { break }
            if peek("+") { throw error("a repetition that gives nothing back ('++') cannot be followed.") }
            if peek("*") || peek("{") { throw error("a repetition cannot be repeated.") }
        }
        return node
    }

    private mutating func quantifier() throws(GrammarError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard peek("{") else { return nil }
        let start = position
        position += 1
        let minimum = try number()
        var maximum = minimum
        if take(",") { maximum = try number() }
        guard take("}"), minimum != nil || maximum != nil else {
            // Not a repetition: then the brace stands for itself.
            position = start
            return nil
        }
        if let maximum, maximum < minimum ?? 0 { throw error("a repetition of at least more than at most.") }
        return (minimum ?? 0, maximum)
    }

    private mutating func number() throws(GrammarError) -> Int? {
        var value: Int?
        while let scalar = current, ("0"..."9").contains(scalar) {
            value = (value ?? 0) * 10 + Int(scalar.value - 0x30)
            position += 1
            if value ?? 0 > Self.countLimit {
                throw .tooLarge("A regular expression repeats a part more than \(Self.countLimit) times.")
            }
        }
        return value
    }

    // MARK: Atoms

    private mutating func atom() throws(GrammarError) -> ExpressionNode {
        guard let scalar = current else { return .empty }
        position += 1
        switch scalar {
        case "^": return .textStart
        case "$": return .textEnd
        case ".": return .characters(dotTakesAll ? .all : CharacterRanges.lineEnds.inverted)
        case "(": return try group()
        case "[": return .characters(try characterClass())
        case "\\": return try escape()
        case "*", "+", "?":
            position -= 1
            throw error("'\(scalar)' repeats nothing.")
        default: return .characters(folded(CharacterRanges(scalar.value)))
        }
    }

    private mutating func folded(_ set: CharacterRanges) -> CharacterRanges {
        guard ignoresCase else { return set }
        if let known = foldedSets[set] { return known }
        let folded = set.caseFolded
        foldedSets[set] = folded
        return folded
    }

    private mutating func group() throws(GrammarError) -> ExpressionNode {
        if take("?=") { return .lookahead(try closed(), isPositive: true) }
        if take("?!") { return .lookahead(try closed(), isPositive: false) }
        if peek("?<=") || peek("?<!") { throw error("looking behind cannot be followed.") }
        if take("?P<") || take("?<") {
            while let scalar = current, scalar != ">" {
                guard scalar == "_" || scalar.properties.isIDContinue else { throw error("a group's name is invalid.") }
                position += 1
            }
            guard take(">") else { throw error("a group's name has no end.") }
            return try closed()
        }
        guard take("?") else { return try closed() }
        if take(":") { return try closed() }
        if peek(">") { throw error("a group that gives nothing back ('(?>') cannot be followed.") }
        return try flags()
    }

    /// `(?i)` for the rest of the group that it stands in, `(?i:…)` for its own.
    private mutating func flags() throws(GrammarError) -> ExpressionNode {
        let outer = (ignoresCase, dotTakesAll)
        var isOn = true
        while let scalar = current, scalar != ")", scalar != ":" {
            position += 1
            switch scalar {
            case "-": isOn = false
            case "i": ignoresCase = isOn
            case "s": dotTakesAll = isOn
            case "u", "a": break
            default:
                position -= 1
                throw error("the flag '\(scalar)' is not supported.")
            }
        }
        if take(")") { return .empty }
        guard take(":") else { throw error("a group has no ')'.") }
        defer { (ignoresCase, dotTakesAll) = outer }
        return try closed()
    }

    private mutating func closed() throws(GrammarError) -> ExpressionNode {
        let outer = (ignoresCase, dotTakesAll)
        defer { (ignoresCase, dotTakesAll) = outer }
        let node = try choice()
        guard take(")") else { throw error("a group has no ')'.") }
        return node
    }

    private mutating func escape() throws(GrammarError) -> ExpressionNode {
        guard let scalar = current else { throw error("a backslash at the end.") }
        switch scalar {
        case "A":
            position += 1
            return .textStart
        case "z", "Z":
            position += 1
            return .textEnd
        case "b", "B": throw error("word boundaries cannot be followed.")
        case "1"..."9", "k": throw error("references back to groups cannot be followed.")
        default: return .characters(folded(try escapedSet()))
        }
    }

    // MARK: Sets

    private mutating func characterClass() throws(GrammarError) -> CharacterRanges {
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while true {
            guard let scalar = current else { throw error("a '[' has no ']'.") }
            // Python and Rust take a bracket that comes first for itself; ECMA-262 for the end of an empty class.
            if scalar == "]", !isFirst || !scalars[(position + 1)...].contains("]") {
                position += 1
                break
            }
            isFirst = false
            let low = try classAtom()
            guard peek("-"), position + 1 < scalars.count, scalars[position + 1] != "]", let first = low.scalar else {
                // A hyphen after a set such as '\w' stands for itself (ECMA-262, annex B).
                ranges += try counted(low.set)
                continue
            }
            position += 1
            let high = try classAtom()
            guard let last = high.scalar else {
                ranges += try counted(low.set) + counted(high.set) + [0x2D...0x2D]
                continue
            }
            guard first <= last else { throw error("a range in '[…]' runs backwards.") }
            ranges.append(first...last)
        }
        // What is not in a set is decided when both cases of a letter are in it.
        let set = folded(CharacterRanges(ranges))
        return isInverted ? set.inverted : set
    }

    private mutating func counted(_ set: CharacterRanges) throws(GrammarError) -> [ClosedRange<UInt32>] {
        rangeCount += set.ranges.count
        guard rangeCount <= Self.rangeLimit else {
            throw .tooLarge("The sets of a regular expression have more than \(Self.rangeLimit) ranges of characters.")
        }
        return set.ranges
    }

    /// The characters, and which one it is if it is one: a surrogate can begin and end ranges, though no set holds it.
    private mutating func classAtom() throws(GrammarError) -> (set: CharacterRanges, scalar: UInt32?) {
        guard let scalar = current else { throw error("a '[' has no ']'.") }
        position += 1
        if scalar == "[", peek(":") { throw error("POSIX classes such as '[:alpha:]' are not supported.") }
        guard scalar == "\\" else { return (CharacterRanges(scalar.value), scalar.value) }
        if take("b") { return (CharacterRanges(0x08), 0x08) }
        for (letter, digits) in [("x", 2), ("u", 4), ("U", 8)] as [(StaticString, Int)] where take(letter) {
            let value = try digits == 2 ? code(digits: digits) : unicodeEscape(digits: digits)
            return (CharacterRanges(value), value)
        }
        let set = try escapedSet()
        return (set, set.onlyScalar)
    }

    /// What follows a backslash, where it stands for characters.
    private mutating func escapedSet() throws(GrammarError) -> CharacterRanges {
        guard let scalar = current else { throw error("a backslash at the end.") }
        position += 1
        switch scalar {
        case "d": return .digits
        case "D": return CharacterRanges.digits.inverted
        case "w": return .word
        case "W": return CharacterRanges.word.inverted
        case "s": return .space
        case "S": return CharacterRanges.space.inverted
        case "t": return CharacterRanges(0x09)
        case "n": return CharacterRanges(0x0A)
        case "v": return CharacterRanges(0x0B)
        case "f": return CharacterRanges(0x0C)
        case "r": return CharacterRanges(0x0D)
        case "a": return CharacterRanges(0x07)
        case "e": return CharacterRanges(0x1B)
        case "0":
            if let digit = current, ("0"..."9").contains(digit) { throw error("octal escapes are not supported.") }
            return CharacterRanges(0)
        case "p", "P": return try property(isInverted: scalar == "P")
        case "c":
            guard let letter = current, letter.isASCII, letter.properties.isAlphabetic else {
                throw error("'\\c' needs a letter.")
            }
            position += 1
            return CharacterRanges(letter.value % 32)
        case "x": return CharacterRanges(try code(digits: 2))
        case "u", "U": return CharacterRanges(try unicodeEscape(digits: scalar == "U" ? 8 : 4))
        default:
            if scalar.isASCII, scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) {
                throw error("'\\\(scalar)' is not known.")
            }
            return CharacterRanges(scalar.value)
        }
    }

    private mutating func code(digits: Int) throws(GrammarError) -> UInt32 {
        if take("{") {
            var text = ""
            while let scalar = current, scalar != "}", text.utf8.count < 7 {
                text.unicodeScalars.append(scalar)
                position += 1
            }
            guard take("}"), !text.hasPrefix("+"), let value = UInt32(text, radix: 16), value <= 0x10FFFF else {
                throw error("a code in braces is no character.")
            }
            return value
        }
        let end = position + digits
        guard end <= scalars.count else { throw error("an escape needs \(digits) hexadecimal digits.") }
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars[position..<end])
        guard !text.hasPrefix("+"), let value = UInt32(text, radix: 16), value <= 0x10FFFF else {
            throw error("an escape needs \(digits) hexadecimal digits.")
        }
        position = end
        return value
    }

    private mutating func unicodeEscape(digits: Int) throws(GrammarError) -> UInt32 {
        let value = try code(digits: digits)
        guard (0xD800...0xDBFF).contains(value), take("\\u") else { return value }
        let low = try code(digits: 4)
        guard (0xDC00...0xDFFF).contains(low) else { throw error("half of a surrogate pair.") }
        return 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00)
    }

    private mutating func property(isInverted: Bool) throws(GrammarError) -> CharacterRanges {
        var name = ""
        if take("{") {
            while let scalar = current, scalar != "}" {
                name.unicodeScalars.append(scalar)
                position += 1
            }
            guard take("}") else { throw error("a property has no '}'.") }
        } else if let scalar = current {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard let set = CharacterRanges(property: name) else {
            throw error("the property '\(name)' is not known; general categories are.")
        }
        return isInverted ? set.inverted : set
    }
}

extension CharacterRanges {
    /// The character, when there is only one.
    var onlyScalar: UInt32? {
        ranges.count == 1 && ranges[0].count == 1 ? ranges[0].lowerBound : nil
    }
}
