import Testing

@testable import Grammars

@Suite struct LoopSearchTests {
    private func looping(_ ways: [[Int]]) -> [Bool] {
        var search = LoopSearch(ways)
        search.run()
        return search.isLooping
    }

    @Test func `what leads to a loop or follows one is on none`() {
        #expect(looping([[1], [2], [1, 3], [4], []]) == [false, true, true, false, false])
        #expect(looping([[0], [0]]) == [true, false])
        #expect(looping([]).isEmpty)
    }

    @Test(arguments: 1...20)
    func `loops are those that walking finds`(seed: Int) {
        var random = SplitMix(state: UInt64(seed))
        for _ in 0..<50 {
            let count = Int.random(in: 1...9, using: &random)
            let ways = (0..<count).map { _ in
                (0..<Int.random(in: 0...2, using: &random)).map { _ in Int.random(in: 0..<count, using: &random) }
            }
            let expected = ways.indices.map { start in
                var met = Set<Int>()
                var work = ways[start]
                while let next = work.popLast() {
                    if met.insert(next).inserted { work += ways[next] }
                }
                return met.contains(start)
            }
            #expect(looping(ways) == expected, "\(ways)")
        }
    }

    @Test func `a long chain needs no stack`() {
        let count = 200_000
        #expect(looping((0..<count).map { [($0 + 1) % count] }).allSatisfy { $0 })
    }
}
