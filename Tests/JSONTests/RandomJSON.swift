import JSON

/// A seeded source of random numbers (SplitMix64: Steele, Lea & Flood, *Fast Splittable Pseudorandom Number
/// Generators*, 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension JSONValue {
    /// A random value of at most `depth` levels below the first, with short strings from an awkward alphabet.
    static func random(depth: Int, using random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .integer(Int64(bitPattern: random.next()))
        case 3: return .number(Double(Int.random(in: -1000...1000, using: &random)) / 8)
        case 4, 5: return .string(text(using: &random))
        case 6:
            return .array(
                (0..<Int.random(in: 0..<5, using: &random)).map { _ in .random(depth: depth - 1, using: &random) }
            )
        default:
            let count = Int.random(in: 0..<(random.next() % 8 == 0 ? 40 : 5), using: &random)
            return .object(
                JSONObject((0..<count).map { _ in (text(using: &random), .random(depth: depth - 1, using: &random)) })
            )
        }
    }

    private static func text(using random: inout SeededGenerator) -> String {
        let alphabet: [Unicode.Scalar] = ["a", "\"", "\\", "/", "\n", "\0", "\u{1F}", "é", "\u{301}", "😀", "\u{2028}"]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<6, using: &random) {
            text.append(alphabet.randomElement(using: &random) ?? "a")
        }
        return String(text)
    }
}
