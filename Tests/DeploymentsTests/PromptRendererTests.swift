import Testing

@testable import Deployments

@Suite struct PromptRendererTests {
    @Test func `the last of several occurrences is found`() {
        #expect(end(of: "ab", in: "abxabx") == 5)
        #expect(end(of: "aa", in: "aaa") == 3)
        #expect(end(of: "abab", in: "abababa") == 6)
        #expect(end(of: "a", in: "a") == 1)
        #expect(end(of: "b", in: "a") == nil)
        #expect(end(of: "aa", in: "a") == nil)
        #expect(end(of: "a", in: "") == nil)
    }

    @Test func `every text over two letters is found where it stands last`() {
        let words = (1...6).flatMap { length in (0..<(1 << length)).map { bits(of: $0, length) } }
        for number in 0..<(1 << 9) {
            let text = bits(of: number, 9)
            for word in words {
                let starts = (0...(text.count - word.count)).filter { text[$0...].starts(with: word) }
                #expect(PromptRenderer.endOfLast(word, in: text) == starts.last.map { $0 + word.count })
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a long text that is nearly there everywhere is looked for in linear time`() {
        let text = String(repeating: "a", count: 1_000_000)
        #expect(end(of: text + " ", in: "<user>" + text + "<end>") == nil)
    }

    private func end(of wanted: String, in text: String) -> Int? {
        PromptRenderer.endOfLast(Array(wanted.utf8), in: Array(text.utf8))
    }

    private func bits(of number: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(number >> $0 & 1) } }
}
