import Testing

@testable import Tensors

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct KVStoreTests {
    @Test(arguments: [1, 16, 30])
    func `no two layers want a new huge page for the same block`(layerCount: Int) {
        let shape = CacheShape(layerCount: layerCount, kvHeadCount: 2, headWidth: 32)
        let store = KVStore(shape, blockCount: 3)
        let places = (0..<layerCount).map { layer in
            Int(bitPattern: store.block(0, layer: layer).baseAddress) % HugePages.byteCount
        }
        let distance = HugePages.byteCount / layerCount
        #expect(zip(places, places.dropFirst()).allSatisfy { (distance - 64...distance).contains($1 - $0) })
        for layer in 0..<layerCount {
            let last = store.block(2, layer: layer)
            last.storeBytes(of: 7, toByteOffset: last.count - 1, as: UInt8.self)
            #expect(last[last.count - 1] == 7 && last[0] == 0)
        }
    }

    @Test func `a token takes what its keys and values take in every layer`() {
        let shape = CacheShape(layerCount: 16, kvHeadCount: 8, headWidth: 64)
        #expect(shape.bytesPerToken == 16 * 8 * 64 * 2 * 2)
        #expect(
            CacheShape(layerCount: 1, kvHeadCount: 1, headWidth: 8, elementType: .f32).bytesPerToken == (8 + 16) * 4
        )
        let int8 = CacheShape(layerCount: 2, kvHeadCount: 3, headWidth: 64, elementType: .i8)
        #expect(int8.bytesPerToken == 2 * 3 * 2 * (64 + 4))
        #expect(KVStore(int8, blockCount: 1).blockBytes == 32 * int8.bytesPerToken / 2)
        let int16 = CacheShape(layerCount: 2, kvHeadCount: 3, headWidth: 64, elementType: .i16)
        #expect(int16.bytesPerToken == 2 * 3 * 2 * (2 * 64 + 4))
        #expect(KVStore(int16, blockCount: 1).blockBytes == 32 * int16.bytesPerToken / 2)
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

    #if canImport(Glibc)
        @Test func `memory of the blocks that come next is committed in all layers, and contents stay`() {
            let shape = CacheShape(layerCount: 5, kvHeadCount: 2, headWidth: 64)
            let cache = KVStore(shape, blockCount: 1000)
            let compute = Compute(workers: WorkerPool(threadCount: 2))
            cache.block(700, layer: 0).initializeMemory(as: UInt8.self, repeating: 7)
            func committed(_ block: Int) -> [Bool] { (0..<5).map { isResident(cache.block(block, layer: $0)) } }
            #expect(committed(700) == [true, false, false, false, false])
            cache.commitAhead(700, compute: compute)
            for block in [700, 715, 723] { #expect(committed(block) == Array(repeating: true, count: 5), "\(block)") }
            cache.commitAhead(3, compute: compute)
            #expect(committed(3) == Array(repeating: false, count: 5), "a block before has been taken before")
            cache.commitAhead(990, compute: compute)
            for block in [990, 999] { #expect(committed(block) == Array(repeating: true, count: 5), "\(block)") }
            #expect(Set(cache.block(700, layer: 0)) == [7])
        }

        private func isResident(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
            let (first, page) = (Int(bitPattern: bytes.baseAddress), 4096)
            let begin = first / page * page
            var pages = [UInt8](repeating: 0, count: (first + bytes.count - begin + page - 1) / page)
            let status = mincore(UnsafeMutableRawPointer(bitPattern: begin), first + bytes.count - begin, &pages)
            return status == 0 && pages.allSatisfy { $0 & 1 == 1 }
        }
    #endif

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

    /// Blocks of 3 tokens and heads of 5: nothing is a multiple of anything.
    @Test(arguments: InstructionSet.available)
    func `as int8 every key and value of a head has a scale of its own`(set: InstructionSet) {
        let shape = CacheShape(layerCount: 1, kvHeadCount: 2, headWidth: 5, elementType: .i8)
        let cache = KVStore(shape, blockCount: 1, blockSize: 3)
        var random = SeededGenerator(state: 4)
        var keys = (0..<20).map { _ in 100 * random.float() }
        // Half a step and one and a half: ties go to the even neighbour.
        keys.replaceSubrange(0..<5, with: [127, 0.5, 1.5, -2.5, -127])
        keys.replaceSubrange(5..<10, with: [0, 0, -0.0, 0, .leastNormalMagnitude])
        keys.replaceSubrange(10..<15, with: [1, .nan, 3, 4, 5])
        let values = keys.reversed().map { $0 }
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 1))
        let row = AttentionRow(firstToken: 0, tokenCount: 2, firstPosition: 1, blockTable: [0])
        keys.withUnsafeBufferPointer { keys in
            values.withUnsafeBufferPointer { values in
                guard let keys = keys.baseAddress, let values = values.baseAddress else { return }
                let columns = KeyValueColumns(keys: keys, values: values, stride: 10)
                cache.write(layer: 0, rows: [row], columns, compute: compute)
            }
        }
        let block = UnsafeRawPointer(cache.block(0, layer: 0).baseAddress!)
        for (token, head) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            // Three pairs of elements of three keys, then scales; two pairs of values of sixteen elements, then scales.
            let start = block + 192 * head
            let (column, slot) = (token * 10 + head * 5, token + 1)
            let key = (0..<6).map { start.load(fromByteOffset: $0 / 2 * 6 + 2 * slot + $0 % 2, as: Int8.self) }
            let keyScale = start.load(fromByteOffset: 20 + 4 * slot, as: Float.self)
            expectVector(Array(key[..<5]), keyScale, of: Array(keys[column..<(column + 5)]))
            #expect(key[5] == 0)
            let value = (0..<16).map {
                start.load(fromByteOffset: 64 + slot / 2 * 32 + 2 * $0 + slot % 2, as: Int8.self)
            }
            let valueScale = start.load(fromByteOffset: 64 + 64 + 4 * slot, as: Float.self)
            expectVector(Array(value[..<5]), valueScale, of: Array(values[column..<(column + 5)]))
            #expect(value[5...].allSatisfy { $0 == 0 })
        }
    }

    private func expectVector(_ found: [Int8], _ scale: Float, of x: [Float]) {
        let largest = x.reduce(0) { $1.isNaN ? .nan : max($0, abs($1)) }
        if largest.isNaN {
            #expect(!scale.isFinite && found.allSatisfy { $0 == 0 })
        } else if largest < 1e-30 {
            #expect(scale == 0 && found.allSatisfy { $0 == 0 })
        } else {
            #expect(scale == largest / 127)
            #expect(found == x.map { Int8(($0 * (127 / largest)).rounded(.toNearestOrEven)) })
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

    @Test func `more memory than there are addresses is not promised`() {
        #expect(ReservedMemory.isAvailable(bytes: 1 << 20))
        #expect(!ReservedMemory.isAvailable(bytes: 1 << 60))
    }
}
