import Testing

@testable import Tensors

@Suite struct KVStoreTests {
    @Test func `a token takes what its keys and values take in every layer`() {
        let shape = CacheShape(layerCount: 16, kvHeadCount: 8, headWidth: 64)
        #expect(shape.bytesPerToken == 16 * 8 * 64 * 2 * 2)
        #expect(
            CacheShape(layerCount: 1, kvHeadCount: 1, headWidth: 8, elementType: .f32).bytesPerToken == (8 + 16) * 4
        )
    }

    @Test func `a block holds its tokens' share of a layer and blocks do not overlap`() {
        let cache = KVStore(CacheShape(layerCount: 2, kvHeadCount: 2, headWidth: 64), blockCount: 3)
        #expect(cache.blockBytes == 32 * cache.shape.bytesPerToken / 2)
        for layer in 0..<2 {
            for block in 0..<3 {
                let bytes = cache.block(block, layer: layer)
                bytes.initializeMemory(as: UInt8.self, repeating: UInt8(3 * layer + block))
            }
        }
        for layer in 0..<2 {
            for block in 0..<3 {
                #expect(Set(cache.block(block, layer: layer)) == [UInt8(3 * layer + block)])
            }
        }
    }

    @Test func `a cache far larger than the memory can be reserved`() {
        let cache = KVStore(CacheShape(layerCount: 4, kvHeadCount: 8, headWidth: 128), blockCount: 1 << 18)
        #expect(cache.blockBytes * cache.blockCount * 4 == 128 << 30)
        #expect(Set(cache.block(cache.blockCount - 1, layer: 3)) == [0])
    }

    @Test(arguments: InstructionSet.available)
    func `keys are kept as columns and values as rows, rounded to nearest even`(set: InstructionSet) {
        let shape = CacheShape(layerCount: 1, kvHeadCount: 2, headWidth: 3)
        let cache = KVStore(shape, blockCount: 2, blockSize: 4)
        let specials: [Float] = [
            0, -0.0, 1, -1.000_488_3, 1.000_488_3, 1.001_464_8, 6.1e-5, 5.96e-8, 2.9e-8, 3e-8, -1e-10, 65504, 65519,
            1e9,
            -1e9, .infinity, -.infinity, .nan, 0.1, 2047.5, 6.103e-5, 1.17e-7, 8.94e-8, -3.3,
        ]
        var random = SeededGenerator(state: 4)
        let keys = (0..<30).map { $0 < specials.count ? specials[$0] : random.float() }
        let values = keys.reversed().map { $0 }
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 1))
        let row = AttentionRow(firstToken: 0, tokenCount: 5, firstPosition: 1, blockTable: [1, 0])
        keys.withUnsafeBufferPointer { keys in
            values.withUnsafeBufferPointer { values in
                guard let keys = keys.baseAddress, let values = values.baseAddress else { return }
                let columns = KeyValueColumns(keys: keys, values: values, stride: 6)
                cache.write(layer: 0, rows: [row], columns, compute: compute)
            }
        }
        let headHalves = 64 / 2 + 4 * 16
        for token in 0..<5 {
            let (block, slot) = token < 3 ? (1, token + 1) : (0, token - 3)
            let halves = cache.block(block, layer: 0).bindMemory(to: UInt16.self)
            for head in 0..<2 {
                for d in 0..<3 {
                    let key = halves[head * headHalves + 4 * d + slot]
                    let value = halves[head * headHalves + 32 + 16 * slot + d]
                    expectHalf(key, of: keys[token * 6 + 3 * head + d])
                    expectHalf(value, of: values[token * 6 + 3 * head + d])
                }
            }
        }
    }

    private func expectHalf(_ bits: UInt16, of x: Float) {
        let stored = Float16(bitPattern: bits)
        if x.isNaN {
            #expect(stored.isNaN)
        } else if x.isFinite, abs(x) > 65504 {
            #expect(stored == (x < 0 ? -65504 : 65504))
        } else {
            #expect(bits == Float16(x).bitPattern, "\(x) became \(stored)")
        }
    }
}
