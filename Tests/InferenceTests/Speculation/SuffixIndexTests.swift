import Testing
import Tokenization

@testable import Inference

@Suite struct SuffixIndexTests {
    @Test func `the tokens after the longest match are found`() throws {
        let index = Self.index(of: tokens(1, 2, 3, 4, 9, 7, 2, 3, 4, 5, 1, 2, 3, 4))
        let match = try #require(index.match())
        // 1 2 3 4 agree at the beginning, only 2 3 4 later on.
        #expect(match == SuffixMatch(place: 3, length: 4))
        #expect(index.continuation(of: match, count: 3) == tokens(9, 7, 2))
    }

    @Test func `among equal matches the latest is taken`() throws {
        let index = Self.index(of: tokens(1, 2, 3, 8, 1, 2, 3, 9, 1, 2, 3))
        let match = try #require(index.match())
        #expect(index.continuation(of: match, count: 1) == tokens(9))
    }

    @Test func `a continuation that reaches the end goes on as if the text repeated`() throws {
        let index = Self.index(of: tokens(5, 6, 7, 5, 6, 7))
        let match = try #require(index.match())
        #expect(match == SuffixMatch(place: 2, length: 3))
        #expect(index.continuation(of: match, count: 7) == tokens(5, 6, 7, 5, 6, 7, 5))
    }

    @Test(arguments: [tokens(), tokens(1), tokens(1, 2), tokens(1, 2, 3), tokens(1, 2, 9, 1, 2), tokens(1, 2, 3, 4, 5)])
    func `a text without a repetition has no match`(text: [TokenID]) {
        #expect(Self.index(of: text).match() == nil)
    }

    @Test(arguments: 1...20)
    func `every match is the one a plain search finds`(seed: Int) {
        var random = SeededGenerator(seed)
        var index = SuffixIndex(shortestMatch: 1 + seed % 4, longestMatch: 16, searchLimit: .max)
        var text: [TokenID] = []
        let vocabulary = 2 + seed % 5
        for _ in 0..<500 {
            text.append(TokenID(Int.random(in: 0..<vocabulary, using: &random)))
            index.append(text[text.count - 1])
            #expect(index.match() == Self.plainMatch(in: text, shortest: index.shortestMatch, longest: 16))
        }
        #expect(index.tokens == text)
    }

    @Test(arguments: 1...5)
    func `a bounded search finds a true match, if not always the longest`(seed: Int) {
        var random = SeededGenerator(seed)
        var index = SuffixIndex(shortestMatch: 3, longestMatch: 8, searchLimit: 2)
        var found = 0
        for _ in 0..<3_000 {
            index.append(TokenID(Int.random(in: 0..<6, using: &random)))
            guard let match = index.match() else { continue }
            found += 1
            let end = index.tokens.count
            #expect(match.length >= 3)
            #expect(match.length <= 8)
            #expect(
                index.tokens[(match.place + 1 - match.length)...match.place]
                    .elementsEqual(index.tokens[(end - match.length)...])
            )
        }
        #expect(found > 1_000)
    }

    @Test func `catching up appends what is new and nothing twice`() {
        var index = SuffixIndex()
        index.catchUp(with: tokens(1, 2, 3))
        index.catchUp(with: tokens(1, 2, 3))
        index.catchUp(with: tokens(1, 2, 3, 4, 5))
        #expect(index.tokens == tokens(1, 2, 3, 4, 5))
    }

    private static func index(of text: [TokenID]) -> SuffixIndex {
        var index = SuffixIndex()
        index.catchUp(with: text)
        return index
    }

    /// The definition: of all earlier places the one that agrees longest with the end, the latest among equals.
    private static func plainMatch(in text: [TokenID], shortest: Int, longest: Int) -> SuffixMatch? {
        var best: SuffixMatch?
        for place in text.indices.dropLast().reversed() {
            let agreement = (0...place).prefix { text[place - $0] == text[text.count - 1 - $0] }.count
            let length = min(agreement, longest)
            if length >= shortest, length > best?.length ?? 0 { best = SuffixMatch(place: place, length: length) }
        }
        return best
    }
}
