/// Which bytes `PackedMatrix` makes of stored weights. Packs on disk carry both values and are made anew when one of them
/// is another, so a change to a panel's layout needs nothing but the change.
package enum PanelLayout {
    /// Raise it when the same panel bytes get another meaning. Other bytes are noticed by `fingerprint`.
    ///
    /// The layout does not depend on the instruction set. If that changes, the set must become a part of this.
    package static let version: UInt32 = 1

    /// A hash over the panels of fixed weights in every type that can be packed: other bytes, another fingerprint.
    package static let fingerprint: UInt64 = {
        let workers = WorkerPool(threadCount: 1)
        let (outputs, inputs) = (17, 512)
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        var hash = ByteChecksum.seed
        for type in ElementType.allCases {
            guard let byteCount = type.bytes(forElementCount: outputs * inputs) else { continue }
            let bytes = (0..<byteCount).map { _ in
                // Knuth's linear congruential generator (The Art of Computer Programming, volume 2, section 3.3.4).
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 56)
            }
            bytes.withUnsafeBytes {
                let source = PackedMatrix.Source(bytes: $0, elementType: type, outputs: outputs)
                guard let matrix = try? PackedMatrix(packing: [source], inputs: inputs, on: workers) else { return }
                hash = ByteChecksum.of(matrix.panelBytes, seed: hash ^ UInt64(type.rawValue))
            }
        }
        return hash
    }()
}

/// A checksum for bytes that disks and crashes damage, not people: any change inside one 8-byte word changes it.
package enum ByteChecksum {
    /// Where a checksum of nothing stands.
    package static let seed: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The checksum of `bytes`. As fast as memory: eight chains of exclusive or and multiplication by an odd number,
    /// each of which is one-to-one, so a changed word cannot be lost in its chain.
    package static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = Self.seed) -> UInt64 {
        guard let base = bytes.baseAddress else { return mix(seed, 0) }
        let prime: UInt64 = 0x9E37_79B1_85EB_CA87
        var (a, b, c, d) = (seed, seed &+ 1, seed &+ 2, seed &+ 3)
        var (e, f, g, h) = (seed &+ 4, seed &+ 5, seed &+ 6, seed &+ 7)
        var word = base
        for _ in 0..<(bytes.count / 64) {
            a = (a ^ word.loadUnaligned(as: UInt64.self)) &* prime
            b = (b ^ word.loadUnaligned(fromByteOffset: 8, as: UInt64.self)) &* prime
            c = (c ^ word.loadUnaligned(fromByteOffset: 16, as: UInt64.self)) &* prime
            d = (d ^ word.loadUnaligned(fromByteOffset: 24, as: UInt64.self)) &* prime
            e = (e ^ word.loadUnaligned(fromByteOffset: 32, as: UInt64.self)) &* prime
            f = (f ^ word.loadUnaligned(fromByteOffset: 40, as: UInt64.self)) &* prime
            g = (g ^ word.loadUnaligned(fromByteOffset: 48, as: UInt64.self)) &* prime
            h = (h ^ word.loadUnaligned(fromByteOffset: 56, as: UInt64.self)) &* prime
            word += 64
        }
        var hash = mix(seed, UInt64(bytes.count))
        for lane in [a, b, c, d, e, f, g, h] { hash = mix(hash, lane) }
        for index in (bytes.count / 64 * 64)..<bytes.count { hash = mix(hash, UInt64(bytes[index])) }
        return hash
    }

    /// One-to-one in either argument. The finish of SplitMix64 (Steele, Lea & Flood, 2014).
    private static func mix(_ hash: UInt64, _ value: UInt64) -> UInt64 {
        var mixed = (hash &* 0x9E37_79B1_85EB_CA87) ^ value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
