/// Reads one JSON text from bytes, in a single pass and without going back.
///
/// Source: RFC 8259. A leading byte order mark is skipped, as section 8.1 allows.
struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private let limits: JSONLimits
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits) throws(JSONError) {
        guard bytes.count <= limits.maximumBytes else {
            throw .tooLong(byteCount: bytes.count, limit: limits.maximumBytes)
        }
        self.bytes = bytes
        self.limits = limits
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
    }

    mutating func parseText() throws(JSONError) -> JSONValue {
        let value = try parseValue(depth: 0)
        skipWhitespace()
        guard position == bytes.count else { throw .trailingBytes(offset: position) }
        return value
    }

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSONValue {
        switch try nextSignificantByte() {
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "{"): return .object(try parseObject(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try parseArray(depth: depth + 1))
        case UInt8(ascii: "t"): return try parseLiteral("true", .bool(true))
        case UInt8(ascii: "f"): return try parseLiteral("false", .bool(false))
        case UInt8(ascii: "n"): return try parseLiteral("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        case let byte: throw .unexpectedByte(byte, expected: "a value", offset: position)
        }
    }

    private mutating func parseArray(depth: Int) throws(JSONError) -> [JSONValue] {
        guard depth <= limits.maximumDepth else { throw .tooDeep(limit: limits.maximumDepth, offset: position) }
        position += 1
        var elements: [JSONValue] = []
        if try nextSignificantByte() == UInt8(ascii: "]") {
            position += 1
            return elements
        }
        while true {
            elements.append(try parseValue(depth: depth))
            if try endsAfterElement(with: UInt8(ascii: "]"), expected: "',' or ']'") { return elements }
        }
    }

    private mutating func parseObject(depth: Int) throws(JSONError) -> JSONObject {
        guard depth <= limits.maximumDepth else { throw .tooDeep(limit: limits.maximumDepth, offset: position) }
        position += 1
        var object = JSONObject()
        if try nextSignificantByte() == UInt8(ascii: "}") {
            position += 1
            return object
        }
        while true {
            try expect(UInt8(ascii: "\""), "a key in quotes")
            let keyOffset = position
            let key = try parseString()
            try expect(UInt8(ascii: ":"), "':'")
            position += 1
            let value = try parseValue(depth: depth)
            if !object.append(key, value) {
                if limits.duplicateKeys == .reject { throw .duplicateKey(key, offset: keyOffset) }
                object[key] = value
            }
            if try endsAfterElement(with: UInt8(ascii: "}"), expected: "',' or '}'") { return object }
        }
    }

    /// Consumes the comma or the closing bracket after an element; true for the bracket.
    private mutating func endsAfterElement(with close: UInt8, expected: String) throws(JSONError) -> Bool {
        let byte = try nextSignificantByte()
        guard byte == close || byte == UInt8(ascii: ",") else {
            throw .unexpectedByte(byte, expected: expected, offset: position)
        }
        position += 1
        return byte == close
    }

    private mutating func expect(_ byte: UInt8, _ expected: String) throws(JSONError) {
        let found = try nextSignificantByte()
        guard found == byte else { throw .unexpectedByte(found, expected: expected, offset: position) }
    }

    private mutating func parseLiteral(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard position + index < bytes.count else { throw .unexpectedEnd(offset: bytes.count) }
            guard bytes[position + index] == word.utf8Start[index] else {
                throw .unexpectedByte(
                    bytes[position + index],
                    expected: "\"\(word)\"",
                    offset: position + index
                )
            }
        }
        position += word.utf8CodeUnitCount
        return value
    }

    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    /// Skips whitespace and looks at the byte after it without consuming it.
    private mutating func nextSignificantByte() throws(JSONError) -> UInt8 {
        skipWhitespace()
        guard position < bytes.count else { throw .unexpectedEnd(offset: position) }
        return bytes[position]
    }
}

// MARK: - Numbers

extension JSONParser {
    private mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = position
        let negative = bytes[position] == UInt8(ascii: "-")
        if negative { position += 1 }
        let digits = position
        var magnitude: Int64 = 0  // counted below zero, where one more value fits
        var fits = true
        while let digit = digitHere() {
            let (shifted, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (next, overflowToo) = shifted.subtractingReportingOverflow(Int64(digit))
            fits = fits && !overflow && !overflowToo
            magnitude = next
            position += 1
        }
        guard position > digits else { throw numberError(start) }
        if bytes[digits] == UInt8(ascii: "0"), position > digits + 1 { throw .invalidNumber(offset: start) }
        if try skipFractionAndExponent(start) || !fits || (!negative && magnitude == .min) {
            return .number(try double(from: start))
        }
        return .integer(negative ? magnitude : -magnitude)
    }

    /// Passes over `.digits` and `e±digits`; true when there was either.
    private mutating func skipFractionAndExponent(_ start: Int) throws(JSONError) -> Bool {
        var found = false
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try skipDigits(start)
            found = true
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            try skipDigits(start)
            found = true
        }
        return found
    }

    private mutating func skipDigits(_ start: Int) throws(JSONError) {
        let first = position
        while digitHere() != nil { position += 1 }
        guard position > first else { throw numberError(start) }
    }

    private func digitHere() -> UInt8? {
        guard position < bytes.count else { return nil }
        let digit = bytes[position] &- UInt8(ascii: "0")
        return digit <= 9 ? digit : nil
    }

    private func numberError(_ start: Int) -> JSONError {
        position == bytes.count ? .unexpectedEnd(offset: position) : .invalidNumber(offset: start)
    }

    private func double(from start: Int) throws(JSONError) -> Double {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw .numberOutOfRange(offset: start) }
        return value
    }
}

// MARK: - Strings

extension JSONParser {
    /// Parses the string whose opening quote is at `position`.
    private mutating func parseString() throws(JSONError) -> String {
        let quote = position
        position += 1
        let start = position
        try skipPlainBytes()
        if bytes[position] == UInt8(ascii: "\"") {
            defer { position += 1 }
            return try string(UnsafeRawBufferPointer(rebasing: bytes[start..<position]), quote: quote)
        }
        var unescaped = Array(bytes[start..<position])
        while bytes[position] != UInt8(ascii: "\"") {
            try parseEscape(into: &unescaped)
            let run = position
            try skipPlainBytes()
            unescaped.append(contentsOf: bytes[run..<position])
        }
        position += 1
        return try unescaped.withUnsafeBufferPointer { (buffer) throws(JSONError) in
            try string(UnsafeRawBufferPointer(buffer), quote: quote)
        }
    }

    /// Advances to the next quote or backslash.
    private mutating func skipPlainBytes() throws(JSONError) {
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            if byte < 0x20 { throw .controlCharacter(byte, offset: position) }
            position += 1
        }
        throw .unexpectedEnd(offset: position)
    }

    private func string(_ buffer: UnsafeRawBufferPointer, quote: Int) throws(JSONError) -> String {
        guard let text = String(validating: buffer, as: UTF8.self) else { throw .invalidUTF8(offset: quote) }
        return text
    }

    private mutating func parseEscape(into unescaped: inout [UInt8]) throws(JSONError) {
        guard position + 1 < bytes.count else { throw .unexpectedEnd(offset: bytes.count) }
        switch bytes[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(bytes[position + 1])
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "u"):
            unescaped.append(contentsOf: UTF8.encode(try parseUnicodeEscape()) ?? UTF8.encodedReplacementCharacter)
            return
        default: throw .invalidEscape(offset: position)
        }
        position += 2
    }

    /// Parses `\uXXXX`, or two of them that are a surrogate pair. Half a pair stands for U+FFFD.
    private mutating func parseUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let unit = try hexUnit(at: position)
        position += 6
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let lowFollows =
            unit < 0xDC00 && position + 1 < bytes.count
            && bytes[position] == UInt8(ascii: "\\") && bytes[position + 1] == UInt8(ascii: "u")
        guard lowFollows else { return "\u{FFFD}" }
        let low = try hexUnit(at: position)
        guard (0xDC00...0xDFFF).contains(low) else { return "\u{FFFD}" }
        position += 6
        return Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)) ?? "\u{FFFD}"
    }

    /// The four hexadecimal digits of the `\u` escape at `offset`.
    private func hexUnit(at offset: Int) throws(JSONError) -> UInt32 {
        guard offset + 6 <= bytes.count else { throw .unexpectedEnd(offset: bytes.count) }
        var unit: UInt32 = 0
        for byte in bytes[(offset + 2)..<(offset + 6)] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw .invalidEscape(offset: offset)
            }
        }
        return unit
    }
}
