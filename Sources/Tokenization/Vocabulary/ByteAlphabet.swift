/// GPT-2's way to write any byte as a visible character, so that a vocabulary of bytes can be a list of strings.
///
/// Printable Latin-1 characters stand for themselves; the other 68 bytes, in order, are U+0100 and on: `Ġ` is a space.
/// Source: Radford et al., *Language Models are Unsupervised Multitask Learners* (2019), `bytes_to_unicode`.
enum ByteAlphabet {
    /// The scalar of each byte.
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (0..<256).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return UInt32(byte)
            default:
                defer { next += 1 }
                return next
            }
        }
    }()

    /// The byte of each scalar below U+0144, or -1.
    private static let byteOfScalar: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar)] = Int16(byte) }
        return table
    }()

    /// The bytes that a piece written in the alphabet stands for, or nil when some character is not of it.
    static func bytes(of piece: some Collection<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(piece.count)
        var lead: UInt8 = 0
        for byte in piece {
            let scalar: UInt32
            if lead != 0 {
                guard byte & 0xC0 == 0x80 else { return nil }
                scalar = UInt32(lead & 0x1F) << 6 | UInt32(byte & 0x3F)
                lead = 0
            } else if byte < 0x80 {
                scalar = UInt32(byte)
            } else if byte >= 0xC2, byte <= 0xC5 {
                lead = byte
                continue
            } else {
                return nil
            }
            guard scalar < 0x144, byteOfScalar[Int(scalar)] >= 0 else { return nil }
            result.append(UInt8(byteOfScalar[Int(scalar)]))
        }
        return lead == 0 ? result : nil
    }

    /// Bytes written in the alphabet.
    static func piece(of bytes: some Sequence<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes { UTF8Decoding.append(scalars[Int(byte)], to: &result) }
        return result
    }
}
