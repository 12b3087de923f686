import Testing

@testable import Inference

@Suite struct ContentChecksumTests {
    @Test(
        arguments: [
            ("", 0, 0xEF46_DB37_51D8_E999),
            ("a", 0, 0xD24E_C4F1_A98C_6E5B),
            ("abc", 0, 0x44BC_2CF5_AD77_0999),
            ("Nobody inspects the spammish repetition", 0, 0xFBCE_A83C_8A37_8BF1),
        ] as [(String, UInt64, UInt64)]
    )
    func `the checksum is XXH64`(text: String, seed: UInt64, expected: UInt64) {
        #expect(ContentChecksum.of(text, seed: seed) == expected)
    }

    @Test(arguments: [1, 7, 8, 31, 32, 33, 63, 64, 100])
    func `every bit counts, and so does the length`(count: Int) {
        var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        var seen: Set<UInt64> = [bytes.withUnsafeBytes { ContentChecksum.of($0) }]
        for bit in 0..<count * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8)
            seen.insert(bytes.withUnsafeBytes { ContentChecksum.of($0) })
            bytes[bit / 8] ^= 1 << (bit % 8)
        }
        seen.insert((bytes + [0]).withUnsafeBytes { ContentChecksum.of($0) })
        #expect(seen.count == count * 8 + 2)
    }

    @Test func `runs are told apart by where they end`() {
        let bytes = Array(UInt8(0)..<64)
        let sums = [16, 32, 48].map { split in
            bytes.withUnsafeBytes { whole in
                ContentChecksum.of(runs: [
                    UnsafeRawBufferPointer(rebasing: whole[..<split]),
                    UnsafeRawBufferPointer(rebasing: whole[split...]),
                ])
            }
        }
        #expect(Set(sums).count == 3)
    }
}
