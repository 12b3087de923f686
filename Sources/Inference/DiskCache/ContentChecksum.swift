/// The checksum of what is kept on disk: XXH64, which finds damage, not forgery, at the speed of memory.
///
/// Source: Yann Collet, *xxHash fast digest algorithm*, specification 0.1.1, section "XXH64 algorithm description".
package enum ContentChecksum {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The checksum of `bytes`. Equal on every machine: words are read as little-endian.
    package static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var offset = 0
        var state: UInt64
        if bytes.count >= 32 {
            state = stripes(bytes, seed: seed, offset: &offset)
        } else {
            state = seed &+ prime5
        }
        state = state &+ UInt64(bytes.count)
        while offset + 8 <= bytes.count {
            state ^= round(0, word(bytes, offset))
            state = rotate(state, 27) &* prime1 &+ prime4
            offset += 8
        }
        if offset + 4 <= bytes.count {
            let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            state ^= UInt64(half) &* prime1
            state = rotate(state, 23) &* prime2 &+ prime3
            offset += 4
        }
        while offset < bytes.count {
            state ^= UInt64(bytes[offset]) &* prime5
            state = rotate(state, 11) &* prime1
            offset += 1
        }
        return avalanche(state)
    }

    /// The checksum of `text`'s UTF-8.
    package static func of(_ text: String, seed: UInt64 = 0) -> UInt64 {
        Array(text.utf8).withUnsafeBytes { of($0, seed: seed) }
    }

    /// The checksum of several runs of bytes, each seeded with the one before: where one run ends matters.
    package static func of(runs: some Sequence<UnsafeRawBufferPointer>, seed: UInt64 = 0) -> UInt64 {
        runs.reduce(seed) { of($1, seed: $0) }
    }

    /// Four lanes over the whole stripes of 32 bytes.
    private static func stripes(_ bytes: UnsafeRawBufferPointer, seed: UInt64, offset: inout Int) -> UInt64 {
        var (first, second) = (seed &+ prime1 &+ prime2, seed &+ prime2)
        var (third, fourth) = (seed, seed &- prime1)
        var position = 0
        let end = bytes.count & ~31
        while position < end {
            first = round(first, word(bytes, position))
            second = round(second, word(bytes, position + 8))
            third = round(third, word(bytes, position + 16))
            fourth = round(fourth, word(bytes, position + 24))
            position += 32
        }
        offset = position
        var state = rotate(first, 1) &+ rotate(second, 7) &+ rotate(third, 12) &+ rotate(fourth, 18)
        for lane in [first, second, third, fourth] { state = (state ^ round(0, lane)) &* prime1 &+ prime4 }
        return state
    }

    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        rotate(lane &+ input &* prime2, 31) &* prime1
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }

    private static func avalanche(_ state: UInt64) -> UInt64 {
        var state = state
        state = (state ^ (state >> 33)) &* prime2
        state = (state ^ (state >> 29)) &* prime3
        return state ^ (state >> 32)
    }
}
