/// A set of Unicode scalars: ranges in order, none touching the next. Never holds surrogates.
struct CharacterRanges: Sendable, Hashable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let none = CharacterRanges([])
    static let all = CharacterRanges([0...0x10FFFF])

    /// Any ranges, in any order.
    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged.flatMap(Self.withoutSurrogates)
    }

    init(_ scalar: UInt32) { self.init([scalar...scalar]) }

    private static func withoutSurrogates(_ range: ClosedRange<UInt32>) -> [ClosedRange<UInt32>] {
        guard range.overlaps(0xD800...0xDFFF) else { return [range] }
        var parts: [ClosedRange<UInt32>] = []
        if range.lowerBound < 0xD800 { parts.append(range.lowerBound...0xD7FF) }
        if range.upperBound > 0xDFFF { parts.append(0xE000...range.upperBound) }
        return parts
    }

    var isEmpty: Bool { ranges.isEmpty }

    func union(_ other: CharacterRanges) -> CharacterRanges { CharacterRanges(ranges + other.ranges) }

    var inverted: CharacterRanges {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { gaps.append(next...0x10FFFF) }
        return CharacterRanges(gaps)
    }

    func subtracting(_ other: CharacterRanges) -> CharacterRanges {
        inverted.union(other).inverted
    }

    func contains(_ scalar: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(scalar)
    }

    /// With every character that simple case folding makes equal to one of the set.
    var caseFolded: CharacterRanges {
        // Of the letters with cases, those in the set and those outside it tell the same: the fewer are looked at.
        let inside = Self.casedValues(in: ranges)
        let outside = Self.casedValues(in: inverted.ranges)
        var added: [ClosedRange<UInt32>] = []
        if inside.reduce(0, { $0 + $1.count }) <= outside.reduce(0, { $0 + $1.count }) {
            for value in inside.joined() {
                let missing = (Self.caseVariants[value] ?? []).filter { !contains($0) }
                added += missing.map { $0...$0 }
            }
        } else {
            for value in outside.joined() where Self.caseVariants[value]?.contains(where: contains) == true {
                added.append(value...value)
            }
        }
        return added.isEmpty ? self : CharacterRanges(ranges + added)
    }

    /// The characters of some ranges that have case variants.
    private static func casedValues(in ranges: [ClosedRange<UInt32>]) -> [ArraySlice<UInt32>] {
        /// How many of all are less than `limit`.
        func count(below limit: UInt32) -> Int {
            var (low, high) = (0, lettersWithCases.count)
            while low < high {
                let middle = (low + high) / 2
                if lettersWithCases[middle] < limit { low = middle + 1 } else { high = middle }
            }
            return low
        }
        return ranges.map { lettersWithCases[count(below: $0.lowerBound)..<count(below: $0.upperBound + 1)] }
    }

    /// Every character that has case variants, in order.
    private static let lettersWithCases: [UInt32] = caseVariants.keys.sorted()

    /// The other characters that are equal to one when case is ignored (ECMA-262, Canonicalize; Unicode's simple case
    /// folding).
    private static let caseVariants: [UInt32: [UInt32]] = {
        var groups: [UInt32: [UInt32]] = [:]
        for value in UInt32(0)...0x1FFFF {
            guard let scalar = Unicode.Scalar(value), scalar.properties.isCased else { continue }
            groups[simpleFolding(scalar), default: []].append(value)
        }
        var variants: [UInt32: [UInt32]] = [:]
        for group in groups.values where group.count > 1 {
            for value in group { variants[value] = group.filter { $0 != value } }
        }
        return variants
    }()

    /// The lower case of the upper case: Unicode's table is made so, but for the letters here.
    private static func simpleFolding(_ scalar: Unicode.Scalar) -> UInt32 {
        func single(_ text: String, else other: Unicode.Scalar) -> Unicode.Scalar {
            text.unicodeScalars.count == 1 ? text.unicodeScalars.first ?? other : other
        }
        // The dotted and the dotless i fold in Turkic languages only.
        if scalar.value == 0x130 || scalar.value == 0x131 { return scalar.value }
        let upper = single(scalar.properties.uppercaseMapping, else: scalar)
        return single(upper.properties.lowercaseMapping, else: upper).value
    }

    // MARK: Named sets

    static let digits = CharacterRanges([0x30...0x39])
    static let word = CharacterRanges([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    /// White space and line ends of ECMA-262.
    static let space = CharacterRanges([
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
        0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    static let lineEnds = CharacterRanges([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029])
}

/// How the characters of a pattern appear as bytes.
package enum CharacterEncoding: Sendable, Hashable {
    /// UTF-8.
    case utf8
    /// UTF-8 within a JSON string, without its quotes: quotes, backslashes and control characters are escaped, by the
    /// short escape where there is one and else with small letters, and nothing else is. So equal texts have equal bytes.
    case jsonString

    /// The byte sequences of a set of characters, each as one range for every byte.
    func sequences(_ set: CharacterRanges) -> [[ClosedRange<UInt8>]] {
        guard self == .jsonString else { return set.ranges.flatMap(Self.utf8Sequences) }
        let special = CharacterRanges([0...0x1F, 0x22...0x22, 0x5C...0x5C])
        var sequences = set.subtracting(special).ranges.flatMap(Self.utf8Sequences)
        for value in special.ranges.joined() where set.contains(value) { sequences += Self.escapes(UInt8(value)) }
        return sequences
    }

    private static func escapes(_ byte: UInt8) -> [[ClosedRange<UInt8>]] {
        func fixed(_ text: String) -> [ClosedRange<UInt8>] { text.utf8.map { $0...$0 } }
        switch byte {
        case 0x22: return [fixed("\\\"")]
        case 0x5C: return [fixed("\\\\")]
        case 0x08: return [fixed("\\b")]
        case 0x0C: return [fixed("\\f")]
        case 0x0A: return [fixed("\\n")]
        case 0x0D: return [fixed("\\r")]
        case 0x09: return [fixed("\\t")]
        default: return [fixed("\\u00" + String(byte >> 4) + String(byte & 15, radix: 16))]
        }
    }

    /// Splits a range of scalars into products of byte ranges (the construction of RE2 and Rust's `utf8-ranges`).
    private static func utf8Sequences(_ range: ClosedRange<UInt32>) -> [[ClosedRange<UInt8>]] {
        var sequences: [[ClosedRange<UInt8>]] = []
        var work = [range]
        while let range = work.popLast() {
            let (low, high) = (range.lowerBound, range.upperBound)
            if let limit = [0x7F, 0x7FF, 0xFFFF].map(UInt32.init).first(where: { low <= $0 && $0 < high }) {
                work += [low...limit, (limit + 1)...high]
                continue
            }
            if high <= 0x7F {
                sequences.append([UInt8(low)...UInt8(high)])
                continue
            }
            // Cut until all bytes below the first that differ run from 80 to BF.
            var cut: (ClosedRange<UInt32>, ClosedRange<UInt32>)?
            for shift in [6, 12, 18] as [UInt32] {
                let mask = (UInt32(1) << shift) - 1
                if low & ~mask == high & ~mask { break }
                if low & mask != 0 {
                    cut = (low...(low | mask), ((low | mask) + 1)...high)
                    break
                }
                if high & mask != mask {
                    cut = (low...((high & ~mask) - 1), (high & ~mask)...high)
                    break
                }
            }
            if let (first, second) = cut {
                work += [first, second]
            } else {
                sequences.append(zip(bytes(low), bytes(high)).map { $0...$1 })
            }
        }
        return sequences
    }

    /// UTF-8 of a scalar beyond ASCII.
    private static func bytes(_ value: UInt32) -> [UInt8] {
        let last = UInt8(0x80 | value & 0x3F)
        if value <= 0x7FF { return [UInt8(0xC0 | value >> 6), last] }
        let middle = UInt8(0x80 | value >> 6 & 0x3F)
        if value <= 0xFFFF { return [UInt8(0xE0 | value >> 12), middle, last] }
        return [UInt8(0xF0 | value >> 18), UInt8(0x80 | value >> 12 & 0x3F), middle, last]
    }
}
