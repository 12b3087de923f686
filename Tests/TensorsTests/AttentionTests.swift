import Foundation
import Testing

@testable import Tensors

func tanhReference(_ x: Double) -> Double { tanh(x) }
func expReference(_ x: Double) -> Double { exp(x) }

@Suite struct AttentionTests {
    private let two = WorkerPool(threadCount: 2)

    /// One case of the comparison with the formula.
    struct Case: CustomTestStringConvertible, Sendable {
        var heads: Int
        var kvHeads: Int
        var headWidth: Int
        var tokens: Int
        var blockSize = 32
        var window: Int?
        var softcap: Float?
        var elementType = ElementType.f16
        var testDescription: String {
            "\(heads)/\(kvHeads)x\(headWidth), \(tokens) tokens, blocks of \(blockSize), window \(window ?? 0), "
                + "cap \(softcap ?? 0), \(elementType.name)"
        }

        var fixture: AttentionFixture {
            var fixture = AttentionFixture(
                heads: heads,
                kvHeads: kvHeads,
                headWidth: headWidth,
                tokens: tokens,
                elementType: elementType
            )
            fixture.blockSize = blockSize
            fixture.window = window
            fixture.softcap = softcap
            return fixture
        }
    }

    static let cases: [Case] = [
        Case(heads: 1, kvHeads: 1, headWidth: 64, tokens: 1),
        Case(heads: 4, kvHeads: 1, headWidth: 256, tokens: 70),
        Case(heads: 9, kvHeads: 3, headWidth: 64, tokens: 300),
        Case(heads: 2, kvHeads: 2, headWidth: 80, tokens: 65, elementType: .bf16),
        Case(heads: 8, kvHeads: 2, headWidth: 96, tokens: 40, elementType: .f32),
        Case(heads: 4, kvHeads: 2, headWidth: 128, tokens: 33),
        Case(heads: 2, kvHeads: 1, headWidth: 8, tokens: 290, blockSize: 16),
        Case(heads: 3, kvHeads: 1, headWidth: 24, tokens: 50, blockSize: 5, elementType: .f32),
        Case(heads: 5, kvHeads: 1, headWidth: 13, tokens: 31, blockSize: 64, elementType: .bf16),
        Case(heads: 7, kvHeads: 1, headWidth: 40, tokens: 260, blockSize: 96),
        Case(heads: 4, kvHeads: 1, headWidth: 32, tokens: 280, window: 1),
        Case(heads: 4, kvHeads: 1, headWidth: 32, tokens: 280, window: 7),
        Case(heads: 4, kvHeads: 2, headWidth: 32, tokens: 600, window: 257),
        Case(heads: 4, kvHeads: 2, headWidth: 32, tokens: 600, window: 40, elementType: .f32),
        Case(heads: 2, kvHeads: 2, headWidth: 16, tokens: 100, softcap: 3, elementType: .f32),
        Case(heads: 2, kvHeads: 1, headWidth: 48, tokens: 300, window: 100, softcap: 20, elementType: .bf16),
        Case(heads: 9, kvHeads: 3, headWidth: 64, tokens: 300, elementType: .i8),
        Case(heads: 5, kvHeads: 1, headWidth: 13, tokens: 31, blockSize: 5, elementType: .i8),
        Case(heads: 4, kvHeads: 2, headWidth: 80, tokens: 600, window: 257, softcap: 20, elementType: .i8),
        Case(heads: 9, kvHeads: 3, headWidth: 64, tokens: 300, elementType: .i16),
        Case(heads: 5, kvHeads: 1, headWidth: 13, tokens: 61, blockSize: 5, elementType: .i16),
        Case(heads: 4, kvHeads: 2, headWidth: 80, tokens: 600, window: 257, softcap: 20, elementType: .i16),
        Case(heads: 2, kvHeads: 1, headWidth: 256, tokens: 290, blockSize: 10, elementType: .i16),
    ]

    @Test(arguments: InstructionSet.available, cases)
    func `every token attends to what it may see and nothing else`(set: InstructionSet, test: Case) {
        let fixture = test.fixture
        let output = fixture.attend(
            chunks: [test.tokens],
            compute: Compute(instructionSet: set, workers: two)
        )
        for token in Swift.stride(from: 0, to: test.tokens, by: max(1, test.tokens / 11)) {
            for head in 0..<test.heads {
                let expected = fixture.reference(token: token, head: head)
                let actual = output[token][head * test.headWidth..<(head + 1) * test.headWidth]
                // Values are within ±2; an error of weights is at most some units in the last place of float32, beside an
                // int8 cache in that of 16 bits, beside an int16 cache also of queries of 12.
                let limit = test.elementType == .i8 ? 4e-4 : test.elementType == .i16 ? 1e-3 : 4e-6
                #expect(largestError(actual, expected) < limit, "token \(token), head \(head)")
            }
        }
    }

    @Test(arguments: InstructionSet.available, [ElementType.f16, .bf16, .f32, .i8, .i16])
    func `a prompt in chunks, whole, token by token or on other threads is the same to the bit`(
        set: InstructionSet,
        elementType: ElementType
    ) {
        for (heads, width, window, blockSize) in [(3, 64, nil, 32), (6, 40, 37, 32), (4, 24, 300, 7), (2, 96, nil, 64)]
        {
            var fixture = AttentionFixture(
                heads: heads,
                kvHeads: heads == 6 ? 2 : 1,
                headWidth: width,
                tokens: 531,
                elementType: elementType
            )
            fixture.window = window
            fixture.blockSize = blockSize
            let one = Compute(instructionSet: set, workers: WorkerPool(threadCount: 1))
            let many = Compute(instructionSet: set, workers: two)
            let whole = bits(fixture.attend(chunks: [531], compute: one))
            #expect(whole == bits(fixture.attend(chunks: [531], compute: many, tableSeed: 9)))
            #expect(whole == bits(fixture.attend(chunks: [1, 7, 200, 33, 48, 16, 226], compute: many)))
            #expect(whole == bits(fixture.attend(chunks: [20, 1, 1, 233] + ones(2) + [240] + ones(34), compute: many)))
            #expect(whole == bits(fixture.attend(chunks: ones(10) + [500, 3, 3] + ones(15), compute: one)))
        }
    }

    private func ones(_ count: Int) -> [Int] { Array(repeating: 1, count: count) }

    @Test(arguments: InstructionSet.available)
    func `a row in a batch gets the bits it gets alone`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: two)
        let long = AttentionFixture(heads: 4, kvHeads: 2, headWidth: 64, tokens: 700, seed: 5)
        let short = AttentionFixture(heads: 4, kvHeads: 2, headWidth: 64, tokens: 41, seed: 6)
        let longAlone = long.attend(chunks: [699, 1], compute: compute)
        let shortAlone = short.attend(chunks: [41], compute: compute)

        let cache = KVStore(long.shape, blockCount: 64)
        let longTable = (0..<22).map { Int32(3 * $0 % 64) }
        let shortTable: [Int32] = [1, 4]
        let output = FloatMatrix()
        let prefix = AttentionRow(firstToken: 0, tokenCount: 699, firstPosition: 0, blockTable: longTable)
        compute.attend(long.attention([prefix]), storing: long.tokens(0..<699), in: cache, into: output)

        // One step: all of the short sequence and the long one's next token.
        let batch = FloatMatrix(rows: 42, width: long.fused.width)
        batch.pointer.update(from: short.fused.pointer, count: 41 * batch.width)
        (batch.pointer + 41 * batch.width).update(from: long.fused.pointer + 699 * batch.width, count: batch.width)
        let rows = [
            AttentionRow(firstToken: 0, tokenCount: 41, firstPosition: 0, blockTable: shortTable),
            AttentionRow(firstToken: 41, tokenCount: 1, firstPosition: 699, blockTable: longTable),
        ]
        compute.attend(long.attention(rows), storing: batch, in: cache, into: output)
        #expect(bits((0..<41).map { Array(output.row($0)) }) == bits(shortAlone))
        #expect(bits([Array(output.row(41))]) == bits([longAlone[699]]))
    }

    @Test(arguments: InstructionSet.available, [ElementType.f16, .i8, .i16])
    func `a later token cannot reach an earlier one, not even with what is not a number`(
        set: InstructionSet,
        elementType: ElementType
    ) {
        let compute = Compute(instructionSet: set, workers: two)
        let fixture = AttentionFixture(heads: 3, kvHeads: 1, headWidth: 64, tokens: 100, elementType: elementType)
        let clean = bits(fixture.attend(chunks: [100], compute: compute))
        let row = fixture.fused.row(60)
        for index in 3 * 64..<row.count { row[index] = index % 2 == 0 ? .nan : .infinity }
        let spoiled = bits(fixture.attend(chunks: [100], compute: compute))
        #expect(clean[..<60] == spoiled[..<60])
        #expect(clean[60] != spoiled[60])
    }

    @Test(arguments: InstructionSet.available, [16, 64, 65, 128, 256, 1024])
    func `whole numbers at their limits overflow no sum`(set: InstructionSet, width: Int) {
        let compute = Compute(instructionSet: set, workers: two)
        for type in [ElementType.i8, .i16] {
            let fixture = AttentionFixture(heads: 1, kvHeads: 1, headWidth: width, tokens: 300, elementType: type)
            // Equal queries, keys and values: every product is the largest there is, and every weight the same.
            for index in 0..<fixture.fused.rows * fixture.fused.width { fixture.fused.pointer[index] = -2 }
            let output = fixture.attend(chunks: [300], compute: compute)
            #expect(output.joined().allSatisfy { abs($0 + 2) < 1e-3 })
        }
    }

    /// Scores in the hundreds and thousands, as Qwen 2 has them: what the largest is rounded by must not reach its weight.
    @Test(arguments: InstructionSet.available, [ElementType.f16, .i8, .i16])
    func `scores of any size weigh equal keys alike`(set: InstructionSet, elementType: ElementType) {
        let compute = Compute(instructionSet: set, workers: two)
        for (seed, size) in [Float(-3_000), -400, 400, 800, 3_000, 10_000].enumerated() {
            let fixture = AttentionFixture(
                heads: 6,
                kvHeads: 2,
                headWidth: 64,
                tokens: 300,
                elementType: elementType,
                seed: UInt64(seed)
            )
            // All keys are those of the first token, and queries along them, each of its own length.
            let keys = 6 * 64..<8 * 64
            for token in 0..<300 {
                let row = fixture.fused.row(token)
                for index in keys { row[index] = fixture.fused.row(0)[index] }
                for head in 0..<6 {
                    let key = (0..<64).map { row[6 * 64 + head / 3 * 64 + $0] }
                    let length = key.reduce(0) { $0 + $1 * $1 }
                    let factor = size * (1 + Float(token) / 700) / length / fixture.scale
                    for d in 0..<64 { row[head * 64 + d] = factor * key[d] }
                }
            }
            let output = fixture.attend(chunks: [300], compute: compute)
            for token in [0, 1, 15, 16, 255, 256, 257, 299] {
                for head in 0..<6 {
                    let expected = fixture.reference(token: token, head: head)
                    let error = largestError(output[token][head * 64..<(head + 1) * 64], expected)
                    #expect(error < 1e-3, "token \(token), head \(head)")
                }
            }
        }
    }

    @Test(arguments: InstructionSet.available, [ElementType.f16, .bf16, .f32, .i8, .i16])
    func `a query of zeros takes the mean of what it may see`(set: InstructionSet, elementType: ElementType) {
        let compute = Compute(instructionSet: set, workers: two)
        for softcap in [nil, Float(20)] {
            var fixture = AttentionFixture(heads: 3, kvHeads: 1, headWidth: 64, tokens: 300, elementType: elementType)
            fixture.softcap = softcap
            let positions = [0, 5, 15, 16, 100, 255, 256, 260, 299]
            for token in positions {
                for index in 64..<128 { fixture.fused.row(token)[index] = 0 }
            }
            let output = fixture.attend(chunks: [300], compute: compute)
            for token in positions {
                for head in 0..<3 {
                    let expected = fixture.reference(token: token, head: head)
                    #expect(largestError(output[token][head * 64..<(head + 1) * 64], expected) < 1e-3, "\(token)")
                }
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `what has left the window is out of reach`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: two)
        for spoiledPosition in [10, 255, 270] {
            var fixture = AttentionFixture(heads: 4, kvHeads: 1, headWidth: 32, tokens: 400)
            fixture.window = 50
            let clean = bits(fixture.attend(chunks: [400], compute: compute))
            let row = fixture.fused.row(spoiledPosition)
            for index in 4 * 32..<row.count { row[index] = .nan }
            let spoiled = bits(fixture.attend(chunks: [300, 60, 40], compute: compute))
            let reached = spoiledPosition..<spoiledPosition + 50
            let changed = (0..<400).filter { clean[$0] != spoiled[$0] }
            #expect(changed == Array(reached))
        }
    }

    @Test func `a long decode is cut into pieces that any number of threads can share`() {
        let cache = KVStore(CacheShape(layerCount: 1, kvHeadCount: 3, headWidth: 64), blockCount: 128)
        let row = AttentionRow(firstToken: 0, tokenCount: 1, firstPosition: 4095, blockTable: (0..<128).map { $0 })
        let attention = Attention(rows: AttentionRows([row]), layer: 0, headCount: 9, scale: 1)
        let plan = AttentionPlan(attention, cache: cache, threadCount: 2)
        #expect(plan.pieces.count == 24)
        #expect(Set(plan.pieces.map(\.splits.count)) == [2])
        #expect(plan.merges.map(\.kvHead) == [0, 1, 2])
        #expect(AttentionPlan(attention, cache: cache, threadCount: 1).pieces.count == 3)
    }

    @Test func `decoding rows are cut only where a thread would have too few whole ones`() {
        let cache = KVStore(CacheShape(layerCount: 1, kvHeadCount: 3, headWidth: 64), blockCount: 1024)
        func plan(_ lengths: [Int]) -> AttentionPlan {
            let rows = lengths.enumerated().map { index, length in
                AttentionRow(
                    firstToken: index,
                    tokenCount: 1,
                    firstPosition: length - 1,
                    blockTable: (0..<Int32((length + 31) / 32)).map { $0 }
                )
            }
            let attention = Attention(rows: AttentionRows(rows), layer: 0, headCount: 9, scale: 1)
            return AttentionPlan(attention, cache: cache, threadCount: 2)
        }
        let even = plan(Array(repeating: 2_000, count: 8))
        #expect(even.pieces.count == 24 && even.merges.isEmpty)
        // One long among short ones is shared, and they are not.
        let uneven = plan([16_000] + Array(repeating: 600, count: 7))
        #expect(uneven.merges.map(\.row) == [0, 0, 0])
        #expect(uneven.pieces.filter { $0.row > 0 }.count == 21)
    }

    @Test(arguments: [(48, 24), (64, 32), (66, 34), (96, 48), (128, 64), (192, 48), (512, 64)])
    func `a chunk is cut into tiles of one size, as many as give all threads as much to do`(tokens: Int, tile: Int) {
        let cache = KVStore(CacheShape(layerCount: 1, kvHeadCount: 3, headWidth: 64), blockCount: 160)
        let row = AttentionRow(firstToken: 0, tokenCount: tokens, firstPosition: 4096, blockTable: (0..<160).map { $0 })
        let attention = Attention(rows: AttentionRows([row]), layer: 0, headCount: 9, scale: 1)
        let plan = AttentionPlan(attention, cache: cache, threadCount: 2)
        #expect(plan.merges.isEmpty)
        #expect(plan.pieces.map(\.tokens.count).max() == tile)
        #expect(plan.pieces.count.isMultiple(of: 2))
        #expect(Set(plan.pieces.filter { $0.kvHead == 1 }.flatMap(\.tokens)) == Set(0..<tokens))
    }

    @Test func `a chunk too small for tiles of its own shares its splits out`() {
        let cache = KVStore(CacheShape(layerCount: 1, kvHeadCount: 3, headWidth: 64), blockCount: 160)
        let row = AttentionRow(firstToken: 0, tokenCount: 20, firstPosition: 4096, blockTable: (0..<160).map { $0 })
        let attention = Attention(rows: AttentionRows([row]), layer: 0, headCount: 9, scale: 1)
        let plan = AttentionPlan(attention, cache: cache, threadCount: 2)
        #expect(plan.merges.count == 3)
        #expect(plan.pieces.count == 27)
    }
}
