/// Why a text is not JSON, or is JSON beyond the limits it was read with.
///
/// Offsets count bytes from the first byte of the text.
package enum JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text has more bytes than `JSONLimits.maximumBytes`.
    case tooLong(byteCount: Int, limit: Int)
    /// Arrays and objects are nested deeper than `JSONLimits.maximumDepth`.
    case tooDeep(limit: Int, offset: Int)
    /// The text stops in the middle of a value.
    case unexpectedEnd(offset: Int)
    /// A byte that cannot stand here; `expected` names what could.
    case unexpectedByte(UInt8, expected: String, offset: Int)
    /// Something other than whitespace follows the value.
    case trailingBytes(offset: Int)
    /// A number that breaks the grammar: a leading zero, a missing digit.
    case invalidNumber(offset: Int)
    /// A number too large for a 64-bit float.
    case numberOutOfRange(offset: Int)
    /// A backslash followed by something that is no escape.
    case invalidEscape(offset: Int)
    /// A control character (below 0x20) inside a string that is not written as an escape.
    case controlCharacter(UInt8, offset: Int)
    /// The string that begins at `offset` is not UTF-8.
    case invalidUTF8(offset: Int)
    /// An object names a key twice and `JSONLimits.duplicateKeys` is `.reject`.
    case duplicateKey(String, offset: Int)

    package var description: String {
        switch self {
        case .tooLong(let byteCount, let limit):
            "The JSON text has \(byteCount) bytes; the limit is \(limit)."
        case .tooDeep(let limit, let offset):
            "The JSON at byte \(offset) is nested deeper than \(limit) levels."
        case .unexpectedEnd(let offset):
            "The JSON ends at byte \(offset) in the middle of a value."
        case .unexpectedByte(let byte, let expected, let offset):
            "The JSON at byte \(offset) has \(Self.shown(byte)) where \(expected) must stand."
        case .trailingBytes(let offset):
            "The JSON value is complete, but more text follows at byte \(offset)."
        case .invalidNumber(let offset):
            "The JSON at byte \(offset) has a number that JSON does not allow."
        case .numberOutOfRange(let offset):
            "The JSON at byte \(offset) has a number too large for a 64-bit float."
        case .invalidEscape(let offset):
            "The JSON string at byte \(offset) has a backslash that starts no known escape."
        case .controlCharacter(let byte, let offset):
            "The JSON string at byte \(offset) holds \(Self.shown(byte)), which must be written as an escape."
        case .invalidUTF8(let offset):
            "The JSON string at byte \(offset) is not valid UTF-8."
        case .duplicateKey(let key, let offset):
            "The JSON object at byte \(offset) has the key \"\(key)\" twice."
        }
    }

    private static func shown(_ byte: UInt8) -> String {
        if byte > 0x20, byte < 0x7F { return "'\(Character(Unicode.Scalar(byte)))'" }
        let hex = String(byte, radix: 16, uppercase: true)
        return "byte 0x" + (hex.count == 1 ? "0" + hex : hex)
    }
}
