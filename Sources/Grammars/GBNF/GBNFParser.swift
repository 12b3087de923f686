/// A part of a rule in GBNF.
indirect enum GBNFPart: Sendable {
    case characters(CharacterRanges)
    case rule(String)
    case sequence([GBNFPart])
    case choice([GBNFPart])
    case repetition(GBNFPart, minimum: Int, maximum: Int?)
}

/// Reads grammars as llama.cpp writes them (its `grammars/README.md`): `name ::= alternatives`, with literals, character
/// classes, groups, repetitions and comments.
struct GBNFParser {
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0
    /// How deep the part is that was read last.
    private var height = 0

    private static let depthLimit = 200
    /// With repetitions, of which every group may have one.
    private static let heightLimit = 2 * depthLimit
    private static let countLimit = 100_000

    init(_ source: String) { bytes = Array(source.utf8) }

    /// The rules by name.
    mutating func parse() throws(GrammarError) -> [String: GBNFPart] {
        var rules: [String: GBNFPart] = [:]
        skipSpace(lines: true)
        while position < bytes.count {
            let start = position
            let name = try self.name()
            skipSpace(lines: false)
            guard take("::=") else { throw error("'::=' must follow the name '\(name)'.") }
            skipSpace(lines: true)
            let part = try alternatives(isNested: false)
            guard rules.updateValue(part, forKey: name) == nil else {
                position = start
                throw error("there are two rules '\(name)'.")
            }
            skipSpace(lines: true)
        }
        return rules
    }

    private func error(_ message: String) -> GrammarError { .syntax("In the grammar: \(message)", offset: position) }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        for index in 0..<count where bytes[position + index] != text.utf8Start[index] { return false }
        position += count
        return true
    }

    private mutating func skipSpace(lines: Bool) {
        while let byte = current {
            switch byte {
            case 0x20, 0x09: position += 1
            case 0x0A, 0x0D:
                // An alternative may stand on a line of its own.
                if lines { position += 1 } else if !skipToAlternative() { return }
            case 0x23: while let byte = current, byte != 0x0A { _ = byte; position += 1 }
            default: return
            }
        }
    }

    /// Goes to the '|' that comes after empty lines; false, and nothing, where none does.
    private mutating func skipToAlternative() -> Bool {
        let next = bytes[position...].firstIndex { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard let next, bytes[next] == 0x7C else { return false }
        position = next
        return true
    }

    private func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }

    private mutating func name() throws(GrammarError) -> String {
        let start = position
        while let byte = current, isName(byte) { position += 1 }
        guard position > start else { throw error("the name of a rule was expected.") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    // MARK: Rules

    private mutating func alternatives(isNested: Bool) throws(GrammarError) -> GBNFPart {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw error("groups are nested deeper than \(Self.depthLimit).") }
        var options = [try sequence(isNested: isNested)]
        var highest = height
        while take("|") {
            skipSpace(lines: true)
            options.append(try sequence(isNested: isNested))
            highest = max(highest, height)
        }
        height = highest
        return options.count == 1 ? options[0] : .choice(options)
    }

    private mutating func sequence(isNested: Bool) throws(GrammarError) -> GBNFPart {
        var parts: [GBNFPart] = []
        // Of the last part, and of all.
        var (last, highest) = (0, 0)
        defer { height = highest }
        while let byte = current {
            let isRepetition = [0x2A, 0x2B, 0x3F, 0x7B].contains(byte)
            last = isRepetition ? last + 1 : 1
            switch byte {
            case 0x22: parts.append(.sequence(try literal()))
            case 0x5B: parts.append(.characters(try characterClass()))
            case 0x2E:
                position += 1
                parts.append(.characters(.all))
            case 0x28:
                position += 1
                skipSpace(lines: true)
                parts.append(try alternatives(isNested: true))
                last = height + 1
                guard take(")") else { throw error("a group has no ')'.") }
            case _ where isRepetition:
                guard let repeated = parts.popLast() else { throw error("a repetition repeats nothing.") }
                parts.append(try repetition(repeated))
            case _ where isName(byte): parts.append(.rule(try name()))
            case 0x3C: throw error("tokens ('<…>') are not supported; write their text.")
            default: return parts.count == 1 ? parts[0] : .sequence(parts)
            }
            highest = max(highest, last)
            guard highest <= Self.heightLimit else {
                throw error("repetitions are nested deeper than \(Self.heightLimit).")
            }
            skipSpace(lines: isNested)
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repetition(_ part: GBNFPart) throws(GrammarError) -> GBNFPart {
        if take("*") { return .repetition(part, minimum: 0, maximum: nil) }
        if take("+") { return .repetition(part, minimum: 1, maximum: nil) }
        if take("?") { return .repetition(part, minimum: 0, maximum: 1) }
        position += 1
        skipSpace(lines: false)
        let minimum = try number()
        skipSpace(lines: false)
        var maximum = minimum
        if take(",") {
            skipSpace(lines: false)
            maximum = try number()
            skipSpace(lines: false)
        }
        guard take("}"), minimum != nil || maximum != nil else { throw error("a repetition '{…}' is not complete.") }
        if let maximum, maximum < minimum ?? 0 { throw error("a repetition of at least more than at most.") }
        return .repetition(part, minimum: minimum ?? 0, maximum: maximum)
    }

    private mutating func number() throws(GrammarError) -> Int? {
        var value: Int?
        while let byte = current, (0x30...0x39).contains(byte) {
            value = (value ?? 0) * 10 + Int(byte - 0x30)
            guard value ?? 0 <= Self.countLimit else { throw error("a repetition of more than \(Self.countLimit).") }
            position += 1
        }
        return value
    }

    // MARK: Characters

    private mutating func literal() throws(GrammarError) -> [GBNFPart] {
        position += 1
        var parts: [GBNFPart] = []
        while !take("\"") {
            parts.append(.characters(CharacterRanges(try character())))
        }
        return parts
    }

    private mutating func characterClass() throws(GrammarError) -> CharacterRanges {
        position += 1
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        while !take("]") {
            let low = try character()
            if current == 0x2D, position + 1 < bytes.count, bytes[position + 1] != 0x5D {
                position += 1
                let high = try character()
                guard low <= high else { throw error("a range in '[…]' runs backwards.") }
                ranges.append(low...high)
            } else {
                ranges.append(low...low)
            }
        }
        let set = CharacterRanges(ranges)
        return isInverted ? set.inverted : set
    }

    private mutating func character() throws(GrammarError) -> UInt32 {
        guard let byte = current else { throw error("a literal or '[…]' has no end.") }
        if byte != 0x5C {
            let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            let end = min(position + length, bytes.count)
            let text = String(decoding: bytes[position..<end], as: UTF8.self)
            position = end
            return text.unicodeScalars.first?.value ?? 0xFFFD
        }
        position += 1
        guard let escape = current else { throw error("a backslash at the end.") }
        position += 1
        switch escape {
        case 0x78: return try code(digits: 2)
        case 0x75: return try code(digits: 4)
        case 0x55: return try code(digits: 8)
        case 0x74: return 0x09
        case 0x72: return 0x0D
        case 0x6E: return 0x0A
        case 0x5C, 0x22, 0x5B, 0x5D, 0x2D, 0x5E: return UInt32(escape)
        default: throw error("the escape '\\\(Character(Unicode.Scalar(escape)))' is not known.")
        }
    }

    private mutating func code(digits: Int) throws(GrammarError) -> UInt32 {
        let end = position + digits
        guard end <= bytes.count,
            let value = UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16),
            Unicode.Scalar(value) != nil
        else { throw error("an escape needs \(digits) hexadecimal digits that name a character.") }
        position = end
        return value
    }
}
