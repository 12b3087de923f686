/// One token of a template.
struct TemplateToken: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case data, variableBegin, variableEnd, blockBegin, blockEnd, end
        case name, string, integer, float
        case symbol
    }

    let kind: Kind
    /// The name, operator, literal text (with escapes resolved) or template data.
    let text: TemplateText
    let line: Int
    /// The text of a name or operator, made once because the parser asks often.
    let word: String

    init(kind: Kind, text: TemplateText, line: Int) {
        self.kind = kind
        self.text = text
        self.line = line
        word = kind == .name || kind == .symbol ? text.string : ""
    }

    func isName(_ name: String) -> Bool { kind == .name && word == name }
    func isSymbol(_ symbol: String) -> Bool { kind == .symbol && word == symbol }

    /// How Jinja names the token in messages.
    var name: String {
        switch kind {
        case .data: "template data / text"
        case .variableBegin: "begin of print statement"
        case .variableEnd: "end of print statement"
        case .blockBegin: "begin of statement block"
        case .blockEnd: "end of statement block"
        case .end: "end of template"
        case .string: "string"
        case .integer: "integer"
        case .float: "float"
        case .name, .symbol: text.string
        }
    }
}

/// Splits a template into tokens as Jinja does with `trim_blocks` and `lstrip_blocks` on.
///
/// Jinja's lexer is a table of regular expressions; this is the same table by hand, in one pass over the bytes.
struct TemplateLexer {
    private let source: TemplateText
    private var position = 0
    private var line = 1
    /// Whether the previous match ended a line, so that blanks before a block tag belong to its line.
    private var atLineStart = true
    private var tokens: [TemplateToken] = []

    private init(_ source: TemplateText) {
        self.source = source
    }

    static func tokens(of source: String) throws(TemplateError) -> [TemplateToken] {
        if source.utf8.count > TemplateLimits.sourceBytes {
            throw .limitExceeded(.sourceBytes, maximum: TemplateLimits.sourceBytes, line: 0)
        }
        var lexer = TemplateLexer(TemplateText(normalizedNewlines(Array(source.utf8))))
        try lexer.scanTemplate()
        return lexer.tokens
    }

    /// Line ends become `\n`, and one at the very end is dropped (Jinja's `keep_trailing_newline` is off).
    private static func normalizedNewlines(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            if byte == 10, index > 0, bytes[index - 1] == 13 { continue }
            result.append(byte == 13 ? 10 : byte)
        }
        if result.last == 10 { result.removeLast() }
        return result
    }

    private var bytes: [UInt8] { source.bytes }

    private func starts(with text: StaticString, at offset: Int) -> Bool {
        guard offset + text.utf8CodeUnitCount <= source.bytes.count else { return false }
        for index in 0..<text.utf8CodeUnitCount where source.bytes[offset + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    /// Moves on to `end`, counting lines.
    private mutating func consume(to end: Int) {
        for byte in source.bytes[position..<end] where byte == 10 { line += 1 }
        if end > position { atLineStart = source.bytes[end - 1] == 10 }
        position = end
    }

    private mutating func add(_ kind: TemplateToken.Kind, _ text: TemplateText = .empty) {
        tokens.append(TemplateToken(kind: kind, text: text, line: line))
    }

    private func skippingSpaces(from start: Int) -> Int {
        var offset = start
        while offset < source.bytes.count {
            let (scalar, length) = source.scalar(at: offset)
            if !TemplateText.isSpace(scalar) { break }
            offset += length
        }
        return offset
    }
}

// MARK: - Outside of tags

extension TemplateLexer {
    private mutating func scanTemplate() throws(TemplateError) {
        while position < source.bytes.count {
            guard let tag = nextTag() else {
                add(.data, source.piece(position..<source.bytes.count))
                consume(to: source.bytes.count)
                break
            }
            let raw = rawEnd(of: tag)
            addData(upTo: tag, isVariable: source.bytes[tag + 1] == 0x7B)
            if let raw {
                consume(to: raw)
                try scanRaw()
                continue
            }
            let kind = source.bytes[tag + 1]
            let signed =
                tag + 2 < source.bytes.count && (source.bytes[tag + 2] == 0x2B || source.bytes[tag + 2] == 0x2D)
            consume(to: tag + (signed ? 3 : 2))
            switch kind {
            case 0x23: try skipComment()
            case 0x25: try scanTag(.blockBegin, .blockEnd)
            default: try scanTag(.variableBegin, .variableEnd)
            }
        }
        add(.end)
    }

    private func nextTag() -> Int? {
        var offset = position
        while offset + 1 < source.bytes.count {
            if source.bytes[offset] == 0x7B {
                let next = source.bytes[offset + 1]
                if next == 0x7B || next == 0x25 || next == 0x23 { return offset }
            }
            offset += 1
        }
        return nil
    }

    /// Where the contents of a `{% raw %}` that begins at `tag` start; nil when it is another tag.
    private func rawEnd(of tag: Int) -> Int? {
        guard starts(with: "{%", at: tag) else { return nil }
        var offset = tag + 2
        if offset < source.bytes.count, source.bytes[offset] == 0x2B || source.bytes[offset] == 0x2D { offset += 1 }
        offset = skippingSpaces(from: offset)
        guard starts(with: "raw", at: offset) else { return nil }
        offset = skippingSpaces(from: offset + 3)
        if starts(with: "-%}", at: offset) { return skippingSpaces(from: offset + 3) }
        return starts(with: "%}", at: offset) ? offset + 2 : nil
    }

    /// Emits the text before a tag, without what the tag's sign or `lstrip_blocks` takes away.
    private mutating func addData(upTo tag: Int, isVariable: Bool) {
        let text = source.piece(position..<tag)
        let kept = keptBytes(of: text, sign: tag + 2 < source.bytes.count ? source.bytes[tag + 2] : 0, isVariable)
        if kept > 0 { add(.data, text.piece(0..<kept)) }
        consume(to: tag)
    }

    private func keptBytes(of text: TemplateText, sign: UInt8, _ isVariable: Bool) -> Int {
        if sign == 0x2D { return text.stripped(nil, left: false, right: true).bytes.count }
        if sign == 0x2B || isVariable { return text.bytes.count }
        let lineStart = (text.bytes.lastIndex(of: 10) ?? -1) + 1
        guard lineStart > 0 || atLineStart else { return text.bytes.count }
        return text.piece(lineStart..<text.bytes.count).stripped(nil, left: true, right: false).isEmpty
            ? lineStart : text.bytes.count
    }

    private mutating func skipComment() throws(TemplateError) {
        guard let end = source.firstOffset(of: Array("#}".utf8), from: position) else {
            if position == source.bytes.count { return }
            throw .syntax(message: "Missing end of comment tag", line: line)
        }
        let sign = end > position ? source.bytes[end - 1] : 0
        if sign == 0x2D {
            consume(to: skippingSpaces(from: end + 2))
        } else if sign != 0x2B, end + 2 < source.bytes.count, source.bytes[end + 2] == 10 {
            consume(to: end + 3)
        } else {
            consume(to: end + 2)
        }
    }

    private mutating func scanRaw() throws(TemplateError) {
        var search = position
        while let tag = source.firstOffset(of: Array("{%".utf8), from: search) {
            if let end = endRawEnd(of: tag) {
                addData(upTo: tag, isVariable: false)
                consume(to: end)
                return
            }
            search = tag + 1
        }
        // Jinja looks for one more character to complain about.
        if position < source.bytes.count { throw .syntax(message: "Missing end of raw directive", line: line) }
    }

    private func endRawEnd(of tag: Int) -> Int? {
        var offset = tag + 2
        if offset < source.bytes.count, source.bytes[offset] == 0x2B || source.bytes[offset] == 0x2D { offset += 1 }
        offset = skippingSpaces(from: offset)
        guard starts(with: "endraw", at: offset) else { return nil }
        return blockEnd(at: skippingSpaces(from: offset + 6))
    }

    /// Where template text goes on after a `%}` at `offset`, or nil when there is none.
    private func blockEnd(at offset: Int) -> Int? {
        if starts(with: "-%}", at: offset) { return skippingSpaces(from: offset + 3) }
        if starts(with: "+%}", at: offset) { return offset + 3 }
        guard starts(with: "%}", at: offset) else { return nil }
        return offset + 2 < source.bytes.count && source.bytes[offset + 2] == 10 ? offset + 3 : offset + 2
    }

    private func variableEnd(at offset: Int) -> Int? {
        if starts(with: "-}}", at: offset) { return skippingSpaces(from: offset + 3) }
        return starts(with: "}}", at: offset) ? offset + 2 : nil
    }
}

// MARK: - Inside of tags

extension TemplateLexer {
    private static let singles = Set("+-/*%~[](){}><=.:|,;".utf8)

    /// Whether an operator of two characters begins here: `//`, `**`, `==`, `!=`, `>=` or `<=`.
    private func isPair(_ byte: UInt8) -> Bool {
        guard position + 1 < source.bytes.count else { return false }
        let next = source.bytes[position + 1]
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "*"): return next == byte
        case UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: ">"), UInt8(ascii: "<"):
            return next == UInt8(ascii: "=")
        default: return false
        }
    }

    private mutating func scanTag(_ begin: TemplateToken.Kind, _ end: TemplateToken.Kind) throws(TemplateError) {
        add(begin)
        var brackets: [UInt8] = []
        while position < source.bytes.count {
            if brackets.isEmpty,
                let after = end == .blockEnd ? blockEnd(at: position) : variableEnd(at: position)
            {
                add(end)
                consume(to: after)
                return
            }
            let next = skippingSpaces(from: position)
            if next > position {
                consume(to: next)
            } else {
                try scanToken(&brackets)
            }
        }
    }

    private mutating func scanToken(_ brackets: inout [UInt8]) throws(TemplateError) {
        let byte = source.bytes[position]
        if byte >= 0x30, byte <= 0x39 { return try scanNumber() }
        if byte == 0x27 || byte == 0x22, try scanString(quote: byte) { return }
        let (scalar, _) = source.scalar(at: position)
        if scalar == "_" || scalar.properties.isXIDContinue { return try scanName() }
        if isPair(byte) {
            add(.symbol, source.piece(position..<(position + 2)))
            return consume(to: position + 2)
        }
        guard Self.singles.contains(byte) else {
            let index = source.scalarIndex(ofByte: position)
            throw .syntax(
                message: "unexpected char \(TemplateText(scalars: [scalar]).pythonRepresentation) at \(index)",
                line: line
            )
        }
        try balance(byte, &brackets)
        add(.symbol, TemplateText(ascii: [byte]))
        consume(to: position + 1)
    }

    private func balance(_ byte: UInt8, _ brackets: inout [UInt8]) throws(TemplateError) {
        switch byte {
        case UInt8(ascii: "("): brackets.append(UInt8(ascii: ")"))
        case UInt8(ascii: "["): brackets.append(UInt8(ascii: "]"))
        case UInt8(ascii: "{"): brackets.append(UInt8(ascii: "}"))
        case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
            let found = Unicode.Scalar(byte)
            guard let expected = brackets.popLast() else {
                throw .syntax(message: "unexpected '\(found)'", line: line)
            }
            if expected != byte {
                throw .syntax(message: "unexpected '\(found)', expected '\(Unicode.Scalar(expected))'", line: line)
            }
        default: break
        }
    }

    private mutating func scanName() throws(TemplateError) {
        var end = position
        while end < source.bytes.count {
            let (scalar, length) = source.scalar(at: end)
            if !scalar.properties.isXIDContinue { break }
            end += length
        }
        let text = source.piece(position..<end)
        if !TemplateText.isIdentifier(text.scalars) {
            throw .syntax(message: "Invalid character in identifier", line: line)
        }
        add(.name, text)
        consume(to: end)
    }

    private mutating func scanNumber() throws(TemplateError) {
        let afterDot = position > 0 && source.bytes[position - 1] == UInt8(ascii: ".")
        let scanner = TemplateNumberScanner(bytes: source.bytes, start: position)
        if !afterDot, let end = scanner.floatEnd() {
            add(.float, TemplateText(ascii: source.bytes[position..<end].filter { $0 != UInt8(ascii: "_") }))
            return consume(to: end)
        }
        let end = scanner.integerEnd()
        add(.integer, TemplateText(ascii: source.bytes[position..<end].filter { $0 != UInt8(ascii: "_") }))
        consume(to: end)
    }

    private mutating func scanString(quote: UInt8) throws(TemplateError) -> Bool {
        var end = position + 1
        while end < source.bytes.count, source.bytes[end] != quote {
            end += source.bytes[end] == 0x5C ? 2 : 1
        }
        guard end < source.bytes.count else { return false }
        add(.string, try TemplateEscapes.resolved(source.piece((position + 1)..<end), line: line))
        consume(to: end + 1)
        return true
    }
}

/// Finds the ends of Python number literals.
struct TemplateNumberScanner {
    let bytes: [UInt8]
    let start: Int

    private func isDigit(_ offset: Int) -> Bool {
        offset < bytes.count && bytes[offset] >= 0x30 && bytes[offset] <= 0x39
    }

    /// The end of digits that may be grouped by single underscores.
    private func digitsEnd(from offset: Int, _ accepts: (UInt8) -> Bool) -> Int {
        var end = offset
        while end < bytes.count {
            if accepts(bytes[end]) {
                end += 1
            } else if bytes[end] == UInt8(ascii: "_"), end + 1 < bytes.count, accepts(bytes[end + 1]) {
                end += 2
            } else {
                break
            }
        }
        return end
    }

    private static func isDecimal(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    func floatEnd() -> Int? {
        var end = digitsEnd(from: start, Self.isDecimal)
        var isFloat = false
        if end < bytes.count, bytes[end] == UInt8(ascii: "."), isDigit(end + 1) {
            end = digitsEnd(from: end + 1, Self.isDecimal)
            isFloat = true
        }
        if end < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "e") {
            var digits = end + 1
            if digits < bytes.count, bytes[digits] == 0x2B || bytes[digits] == 0x2D { digits += 1 }
            if isDigit(digits) {
                end = digitsEnd(from: digits, Self.isDecimal)
                isFloat = true
            }
        }
        return isFloat ? end : nil
    }

    func integerEnd() -> Int {
        if bytes[start] != 0x30 { return digitsEnd(from: start, Self.isDecimal) }
        let marker = start + 1 < bytes.count ? bytes[start + 1] | 0x20 : 0
        let accepts: (UInt8) -> Bool
        switch marker {
        case UInt8(ascii: "b"): accepts = { $0 == 0x30 || $0 == 0x31 }
        case UInt8(ascii: "o"): accepts = { $0 >= 0x30 && $0 <= 0x37 }
        case UInt8(ascii: "x"): accepts = { Unicode.Scalar($0).properties.isASCIIHexDigit }
        default: return digitsEnd(from: start, { $0 == 0x30 })
        }
        let end = digitsEnd(from: start + 2, accepts)
        return end > start + 2 ? end : start + 1
    }
}

/// Resolves the backslash escapes of string literals as Python's `unicode-escape` codec does.
enum TemplateEscapes {
    static func resolved(_ text: TemplateText, line: Int) throws(TemplateError) -> TemplateText {
        guard text.bytes.contains(0x5C) else { return text }
        let all = text.scalars
        var result: [Unicode.Scalar] = []
        var index = 0
        while index < all.count {
            if all[index] == "\\", index + 1 < all.count {
                index = try resolve(all, index + 1, into: &result, line)
            } else {
                result.append(all[index])
                index += 1
            }
        }
        return TemplateText(scalars: result)
    }

    private static let simple: [Unicode.Scalar: Unicode.Scalar] = [
        "n": "\n", "t": "\t", "r": "\r", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "v": "\u{B}",
        "\\": "\\", "'": "'", "\"": "\"",
    ]

    /// Resolves the escape whose letter is at `index`; gives the index after it.
    private static func resolve(
        _ all: [Unicode.Scalar],
        _ index: Int,
        into result: inout [Unicode.Scalar],
        _ line: Int
    ) throws(TemplateError) -> Int {
        let letter = all[index]
        if let plain = simple[letter] {
            result.append(plain)
            return index + 1
        }
        switch letter {
        case "\n": return index + 1
        case "x": return try hexadecimal(all, index + 1, 2, into: &result, line)
        case "u": return try hexadecimal(all, index + 1, 4, into: &result, line)
        case "U": return try hexadecimal(all, index + 1, 8, into: &result, line)
        case "0"..."7":
            var end = index
            var value: UInt32 = 0
            while end < all.count, end < index + 3, ("0"..."7").contains(all[end]) {
                value = value * 8 + (all[end].value - 0x30)
                end += 1
            }
            result.append(Unicode.Scalar(value) ?? "\u{FFFD}")
            return end
        default:
            result.append("\\")
            if letter.value < 0x80 {
                result.append(letter)
            } else {
                // Jinja turns non-ASCII letters into escapes first, so here the backslash eats that escape's own.
                result += escapeName(letter).unicodeScalars
            }
            return index + 1
        }
    }

    private static func escapeName(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        let width = scalar.value < 0x100 ? 2 : scalar.value < 0x10000 ? 4 : 8
        let letter = width == 2 ? "x" : width == 4 ? "u" : "U"
        return letter + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func hexadecimal(
        _ all: [Unicode.Scalar],
        _ start: Int,
        _ count: Int,
        into result: inout [Unicode.Scalar],
        _ line: Int
    ) throws(TemplateError) -> Int {
        var value: UInt32 = 0
        for offset in start..<(start + count) {
            guard offset < all.count, let digit = Character(all[offset]).hexDigitValue, all[offset].isASCII else {
                throw .syntax(message: "truncated escape in a string", line: line)
            }
            value = value << 4 | UInt32(digit)
        }
        if value > 0x10FFFF { throw .syntax(message: "illegal Unicode character", line: line) }
        result.append(Unicode.Scalar(value) ?? "\u{FFFD}")
        return start + count
    }
}
