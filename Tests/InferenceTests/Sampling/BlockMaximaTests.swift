import Testing

@testable import Inference

@Suite struct BlockMaximaTests {
    @Test(arguments: [1, 2, 63, 64, 65, 127, 300, 5_000])
    func `a bound is reached by as many logits as asked and all of them are visited`(size: Int) throws {
        var random = SeededGenerator(size)
        let logits = (0..<size).map { _ in Float.random(in: -1...1, using: &random) }
        var maxima = BlockMaxima()
        var scratch: [Float] = []
        try logits.withUnsafeBufferPointer { row throws(SamplingFailure) in
            let peak = try maxima.scan(row)
            #expect(peak == logits.max())
            for count in [1, 2, 3, 20, 70, size] {
                let bound = maxima.bound(reachedBy: count, &scratch)
                var visited: [Int] = []
                maxima.forEach(atLeast: bound, in: row) { index, _ in visited.append(index) }
                #expect(visited.count >= min(count, size))
                #expect(visited == logits.indices.filter { logits[$0] >= bound })
            }
        }
    }

    @Test(arguments: 1...10)
    func `the n-th largest equals that of a sorted copy`(seed: Int) {
        var random = SeededGenerator(seed)
        for size in [1, 2, 3, 10, 101] {
            let values = (0..<size).map { _ in Float(Int.random(in: 0...9, using: &random)) }
            let sorted = values.sorted(by: >)
            for count in 1...size {
                var copy = values
                #expect(PartialOrder.largest(count, of: &copy) == sorted[count - 1])
                #expect(copy.sorted(by: >) == sorted)
            }
        }
    }

    @Test(arguments: 1...20)
    func `the kept prefix equals that of a sorted copy`(seed: Int) {
        var random = SeededGenerator(seed)
        for size in [1, 2, 3, 17, 200] {
            let candidates = (0..<size).map { token in
                let weight = Float(Int.random(in: 0...4, using: &random))
                return Candidate(
                    token: Int32(token),
                    logit: 0,
                    weight: weight,
                    key: Float(Int.random(in: 0...9, using: &random))
                )
            }
            for target in [0.0, 1, 2.5, Double(size), Double(size * 2), Double(size * 9)] {
                var kept = candidates.shuffled(using: &random)
                PartialOrder.keepPrefix(&kept, reaching: target) { Double($0.weight) }
                let sorted = candidates.sorted { $0.precedes($1) }
                var reached = 0.0
                let end = sorted.firstIndex { candidate in
                    reached += Double(candidate.weight)
                    return reached >= target
                }
                let expected = sorted.prefix((end ?? size - 1) + 1)
                #expect(Set(kept.map(\.token)) == Set(expected.map(\.token)))
            }
        }
    }
}
