/// Checks one JSON value (RFC 8259) byte by byte and tells where it ends.
///
/// Takes constant time a byte and one bit a level; a value nested deeper than the server reads is invalid.
struct JSONScanner: Sendable {
    /// What a byte did.
    enum Step: Equatable {
        /// The value goes on.
        case more
        /// The byte ended the value.
        case done
        /// The value, a number, had ended before the byte, which does not belong to it.
        case doneBefore
        /// No value goes on like that.
        case invalid
    }

    private enum State {
        case value
        /// After `[`: a value or `]`.
        case firstElement
        /// After `{`: a key or `}`.
        case firstKey
        case key
        case colon
        case afterValue
        case string(isKey: Bool)
        case escape(isKey: Bool)
        case unicode(isKey: Bool, remaining: Int)
        /// What is left of `true`, `false` or `null`.
        case word([UInt8])
        case number(Number)
    }

    private enum Number {
        case minus, zero, integer, point, fraction, exponent, exponentSign, exponentDigits

        var isComplete: Bool {
            switch self {
            case .zero, .integer, .fraction, .exponentDigits: true
            case .minus, .point, .exponent, .exponentSign: false
            }
        }

        func next(_ byte: UInt8) -> Number? {
            let isDigit = (0x30...0x39).contains(byte)
            switch (self, byte) {
            case (.minus, 0x30): return .zero
            case (.minus, _),
                (.integer, _) where isDigit:
                return .integer
            case (.zero, 0x2E), (.integer, 0x2E): return .point
            case (.point, _),
                (.fraction, _) where isDigit:
                return .fraction
            case (.zero, 0x65), (.zero, 0x45), (.integer, 0x65), (.integer, 0x45), (.fraction, 0x65), (.fraction, 0x45):
                return .exponent
            case (.exponent, 0x2B), (.exponent, 0x2D): return .exponentSign
            case (.exponent, _), (.exponentSign, _),
                (.exponentDigits, _) where isDigit:
                return .exponentDigits
            default: return nil
            }
        }
    }

    /// Most levels of lists and objects.
    static let depthLimit = 128

    private var state = State.value
    /// Whether each open container is an object.
    private var containers: [Bool] = []

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    mutating func take(_ byte: UInt8) -> Step {
        switch state {
        case .value, .firstElement, .firstKey, .key, .colon, .afterValue:
            return Self.isBlank(byte) ? .more : takeStructure(byte)
        case .string(let isKey):
            return takeString(byte, isKey)
        case .escape(let isKey):
            if byte == UInt8(ascii: "u") {
                state = .unicode(isKey: isKey, remaining: 4)
                return .more
            }
            state = .string(isKey: isKey)
            return "\"\\/bfnrt".utf8.contains(byte) ? .more : .invalid
        case .unicode(let isKey, let remaining):
            state = remaining == 1 ? .string(isKey: isKey) : .unicode(isKey: isKey, remaining: remaining - 1)
            return Self.isHex(byte) ? .more : .invalid
        case .word(let rest):
            if rest.first != byte { return .invalid }
            if rest.count == 1 { return endValue() }
            state = .word(Array(rest.dropFirst()))
            return .more
        case .number(let number):
            if let next = number.next(byte) {
                state = .number(next)
                return .more
            }
            if !number.isComplete { return .invalid }
            if endValue() == .done { return .doneBefore }
            return take(byte)
        }
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    private mutating func takeStructure(_ byte: UInt8) -> Step {
        switch (state, byte) {
        case (.firstElement, UInt8(ascii: "]")), (.firstKey, UInt8(ascii: "}")):
            return close()
        case (.firstKey, UInt8(ascii: "\"")), (.key, UInt8(ascii: "\"")):
            state = .string(isKey: true)
            return .more
        case (.colon, UInt8(ascii: ":")):
            state = .value
            return .more
        case (.afterValue, UInt8(ascii: ",")):
            state = containers.last == true ? .key : .value
            return .more
        case (.afterValue, UInt8(ascii: "}")):
            return containers.last == true ? close() : .invalid
        case (.afterValue, UInt8(ascii: "]")):
            return containers.last == false ? close() : .invalid
        case (.value, _), (.firstElement, _):
            return startValue(byte)
        default:
            return .invalid
        }
    }

    private mutating func startValue(_ byte: UInt8) -> Step {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            if containers.count == Self.depthLimit { return .invalid }
            let isObject = byte == UInt8(ascii: "{")
            containers.append(isObject)
            state = isObject ? .firstKey : .firstElement
        case UInt8(ascii: "\""): state = .string(isKey: false)
        case UInt8(ascii: "t"): state = .word(Array("rue".utf8))
        case UInt8(ascii: "f"): state = .word(Array("alse".utf8))
        case UInt8(ascii: "n"): state = .word(Array("ull".utf8))
        case UInt8(ascii: "-"): state = .number(.minus)
        case 0x30: state = .number(.zero)
        case 0x31...0x39: state = .number(.integer)
        default: return .invalid
        }
        return .more
    }

    private mutating func takeString(_ byte: UInt8, _ isKey: Bool) -> Step {
        switch byte {
        case UInt8(ascii: "\\"): state = .escape(isKey: isKey)
        case UInt8(ascii: "\"") where isKey: state = .colon
        case UInt8(ascii: "\""): return endValue()
        case 0..<0x20: return .invalid
        default: break
        }
        return .more
    }

    private mutating func close() -> Step {
        containers.removeLast()
        return endValue()
    }

    private mutating func endValue() -> Step {
        state = .afterValue
        return containers.isEmpty ? .done : .more
    }
}
