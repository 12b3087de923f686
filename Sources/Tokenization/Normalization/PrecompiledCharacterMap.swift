/// SentencePiece's compiled normalisation rules: a double array of prefixes and their replacements.
///
/// Layout: 4 bytes little-endian, the size in bytes of the array; the array of 32-bit units; the replacements, each
/// ended by a zero byte. A unit has its label in bits 0–7, "has a value" in bit 8, a wide offset in bit 9, the offset
/// from bit 10; a value unit has bit 31 set and its value below. Source: Yata, *Darts-clone*, the format that
/// SentencePiece stores in `precompiled_charsmap`.
struct PrecompiledCharacterMap: Sendable, Equatable {
    private let units: [UInt32]
    private let replacements: [UInt8]

    init(_ data: [UInt8]) throws(TokenizerError) {
        let field = "precompiled_charsmap"
        guard data.count >= 4 else { throw .invalid(field: field, reason: "it has \(data.count) bytes") }
        let size = Int(data[0]) | Int(data[1]) << 8 | Int(data[2]) << 16 | Int(data[3]) << 24
        guard size % 4 == 0, size >= 4, size <= data.count - 4 else {
            throw .invalid(field: field, reason: "its table of \(size) bytes does not fit into \(data.count) bytes")
        }
        units = stride(from: 4, to: 4 + size, by: 4).map { offset in
            UInt32(data[offset]) | UInt32(data[offset + 1]) << 8 | UInt32(data[offset + 2]) << 16
                | UInt32(data[offset + 3]) << 24
        }
        replacements = Array(data[(4 + size)...])
    }

    /// The text with every longest prefix that the map knows replaced; bytes that are not UTF-8 become U+FFFD.
    func apply(_ text: [UInt8]) -> [UInt8] {
        text.withUnsafeBufferPointer { text in
            var result: [UInt8] = []
            result.reserveCapacity(text.count + text.count / 4)
            var position = 0
            while position < text.count {
                if let (length, value) = longestPrefix(text, at: position) {
                    appendReplacement(value, to: &result)
                    position += length
                    continue
                }
                let (scalar, length) = UTF8Decoding.scalar(text, at: position, end: text.count)
                UTF8Decoding.append(scalar < 0x11_0000 ? scalar : 0xFFFD, to: &result)
                position += length
            }
            return result
        }
    }

    private func longestPrefix(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> (length: Int, value: Int)? {
        var found: (Int, Int)?
        var node = offset(units[0])
        for position in start..<text.count {
            let byte = UInt32(text[position])
            node ^= byte
            guard byte != 0, Int(node) < units.count else { break }
            let unit = units[Int(node)]
            guard unit & (1 << 31 | 0xFF) == byte else { break }
            node ^= offset(unit)
            guard unit >> 8 & 1 != 0 else { continue }
            guard Int(node) < units.count else { break }
            found = (position - start + 1, Int(units[Int(node)] & 0x7FFF_FFFF))
        }
        return found
    }

    @inline(__always)
    private func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & 1 << 9) >> 6) }

    private func appendReplacement(_ start: Int, to result: inout [UInt8]) {
        var position = start
        while position < replacements.count, replacements[position] != 0 {
            result.append(replacements[position])
            position += 1
        }
    }
}
