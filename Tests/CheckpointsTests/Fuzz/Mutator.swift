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

/// Damages a file, more often where its fields begin than elsewhere.
struct Mutator {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(state: seed) }

    /// One or two changes of `bytes`. `fields` are offsets worth aiming at.
    mutating func mutate(_ bytes: [UInt8], fields: [Int]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...2, using: &random) where !bytes.isEmpty { change(&bytes, fields) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], _ fields: [Int]) {
        let anywhere = Int.random(in: 0..<bytes.count, using: &random)
        let place =
            Bool.random(using: &random)
            ? min(fields.randomElement(using: &random) ?? anywhere, bytes.count - 1) : anywhere
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 2: overwrite(&bytes, at: place, with: awkwardNumber(), count: 8)
        case 3: overwrite(&bytes, at: place, with: awkwardNumber(), count: 4)
        case 4: overwrite(&bytes, at: place, with: UInt64.random(in: 0..<48, using: &random), count: 4)
        case 5: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...16, using: &random)))
        case 6: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 16)], at: anywhere)
        default: bytes.removeSubrange(place...)
        }
    }

    /// A number at an edge of what lengths, counts and offsets may be.
    private mutating func awkwardNumber() -> UInt64 {
        let edge = UInt64(1) << UInt64.random(in: 0..<64, using: &random)
        return edge &+ UInt64.random(in: 0..<5, using: &random) &- 2
    }

    private func overwrite(_ bytes: inout [UInt8], at place: Int, with value: UInt64, count: Int) {
        for index in 0..<count where place + index < bytes.count {
            bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        }
    }
}
