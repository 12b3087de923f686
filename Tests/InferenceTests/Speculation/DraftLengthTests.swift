import Testing

@testable import Inference

@Suite struct DraftLengthTests {
    @Test func `right guesses lengthen the drafts up to the limit`() {
        var length = DraftLength()
        let before = length.best(.shortMatch, limit: 12, load: Self.load())
        for _ in 0..<20 { length.learn(.shortMatch, rightCount: 4, endedWrong: false) }
        #expect(before < 3)
        #expect(length.best(.shortMatch, limit: 12, load: Self.load()) == 12)
        #expect(length.best(.shortMatch, limit: 5, load: Self.load()) == 5)
        #expect(length.best(.shortMatch, limit: 0, load: Self.load()) == 0)
    }

    @Test func `wrong guesses end the drafts, and right ones bring them back`() {
        var length = DraftLength()
        var wrongCount = 0
        while length.best(.longMatch, limit: 8, load: Self.load()) > 0, wrongCount < 100 {
            length.learn(.longMatch, rightCount: 0, endedWrong: true)
            wrongCount += 1
        }
        #expect(wrongCount < 20)
        for _ in 0..<6 { length.learn(.longMatch, rightCount: 2, endedWrong: false) }
        #expect(length.best(.longMatch, limit: 8, load: Self.load()) > 0)
    }

    @Test func `one kind of evidence says nothing of another`() {
        var length = DraftLength()
        let before = length.best(.longMatch, limit: 8, load: Self.load())
        for _ in 0..<50 { length.learn(.shortMatch, rightCount: 0, endedWrong: true) }
        #expect(length.best(.longMatch, limit: 8, load: Self.load()) == before)
        #expect(length.chance(.shortMatch) < 0.05)
    }

    @Test func `a full batch drafts less than a single answer`() {
        let length = DraftLength()
        let alone = length.best(.longMatch, limit: 16, load: Self.load())
        let crowded = length.best(.longMatch, limit: 16, load: Self.load(tokenCount: 32, openRowCount: 32))
        #expect(crowded < alone)
        // Beside a chunk of a long prompt a few more tokens cost next to nothing.
        #expect(length.best(.longMatch, limit: 16, load: Self.load(tokenCount: 400, openRowCount: 1)) >= alone)
    }

    @Test func `drafts that cost something are shorter, or none`() {
        let length = DraftLength()
        let free = length.best(.model, limit: 16, load: Self.load())
        let cheap = length.best(.model, limit: 16, load: Self.load(draftTokenCost: 0.1))
        #expect(free >= cheap)
        #expect(cheap > 0)
        #expect(length.best(.model, limit: 16, load: Self.load(draftTokenCost: 2)) == 0)
    }

    @Test func `drafts that are not worth their cost are tried again more and more rarely`() {
        var length = DraftLength()
        for _ in 0..<50 { length.learn(.model, rightCount: 0, endedWrong: true) }
        let probes = (0..<1_000).filter { _ in
            length.bestOrProbe(.model, limit: 8, load: Self.load(draftTokenCost: 0.2)) > 0
        }
        #expect(probes.prefix(4) == [3, 11, 27, 59])
        #expect(probes.count < 22)
        for _ in 0..<20 { length.learn(.model, rightCount: 1, endedWrong: false) }
        #expect(length.bestOrProbe(.model, limit: 8, load: Self.load(draftTokenCost: 0.2)) > 1)
    }

    private static func load(tokenCount: Int = 1, openRowCount: Int = 1, draftTokenCost: Double = 0) -> StepLoad {
        StepLoad(
            tokenCount: tokenCount,
            openRowCount: openRowCount,
            stepCost: .standard,
            draftTokenCost: draftTokenCost
        )
    }
}
