/// A set of Unicode general categories, one bit each.
///
/// Bits follow the order of `scripts/generate-unicode-tables`. Controls that are white space (tab, line feed, U+0085 …)
/// have a bit of their own, so that `\s` and every `\p{…}` is a test of one mask.
struct CategoryMask: OptionSet, Sendable, Hashable {
    var rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    private init(bit: UInt32) { rawValue = 1 << bit }

    static let unassigned = CategoryMask(bit: 0)
    static let uppercase = CategoryMask(bit: 1)
    static let lowercase = CategoryMask(bit: 2)
    static let titlecase = CategoryMask(bit: 3)
    static let modifierLetter = CategoryMask(bit: 4)
    static let otherLetter = CategoryMask(bit: 5)
    static let nonspacingMark = CategoryMask(bit: 6)
    static let spacingMark = CategoryMask(bit: 7)
    static let otherPunctuation = CategoryMask(bit: 18)
    static let otherSymbol = CategoryMask(bit: 22)
    static let whiteControl = CategoryMask(bit: 30)

    /// `\p{L}`
    static let letters = CategoryMask(rawValue: 0b11_1110)
    /// `\p{M}`
    static let marks = CategoryMask(rawValue: 0b111 << 6)
    /// `\p{N}`
    static let numbers = CategoryMask(rawValue: 0b111 << 9)
    /// `\p{P}`
    static let punctuation = CategoryMask(rawValue: 0b111_1111 << 12)
    /// `\p{S}`
    static let symbols = CategoryMask(rawValue: 0b1111 << 19)
    /// `\p{Z}`
    static let separators = CategoryMask(rawValue: 0b111 << 23)
    /// `\s`, the White_Space property.
    static let whitespace: CategoryMask = [separators, whiteControl]
    /// `\p{C}`: control, format, surrogate, private use and unassigned.
    static let other = CategoryMask(rawValue: 1 | 0b1111 << 26 | 1 << 30)
}

/// Properties of scalars from the generated two-stage table. A lookup is two loads from read-only data.
enum UnicodeProperties {
    /// The category of a scalar; a byte that is not UTF-8 (see `UTF8Decoding`) counts as the symbol U+FFFD.
    @inline(__always)
    static func category(of scalar: UInt32) -> CategoryMask {
        scalar < 0x11_0000 ? CategoryMask(rawValue: 1 << UInt32(entry(of: scalar) & 31)) : .otherSymbol
    }

    /// Whether composing may change a text because of this scalar: it is a combining mark, the second half of a
    /// composition, or never stands in composed text.
    @inline(__always)
    static func mayChangeUnderComposition(_ scalar: UInt32) -> Bool {
        scalar >= 0x300 && scalar < 0x11_0000 && entry(of: scalar) & 32 != 0
    }

    /// Whether Unicode 8 had the scalar in one of `categories`.
    ///
    /// Hugging Face's `tokenizers` finds BERT's marks, punctuation and controls in tables of that version, so that younger
    /// ones are letters to every vocabulary made or used with it.
    static func wasInUnicode8(_ scalar: UInt32, _ categories: CategoryMask) -> Bool {
        if let old = categoryChangedSinceUnicode8(scalar) { return !categories.isDisjoint(with: old) }
        if categories.isDisjoint(with: category(of: scalar)) { return false }
        if scalar < 0x300 || scalar >= 0x11_0000 { return true }
        guard let age = Unicode.Scalar(scalar)?.properties.age else { return false }
        return age.major <= 8
    }

    /// What a scalar was in Unicode 8, of those that have become marks, punctuation or controls since, or were it then.
    private static func categoryChangedSinceUnicode8(_ scalar: UInt32) -> CategoryMask? {
        switch scalar {
        case 0x166D, 0x111C9: .otherPunctuation
        case 0x1734, 0x1171E: .nonspacingMark
        case 0x1885, 0x1886: .otherLetter
        case 0xA9BD: .spacingMark
        default: nil
        }
    }

    @inline(__always)
    private static func entry(of scalar: UInt32) -> UInt8 {
        let index = UnicodePropertyData.blockIndex.utf8Start + Int(scalar >> 7) * 2
        let block = Int(index[0] - 0x30) << 6 | Int(index[1] - 0x30)
        return UnicodePropertyData.blocks.utf8Start[block << 7 | Int(scalar & 127)] - 0x30
    }
}

/// UTF-8 in and out, where a byte that belongs to no character stands for itself.
///
/// Such a byte is the value `0x110000 + byte`, which is no scalar: texts keep their bytes whatever is done to them.
enum UTF8Decoding {
    /// The scalar that starts at `position` and its length in bytes.
    @inline(__always)
    static func scalar(_ text: UnsafeBufferPointer<UInt8>, at position: Int, end: Int) -> (value: UInt32, length: Int) {
        let first = text[position]
        return first < 0x80 ? (UInt32(first), 1) : longScalar(text, at: position, end: end)
    }

    /// Table 3-7 of the Unicode standard: the well-formed sequences of two to four bytes.
    private static func longScalar(_ text: UnsafeBufferPointer<UInt8>, at position: Int, end: Int) -> (UInt32, Int) {
        let first = text[position]
        let invalid = (0x11_0000 + UInt32(first), 1)
        let length: Int
        var value: UInt32
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        switch first {
        case 0xC2...0xDF: (length, value) = (2, UInt32(first & 0x1F))
        case 0xE0...0xEF:
            (length, value) = (3, UInt32(first & 0x0F))
            if first == 0xE0 { lowest = 0xA0 }
            if first == 0xED { highest = 0x9F }
        case 0xF0...0xF4:
            (length, value) = (4, UInt32(first & 0x07))
            if first == 0xF0 { lowest = 0x90 }
            if first == 0xF4 { highest = 0x8F }
        default: return invalid
        }
        guard position + length <= end else { return invalid }
        let second = text[position + 1]
        guard second >= lowest, second <= highest else { return invalid }
        value = value << 6 | UInt32(second & 0x3F)
        for offset in 2..<max(length, 2) {
            let byte = text[position + offset]
            guard byte & 0xC0 == 0x80 else { return invalid }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        return (value, length)
    }

    /// Appends a scalar, or the byte that a value from 0x110000 stands for.
    @inline(__always)
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: bytes.append(UInt8(scalar))
        case 0x80..<0x800:
            bytes.append(UInt8(0xC0 | scalar >> 6))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        case 0x800..<0x1_0000:
            bytes.append(UInt8(0xE0 | scalar >> 12))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        case 0x1_0000..<0x11_0000:
            bytes.append(UInt8(0xF0 | scalar >> 18))
            bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        default: bytes.append(UInt8(truncatingIfNeeded: scalar - 0x11_0000))
        }
    }

    /// All scalars of a text.
    static func scalars(_ text: [UInt8]) -> [UInt32] {
        text.withUnsafeBufferPointer { buffer in
            var scalars: [UInt32] = []
            scalars.reserveCapacity(buffer.count)
            var position = 0
            while position < buffer.count {
                let (value, length) = scalar(buffer, at: position, end: buffer.count)
                scalars.append(value)
                position += length
            }
            return scalars
        }
    }

    /// The bytes of scalars.
    static func bytes(_ scalars: some Sequence<UInt32>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(scalars.underestimatedCount)
        for scalar in scalars { append(scalar, to: &bytes) }
        return bytes
    }

    /// How many bytes at the end of `bytes` are the beginning of a character that more bytes could complete: 0…3.
    static func incompleteSuffixCount(_ bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let first = bytes[bytes.count - count]
            if first & 0xC0 == 0x80 { continue }
            return isBeginning(bytes.suffix(count)) ? count : 0
        }
        return 0
    }

    /// Whether the bytes are a proper prefix of some well-formed character.
    private static func isBeginning(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, bytes.count <= 3 else { return false }
        let needed: Int =
            switch first {
            case 0xC2...0xDF: 2
            case 0xE0...0xEF: 3
            case 0xF0...0xF4: 4
            default: 0
            }
        guard bytes.count < needed else { return false }
        guard let second = bytes.dropFirst().first else { return true }
        return switch first {
        case 0xE0: second >= 0xA0
        case 0xED: second <= 0x9F
        case 0xF0: second >= 0x90
        case 0xF4: second <= 0x8F
        default: true
        }
    }
}
