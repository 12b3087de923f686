import Foundation
import Testing

@testable import Tensors

@Suite struct DequantizationTests {
    @Test(arguments: DequantizeFixture.cases.indices)
    func `blocks decode to the reference decoder's bits`(index: Int) throws {
        let fixture = DequantizeFixture.cases[index]
        let type = try #require(ElementType.allCases.first { "\($0)" == fixture.type })
        let blocks = try #require(Data(base64Encoded: fixture.blocks, options: .ignoreUnknownCharacters))
        let count = blocks.count / type.blockBytes * type.blockSize
        var values = [Float](repeating: 0, count: count)
        let isDone = blocks.withUnsafeBytes { bytes in
            values.withUnsafeMutableBufferPointer { dequantize(bytes, as: type, into: $0) }
        }
        #expect(isDone)
        #expect(values.prefix(8).map(\.bitPattern) == fixture.head)
        #expect(bitChecksum(values) == fixture.checksum)
    }

    @Test func `every half becomes its float32`() {
        let halves = (0...UInt16.max).map { $0 }
        let values = decode(halves.withUnsafeBytes { Array($0) }, as: .f16, count: halves.count)
        for (half, value) in zip(halves, values) {
            let expected = Float(Float16(bitPattern: half))
            #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN))
        }
    }

    @Test func `bfloat16 and float32 keep their bits`() {
        let words: [UInt16] = [0, 0x8000, 0x3f80, 0x7f80, 0xff80, 0x0001, 0xc2f7]
        let values = decode(words.withUnsafeBytes { Array($0) }, as: .bf16, count: words.count)
        #expect(values.map(\.bitPattern) == words.map { UInt32($0) << 16 })
        let floats: [Float] = [1.5, -0.0, .infinity, .leastNonzeroMagnitude]
        #expect(
            decode(floats.withUnsafeBytes { Array($0) }, as: .f32, count: 4).map(\.bitPattern)
                == floats.map(\.bitPattern)
        )
    }

    @Test func `a wrong byte count and integer types are refused`() {
        var values = [Float](repeating: 0, count: 32)
        let bytes = [UInt8](repeating: 0, count: 64)
        values.withUnsafeMutableBufferPointer { target in
            bytes.withUnsafeBytes { source in
                #expect(!dequantize(UnsafeRawBufferPointer(rebasing: source[..<17]), as: .q4_0, into: target))
                #expect(!dequantize(UnsafeRawBufferPointer(rebasing: source[..<32]), as: .i8, into: target))
                #expect(!dequantize(source, as: .i16, into: target))
            }
        }
    }

    private func decode(_ bytes: [UInt8], as type: ElementType, count: Int) -> [Float] {
        var values = [Float](repeating: .nan, count: count)
        let isDone = bytes.withUnsafeBytes { source in
            values.withUnsafeMutableBufferPointer { dequantize(source, as: type, into: $0) }
        }
        #expect(isDone)
        return values
    }
}

/// FNV-1a over the bits of floats, a word at a time.
func bitChecksum(_ values: [Float]) -> UInt64 {
    values.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01b3 }
}
