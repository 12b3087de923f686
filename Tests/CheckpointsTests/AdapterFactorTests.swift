import Tensors
import Testing

@testable import Checkpoints

@Suite struct AdapterFactorTests {
    /// A file that is one tensor, at an address that floats are not aligned to.
    ///
    /// Unchecked: written in `init` only.
    private final class OneTensor: AdapterFile, @unchecked Sendable {
        private let memory: UnsafeRawBufferPointer

        init(_ bytes: [UInt8]) {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count + 1, alignment: 16)
            UnsafeMutableRawBufferPointer(rebasing: memory[1...]).copyBytes(from: bytes)
            self.memory = UnsafeRawBufferPointer(memory)
        }

        deinit { memory.deallocate() }

        func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[1...]) }
    }

    private func factor(_ type: ElementType, _ bytes: [UInt8], count: Int) -> AdapterFactor? {
        AdapterFactor(
            TensorEntry(
                name: "blk.0.attn_q.lora_a",
                elementType: type,
                shape: [count],
                byteCount: bytes.count,
                fileIndex: 0,
                fileOffset: 0
            ),
            in: OneTensor(bytes)
        )
    }

    private func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    /// Types with the bits of their largest number, infinity, a number that is none, and both with a sign.
    @Test(arguments: [
        (ElementType.f16, 2, 0x7BFF as UInt32, [0x7C00, 0x7E01, 0xFC00, 0xFFFF] as [UInt32]),
        (.bf16, 2, 0x7F7F, [0x7F80, 0x7FC1, 0xFF80, 0xFFFF]),
        (.f32, 4, 0x7F7F_FFFF, [0x7F80_0000, 0x7FC0_0001, 0xFF80_0000, 0xFFFF_FFFF]),
    ])
    func `one number that is not finite is found, wherever it stands`(
        type: ElementType,
        width: Int,
        largest: UInt32,
        infinite: [UInt32]
    ) throws {
        let count = 67
        func stored(_ words: [UInt32]) -> [UInt8] { width == 2 ? bytes(words.map(UInt16.init)) : bytes(words) }
        let sign: UInt32 = width == 2 ? 0x8000 : 0x8000_0000
        let finite = (0..<count).map { [0, largest, largest | sign, 1][$0 % 4] }
        #expect(try #require(factor(type, stored(finite), count: count)).isFinite)
        for place in [0, 1, 33, count - 1] {
            for word in infinite {
                var words = finite
                words[place] = word
                #expect(try !#require(factor(type, stored(words), count: count)).isFinite, "\(type) \(place)")
            }
        }
    }

    @Test func `a block with a scale that is not finite is found`() throws {
        let block = bytes([0x3C00 as UInt16]) + [UInt8](repeating: 1, count: 32)
        let blocks = (0..<100).flatMap { _ in block }
        #expect(try #require(factor(.q8_0, blocks, count: 3200)).isFinite)
        var spoiled = blocks
        spoiled.replaceSubrange(70 * 34..<70 * 34 + 2, with: bytes([0x7C00 as UInt16]))
        #expect(try !#require(factor(.q8_0, spoiled, count: 3200)).isFinite)
    }

    @Test func `a buffer holds what was read last, however long it was before`() throws {
        var buffer: [Float] = []
        for count in [3, 40, 1, 40] {
            let halves = (0..<count).map { Float16($0 + count).bitPattern }
            let stored = try #require(factor(.f16, bytes(halves), count: count))
            stored.read(into: &buffer)
            #expect(buffer == (0..<count).map { Float($0 + count) } && stored.values == buffer)
        }
    }

    @Test func `blocks, and floats that are not aligned, are read before they are packed`() throws {
        let halves = (0..<32).map { Float16($0).bitPattern }
        let block = bytes([0x3C00 as UInt16]) + (0..<32).map { UInt8($0) }
        for stored in [factor(.f16, bytes(halves), count: 32), factor(.q8_0, block, count: 32)] {
            var buffer: [Float] = []
            let sum = try #require(stored).withStored(&buffer) { _ in 1 }
            #expect(sum == 1 && buffer == (0..<32).map(Float.init))
        }
    }

    @Test func `what holds no numbers, or too few bytes of them, is no factor`() {
        #expect(factor(.i32, [UInt8](repeating: 0, count: 16), count: 4) == nil)
        #expect(factor(.f32, [UInt8](repeating: 0, count: 12), count: 4) == nil)
    }
}
