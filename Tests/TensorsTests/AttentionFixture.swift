@testable import Tensors

/// A sequence with random queries, keys and values, and a cache to put it in.
struct AttentionFixture {
    var headCount: Int
    var shape: CacheShape
    var blockSize = 32
    var window: Int?
    var softcap: Float?
    /// `[tokens, (heads + 2 · kvHeads) · headWidth]`.
    var fused: FloatMatrix

    init(
        heads: Int,
        kvHeads: Int,
        headWidth: Int,
        tokens: Int,
        elementType: ElementType = .f16,
        seed: UInt64 = 1
    ) {
        headCount = heads
        shape = CacheShape(layerCount: 1, kvHeadCount: kvHeads, headWidth: headWidth, elementType: elementType)
        fused = FloatMatrix(rows: tokens, width: (heads + 2 * kvHeads) * headWidth)
        var random = SeededGenerator(state: seed)
        for index in 0..<fused.rows * fused.width { fused.pointer[index] = 2 * random.float() }
    }

    var tokens: Int { fused.rows }
    var scale: Float { 1 / Float(shape.headWidth).squareRoot() }
    var blocks: Int { (tokens + blockSize - 1) / blockSize }

    /// A cache with room for twice the sequence, all of it filled with what is not a number.
    func poisonedCache() -> KVStore {
        let cache = KVStore(shape, blockCount: 2 * blocks, blockSize: blockSize)
        for block in 0..<cache.blockCount {
            cache.block(block, layer: 0).initializeMemory(as: UInt8.self, repeating: 0xff)
        }
        return cache
    }

    /// Blocks in random order, out of twice as many.
    func blockTable(seed: UInt64) -> [Int32] {
        var random = SeededGenerator(state: seed)
        return Array((0..<Int32(2 * blocks)).shuffled(using: &random).prefix(blocks))
    }

    /// Attends with the tokens in chunks of these sizes, one call for each, and returns `[tokens][heads · headWidth]`.
    func attend(chunks: [Int], compute: Compute, cache: KVStore? = nil, tableSeed: UInt64 = 3) -> [[Float]] {
        let cache = cache ?? poisonedCache()
        let table = blockTable(seed: tableSeed)
        var first = 0
        var result: [[Float]] = []
        let output = FloatMatrix()
        for count in chunks {
            let row = AttentionRow(firstToken: 0, tokenCount: count, firstPosition: first, blockTable: table)
            compute.attend(attention([row]), storing: tokens(first..<first + count), in: cache, into: output)
            result += (0..<count).map { Array(output.row($0)) }
            first += count
        }
        return result
    }

    func attention(_ rows: [AttentionRow]) -> Attention {
        Attention(
            rows: AttentionRows(rows),
            layer: 0,
            headCount: headCount,
            scale: scale,
            window: window,
            softcap: softcap
        )
    }

    /// The fused rows of some tokens.
    func tokens(_ range: Range<Int>) -> FloatMatrix {
        let part = FloatMatrix(rows: range.count, width: fused.width)
        part.pointer.update(from: fused.pointer + range.lowerBound * fused.width, count: range.count * fused.width)
        return part
    }

    /// The largest whole number of a key, where keys are whole numbers.
    private var keyLimit: Float {
        if shape.elementType == .i8 { return 127 }
        return shape.headWidth <= 64 ? 8191 : shape.headWidth <= 256 ? 4095 : shape.headWidth <= 1024 ? 2047 : 1023
    }

    /// The same of a value.
    private var valueLimit: Float { shape.elementType == .i8 ? 127 : 2047 }

    /// What the cache keeps of a head's key or value, whose largest whole number is `limit`.
    private func kept(_ vector: ArraySlice<Float>, _ limit: Float) -> [Double] {
        switch shape.elementType {
        case .f16: return vector.map { Double(Float16($0)) }
        case .bf16:
            return vector.map { x in
                let bits = x.bitPattern
                return Double(Float(bitPattern: (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff_0000))
            }
        case .i8, .i16:
            let largest = vector.reduce(0) { max($0, abs($1)) }
            return vector.map { Double(largest / limit) * Double(($0 * (limit / largest)).rounded(.toNearestOrEven)) }
        default: return vector.map(Double.init)
        }
    }

    /// What the cache keeps of `position`, from the element `column` of the fused row on.
    private func kept(_ position: Int, _ column: Int, _ limit: Float) -> [Double] {
        kept(Array(fused.row(position))[column..<(column + shape.headWidth)], limit)
    }

    /// The formula in Double for one token and head, `[headWidth]`.
    func reference(token: Int, head: Int) -> [Double] {
        let width = shape.headWidth
        let kvHead = head / (headCount / shape.kvHeadCount)
        let keyColumn = (headCount + kvHead) * width
        let valueColumn = keyColumn + shape.kvHeadCount * width
        let first = window.map { max(0, token - $0 + 1) } ?? 0
        let query = fused.row(token)
        var scores: [Double] = []
        for position in first...token {
            let key = kept(position, keyColumn, keyLimit)
            var dot = 0.0
            for d in 0..<width { dot += Double(query[head * width + d]) * key[d] }
            scores.append(dot * Double(scale))
        }
        if let cap = softcap { scores = scores.map { Double(cap) * tanhReference($0 / Double(cap)) } }
        let maximum = scores.max() ?? 0
        let weights = scores.map { expReference($0 - maximum) }
        let sum = weights.reduce(0, +)
        var result = [Double](repeating: 0, count: width)
        for (position, weight) in zip(first...token, weights) {
            let value = kept(position, valueColumn, valueLimit)
            for d in 0..<width { result[d] += weight * value[d] / sum }
        }
        return result
    }
}

extension Compute {
    /// Writes the tokens' keys and values into the cache and attends with their queries.
    func attend(_ attention: Attention, storing fused: FloatMatrix, in cache: KVStore, into output: FloatMatrix) {
        store(attention, fused, in: cache)
        attend(attention, cache: cache, queries: fused, into: output)
    }
}

/// The largest |a − b|; infinite when one of them is not a number.
func largestError(_ actual: some Sequence<Float>, _ expected: some Sequence<Double>) -> Double {
    var largest = 0.0
    for (a, b) in zip(actual, expected) {
        let error = abs(Double(a) - b)
        largest = error.isNaN ? .infinity : max(largest, error)
    }
    return largest
}

/// Equal to the bit, zeros of either sign and what is not a number included.
func bits(_ rows: [[Float]]) -> [[UInt32]] { rows.map { $0.map(\.bitPattern) } }
