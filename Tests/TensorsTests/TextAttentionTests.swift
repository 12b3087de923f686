import CKernels
import Foundation
import Testing

@testable import Tensors

@Suite struct TextAttentionTests {
    /// The formula for one text, `[tokens, heads · headWidth]`.
    ///
    /// - Parameter reach: tokens to either side that one sees.
    private func reference(
        _ fused: FloatMatrix,
        _ text: Range<Int>,
        heads: Int,
        headWidth: Int,
        reach: Int = .max
    ) -> [Double] {
        let width = heads * headWidth
        var result = [Double](repeating: 0, count: text.count * width)
        for head in 0..<heads {
            func value(_ token: Int, _ part: Int, _ d: Int) -> Double {
                Double(fused.row(token)[part * width + head * headWidth + d])
            }
            for (row, query) in text.enumerated() {
                let seen = text.filter { abs($0 - query) <= reach }
                let scores = seen.map { key in
                    (0..<headWidth).reduce(0.0) { $0 + value(query, 0, $1) * value(key, 1, $1) }
                        / Double(headWidth).squareRoot()
                }
                let largest = scores.max() ?? 0
                let weights = scores.map { exp($0 - largest) }
                let total = weights.reduce(0, +)
                for d in 0..<headWidth {
                    let sum = zip(weights, seen).reduce(0.0) { $0 + $1.0 * value($1.1, 2, d) }
                    result[row * width + head * headWidth + d] = sum / total
                }
            }
        }
        return result
    }

    private func attended(
        _ fused: FloatMatrix,
        _ texts: [Range<Int>],
        heads: Int,
        headWidth: Int,
        reach: Int? = nil,
        on compute: Compute
    ) -> FloatMatrix {
        let attention = TextAttention(headCount: heads, headWidth: headWidth, reach: reach)
        let output = FloatMatrix()
        attention.plan(texts: texts)
        attention.attend(fused, into: output, on: compute)
        return output
    }

    @Test(arguments: InstructionSet.available, [1, 8, 20, 32, 64])
    func `every token sees all of its text and nothing else`(set: InstructionSet, headWidth: Int) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        var texts: [Range<Int>] = []
        var total = 0
        for count in [1, 2, 15, 16, 17, 33, 150] {
            texts.append(total..<total + count)
            total += count
        }
        let fused = matrix(rows: total, width: 9 * headWidth, seed: UInt64(headWidth))
        compute.scale(fused, by: 3)
        let found = attended(fused, texts, heads: 3, headWidth: headWidth, on: compute)
        for text in texts {
            let expected = reference(fused, text, heads: 3, headWidth: headWidth)
            let start = found.pointer + text.lowerBound * found.width
            #expect(largestError(UnsafeBufferPointer(start: start, count: expected.count), expected) < 1e-5)
        }
    }

    @Test(arguments: InstructionSet.available, [1, 7, 16, 64])
    func `with a reach, every token sees so many to either side`(set: InstructionSet, reach: Int) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        // Around the length from which a token no longer sees all.
        let counts = [1, reach, reach + 1, reach + 2, 2 * reach + 1, 3 * reach + 5]
        var texts: [Range<Int>] = []
        for count in counts {
            let first = texts.last?.upperBound ?? 0
            texts.append(first..<first + count)
        }
        let fused = matrix(rows: counts.reduce(0, +), width: 9 * 20, seed: UInt64(reach))
        compute.scale(fused, by: 3)
        let found = attended(fused, texts, heads: 3, headWidth: 20, reach: reach, on: compute)
        for text in texts {
            let expected = reference(fused, text, heads: 3, headWidth: 20, reach: reach)
            let start = found.pointer + text.lowerBound * found.width
            #expect(largestError(UnsafeBufferPointer(start: start, count: expected.count), expected) < 1e-5)
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a text gets the same bits alone, among others, and on any number of threads`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 3))
        let texts = [0..<5, 5..<6, 6..<290, 290..<330, 330..<335]
        let fused = matrix(rows: 335, width: 3 * 4 * 32, seed: 11)
        let together = attended(fused, texts, heads: 4, headWidth: 32, on: compute)
        let lonely = Compute(instructionSet: set, workers: WorkerPool(threadCount: 1))
        for text in texts {
            let own = FloatMatrix(rows: text.count, width: fused.width)
            own.pointer.update(from: fused.pointer + text.lowerBound * fused.width, count: text.count * fused.width)
            let alone = attended(own, [0..<text.count], heads: 4, headWidth: 32, on: lonely)
            let start = together.pointer + text.lowerBound * together.width
            #expect(
                Array(UnsafeBufferPointer(start: start, count: text.count * together.width)) == Array(alone.elements)
            )
        }
    }

    @Test(arguments: InstructionSet.available)
    func `the kernel stays within its memory and survives what is not a number`(set: InstructionSet) {
        let (tokens, width) = (37, 20)
        let fused = MisalignedFloats.random(tokens * 3 * width, offset: 3, seed: 4)
        for index in [0, 70, 100] { fused.pointer[index] = [Float.nan, .infinity, -.infinity][index % 3] }
        let output = MisalignedFloats(Array(repeating: 0, count: tokens * width), offset: 1)
        let floats = ck_text_scratch_count(Int32(tokens), Int32(width))
        let scratch = MisalignedFloats(Array(repeating: 0, count: floats), offset: 2)
        var tile = ck_text_tile(
            queries: fused.pointer,
            keys: fused.pointer + width,
            values: fused.pointer + 2 * width,
            output: output.pointer,
            stride: 3 * width,
            output_stride: width,
            token_count: Int32(tokens),
            first_query: 0,
            query_end: Int32(tokens),
            head_width: Int32(width),
            scale: 0.25
        )
        ck_attend_text(set.rawValue, &tile, scratch.pointer)
        #expect(output.guardsStand && scratch.guardsStand)
    }
}
