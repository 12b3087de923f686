import JSON
import Testing

@Suite struct JSONParserTests {
    @Test func `an object keeps the order of its keys`() throws {
        let value = try JSONValue(parsing: #"{"b":1,"a":[true,null,-2.5e1,"x"]}"#)
        #expect(value == ["b": 1, "a": [true, nil, -25.0, "x"]])
        #expect(value.objectValue?.keys == ["b", "a"])
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("-1", -1), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775808", 9_223_372_036_854_775_808.0),
            ("-9223372036854775809", -9_223_372_036_854_775_808.0), ("1.0", 1.0), ("1e2", 100.0), ("1E+2", 100.0),
            ("25e-1", 2.5), ("5e-324", .number(.leastNonzeroMagnitude)), ("1e-400", 0.0), ("-0.0", -0.0),
            ("123456789012345678901234567890", 1.2345678901234568e29),
        ] as [(String, JSONValue)]
    )
    func `numbers are integers unless they have a fraction, an exponent or too many digits`(
        text: String,
        value: JSONValue
    ) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(arguments: [
        (#""""#, ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\uFFFF""#, "Aé\u{FFFF}"),
        (#""\ud83d\ude00""#, "😀"), (#""\ud83d""#, "\u{FFFD}"), (#""\ude00x""#, "\u{FFFD}x"),
        (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"), (#""\ud83d\n""#, "\u{FFFD}\n"),
        (#""é😀\u0000""#, "é😀\0"), ("\"\u{7F}\u{2028}\"", "\u{7F}\u{2028}"),
    ])
    func `escapes become the characters they stand for`(text: String, value: String) throws {
        #expect(try JSONValue(parsing: text) == .string(value))
    }

    @Test(arguments: ["true", "\n\t false\r ", "[ ]", "{ }", "[[],{}]", "\u{FEFF}[1 , 2]", #"{"":{"":""}}"#])
    func `whitespace and empty containers are read`(text: String) throws {
        _ = try JSONValue(parsing: text)
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd(offset: 0)), ("  ", .unexpectedEnd(offset: 2)), ("[1,", .unexpectedEnd(offset: 3)),
            ("[1", .unexpectedEnd(offset: 2)), ("tru", .unexpectedEnd(offset: 3)), ("\"ab", .unexpectedEnd(offset: 3)),
            ("\"\\", .unexpectedEnd(offset: 2)), ("\"\\u00", .unexpectedEnd(offset: 5)),
            ("-", .unexpectedEnd(offset: 1)),
            ("1.", .unexpectedEnd(offset: 2)), ("1e", .unexpectedEnd(offset: 2)), ("{\"a\"", .unexpectedEnd(offset: 4)),
            ("[1,]", .unexpectedByte(0x5D, expected: "a value", offset: 3)),
            ("{,}", .unexpectedByte(0x2C, expected: "a key in quotes", offset: 1)),
            ("{\"a\":1,}", .unexpectedByte(0x7D, expected: "a key in quotes", offset: 7)),
            ("{a:1}", .unexpectedByte(0x61, expected: "a key in quotes", offset: 1)),
            ("{\"a\" 1}", .unexpectedByte(0x31, expected: "':'", offset: 5)),
            ("[1 2]", .unexpectedByte(0x32, expected: "',' or ']'", offset: 3)),
            ("{\"a\":1]", .unexpectedByte(0x5D, expected: "',' or '}'", offset: 6)),
            ("NaN", .unexpectedByte(0x4E, expected: "a value", offset: 0)),
            ("'a'", .unexpectedByte(0x27, expected: "a value", offset: 0)),
            ("nul!", .unexpectedByte(0x21, expected: "\"null\"", offset: 3)),
            ("1 x", .trailingBytes(offset: 2)), ("[]]", .trailingBytes(offset: 2)),
            ("truex", .trailingBytes(offset: 4)),
            ("01", .invalidNumber(offset: 0)), ("-01", .invalidNumber(offset: 0)), ("[-]", .invalidNumber(offset: 1)),
            ("[1.]", .invalidNumber(offset: 1)), ("[.5]", .unexpectedByte(0x2E, expected: "a value", offset: 1)),
            ("[1.e1]", .invalidNumber(offset: 1)), ("[1e+]", .invalidNumber(offset: 1)),
            ("+1", .unexpectedByte(0x2B, expected: "a value", offset: 0)), ("0x1", .trailingBytes(offset: 1)),
            ("[1e400]", .numberOutOfRange(offset: 1)), ("-1e999999999999", .numberOutOfRange(offset: 0)),
            (#""\x41""#, .invalidEscape(offset: 1)), (#""\u00G0""#, .invalidEscape(offset: 1)),
            (#""\ud83d\uZZZZ""#, .invalidEscape(offset: 7)), ("\"a\nb\"", .controlCharacter(0x0A, offset: 2)),
            ("\"\0\"", .controlCharacter(0, offset: 1)),
            ("[1\u{0B}]", .unexpectedByte(0x0B, expected: "',' or ']'", offset: 2)),
        ] as [(String, JSONError)]
    )
    func `what RFC 8259 does not allow is refused at its byte`(text: String, error: JSONError) {
        #expect(throws: error) { _ = try JSONValue(parsing: text) }
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0xFF],
        ] as [[UInt8]]
    )
    func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
        let text: [UInt8] = [0x5B, 0x22, 0x61] + bytes + [0x22, 0x5D]
        #expect(throws: JSONError.invalidUTF8(offset: 1)) { _ = try JSONValue(parsing: text) }
    }

    @Test func `nesting is bounded before the stack is`() throws {
        let deep = String(repeating: "[", count: 5_000_000)
        #expect(throws: JSONError.tooDeep(limit: 128, offset: 128)) { _ = try JSONValue(parsing: deep) }
        let allowed = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try JSONValue(parsing: allowed)
        #expect(throws: JSONError.tooDeep(limit: 0, offset: 0)) {
            _ = try JSONValue(parsing: "{}", limits: JSONLimits(maximumDepth: 0))
        }
        let objects = String(repeating: "{\"a\":", count: 1024) + "1" + String(repeating: "}", count: 1024)
        _ = try JSONValue(parsing: objects, limits: JSONLimits(maximumDepth: 1024))
    }

    @Test func `a text longer than its limit is refused unread`() {
        #expect(throws: JSONError.tooLong(byteCount: 3, limit: 2)) {
            _ = try JSONValue(parsing: "???", limits: JSONLimits(maximumBytes: 2))
        }
    }

    @Test func `of equal keys the last value counts, or the text is refused`() throws {
        let text = #"{"a":1,"b":2,"\u0061":3}"#
        let value = try JSONValue(parsing: text)
        #expect(value.objectValue?.keys == ["a", "b"])
        #expect(value["a"] == 3)
        #expect(throws: JSONError.duplicateKey("a", offset: 13)) {
            _ = try JSONValue(parsing: text, limits: JSONLimits(duplicateKeys: .reject))
        }
    }

    @Test(arguments: 1...20)
    func `damaged texts give a value or an error and nothing else`(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        let alphabet = Array("[]{}\",:\\u0019eE+-.truefalsn \u{1}é".utf8) + [0xFF, 0xC3]
        for _ in 0..<500 {
            var bytes = JSONValue.random(depth: 3, using: &random).serializedBytes()
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = alphabet.randomElement(using: &random) ?? 0
                case 1: bytes.remove(at: place)
                default: bytes = Array(bytes[..<place])
                }
            }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect(try JSONValue(parsing: value.serializedBytes()) == value)
        }
    }
}
