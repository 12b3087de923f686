/// Unicode normalisation forms and lower case on arrays of scalars (Unicode Standard Annex 15).
///
/// Foundation's would do the same but links ICU; these tables are of the same Unicode version as the categories.
/// The tables are unpacked at first use (a few thousand entries), not at start.
enum UnicodeNormalization {
    enum Form: Sendable, Equatable {
        case composed
        case decomposed
        case compatibilityComposed
        case compatibilityDecomposed
    }

    /// The text in a normalisation form. Text that is composed already is returned as it is.
    static func normalize(_ text: [UInt8], to form: Form) -> [UInt8] {
        if form == .composed, isComposed(text) { return text }
        if !text.contains(where: { $0 >= 0x80 }) { return text }
        let compatible = form == .compatibilityComposed || form == .compatibilityDecomposed
        var scalars = decompose(UTF8Decoding.scalars(text), compatible: compatible)
        if form == .composed || form == .compatibilityComposed { compose(&scalars) }
        return UTF8Decoding.bytes(scalars)
    }

    /// The canonical or compatibility decomposition, marks in canonical order.
    static func decompose(_ scalars: [UInt32], compatible: Bool) -> [UInt32] {
        let canonical = MappingTables.canonical
        var result: [UInt32] = []
        result.reserveCapacity(scalars.count)
        for scalar in scalars {
            if scalar < 0xA0 {
                result.append(scalar)
            } else if (0xAC00..<0xD7A4).contains(scalar) {
                appendHangul(scalar - 0xAC00, to: &result)
            } else if compatible, let mapped = MappingTables.compatibility[scalar] {
                result.append(contentsOf: mapped)
            } else if let mapped = canonical[scalar] {
                result.append(contentsOf: mapped)
            } else {
                result.append(scalar)
            }
        }
        orderMarks(&result)
        return result
    }

    /// Lower case of every scalar by itself, without context.
    static func lowercase(_ text: [UInt8]) -> [UInt8] {
        if !text.contains(where: { $0 >= 0x80 }) {
            return text.map { $0 >= 0x41 && $0 <= 0x5A ? $0 + 32 : $0 }
        }
        let table = MappingTables.lowercase
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in UTF8Decoding.scalars(text) {
            if let mapped = table[scalar] {
                for part in mapped { UTF8Decoding.append(part, to: &result) }
            } else {
                UTF8Decoding.append(scalar, to: &result)
            }
        }
        return result
    }

    private static func isComposed(_ text: [UInt8]) -> Bool {
        text.withUnsafeBufferPointer { buffer in
            var position = 0
            while position < buffer.count {
                if buffer[position] < 0xCC {  // below U+0300
                    position += 1
                    continue
                }
                let (value, length) = UTF8Decoding.scalar(buffer, at: position, end: buffer.count)
                if UnicodeProperties.mayChangeUnderComposition(value) { return false }
                position += length
            }
            return true
        }
    }

    private static func appendHangul(_ index: UInt32, to result: inout [UInt32]) {
        result.append(0x1100 + index / 588)
        result.append(0x1161 + index % 588 / 28)
        if index % 28 != 0 { result.append(0x11A7 + index % 28) }
    }

    /// Puts each run of marks in the order of their classes, keeping the order within a class.
    private static func orderMarks(_ scalars: inout [UInt32]) {
        let classes = MappingTables.combiningClasses
        var position = 0
        while position < scalars.count {
            guard scalars[position] >= 0x300, classes[scalars[position]] != nil else {
                position += 1
                continue
            }
            var end = position
            var keys: [UInt64] = []  // class, position in the run: a sort of these is stable
            while end < scalars.count, let markClass = classes[scalars[end]] {
                keys.append(UInt64(markClass) << 32 | UInt64(end - position))
                end += 1
            }
            if keys.count > 1 {
                let run = Array(scalars[position..<end])
                keys.sort()
                for (offset, key) in keys.enumerated() {
                    scalars[position + offset] = run[Int(key & 0xFFFF_FFFF)]
                }
            }
            position = end
        }
    }

    private static func compose(_ scalars: inout [UInt32]) {
        guard !scalars.isEmpty else { return }
        let classes = MappingTables.combiningClasses
        let pairs = MappingTables.compositions
        var starter = -1
        var written = 0
        var lastClass = 0
        for scalar in scalars {
            let markClass = scalar < 0x300 ? 0 : Int(classes[scalar] ?? 0)
            let blocked = lastClass != 0 && lastClass >= markClass
            let adjacent = starter == written - 1
            if starter >= 0, adjacent || (!blocked && lastClass != 0),
                let composed = composite(scalars[starter], scalar, pairs)
            {
                scalars[starter] = composed
                continue
            }
            if markClass == 0 { starter = written }
            lastClass = markClass
            scalars[written] = scalar
            written += 1
        }
        scalars.removeSubrange(written...)
    }

    private static func composite(_ first: UInt32, _ second: UInt32, _ pairs: [UInt64: UInt32]) -> UInt32? {
        if (0x1100..<0x1113).contains(first), (0x1161..<0x1176).contains(second) {
            return 0xAC00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28
        }
        if (0xAC00..<0xD7A4).contains(first), (first - 0xAC00) % 28 == 0, (0x11A8..<0x11C3).contains(second) {
            return first + second - 0x11A7
        }
        return pairs[UInt64(first) << 32 | UInt64(second)]
    }
}

/// The generated records of `UnicodeMappingData`, unpacked once at first use.
private enum MappingTables {
    static let canonical = mappings(UnicodeMappingData.canonicalDecompositions)
    static let compatibility = mappings(UnicodeMappingData.compatibilityDecompositions)
    static let lowercase = mappings(UnicodeMappingData.lowercase)

    static let compositions: [UInt64: UInt32] = {
        var reader = DigitReader(UnicodeMappingData.compositions)
        var pairs: [UInt64: UInt32] = [:]
        while !reader.isAtEnd {
            let pair = UInt64(reader.next(3)) << 32 | UInt64(reader.next(3))
            pairs[pair] = reader.next(3)
        }
        return pairs
    }()

    static let combiningClasses: [UInt32: UInt8] = {
        var reader = DigitReader(UnicodeMappingData.combiningClasses)
        var classes: [UInt32: UInt8] = [:]
        while !reader.isAtEnd {
            let first = reader.next(3)
            let count = reader.next(2)
            let value = UInt8(reader.next(2))
            for scalar in first..<(first + count) { classes[scalar] = value }
        }
        return classes
    }()

    private static func mappings(_ data: StaticString) -> [UInt32: [UInt32]] {
        var reader = DigitReader(data)
        var table: [UInt32: [UInt32]] = [:]
        while !reader.isAtEnd {
            let scalar = reader.next(3)
            let count = reader.next(1)
            table[scalar] = (0..<count).map { _ in reader.next(3) }
        }
        return table
    }
}

/// Reads numbers written as six-bit digits from `0` upward.
private struct DigitReader {
    private let data: StaticString
    private var position = 0

    init(_ data: StaticString) { self.data = data }

    var isAtEnd: Bool { position >= data.utf8CodeUnitCount }

    mutating func next(_ count: Int) -> UInt32 {
        precondition(position + count <= data.utf8CodeUnitCount, "the generated table ends within a record")
        var value: UInt32 = 0
        for _ in 0..<count {
            value = value << 6 | UInt32(data.utf8Start[position] - 0x30)
            position += 1
        }
        return value
    }
}
