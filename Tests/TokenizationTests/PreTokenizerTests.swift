import Testing

@testable import Tokenization

@Suite struct PreTokenizerTests {
    static let cases: [(String, String, [String])] = [
        ("gpt-2", "Hello  world's 123 …\n\n x", ["Hello", " ", " world", "'s", " 123", " …", "\n\n", " x"]),
        ("gpt-2", "\tfoo \t bar ", ["\t", "foo", " \t", " bar", " "]),
        ("smollm", "a 12  3\n", ["a", " ", "1", "2", "  ", "3", "\n"]),
        ("llama-bpe", "I'LL go\r\n\r\n  12345!!\n", ["I", "'LL", " go", "\r\n\r\n", " ", " ", "123", "45", "!!\n"]),
        ("llama-bpe", "'ſo ", ["'ſ", "o", " "]),
        ("qwen2", "x=12;\u{3000}中文", ["x", "=", "1", "2", ";", "\u{3000}中文"]),
        ("qwen35", "e\u{301}a 1", ["e\u{301}a", " ", "1"]),
        ("gpt-4o", "HelloWORLDdon't//\n", ["Hello", "WORLDdon't", "//\n"]),
        ("gpt-4o", "ªAB", ["ª", "AB"]),
        ("tekken", "iPhone15", ["i", "Phone", "1", "5"]),
        ("deepseek-v3", "(abc) 中文1234", ["(abc", ")", " ", "中文", "123", "4"]),
        ("deepseek-llm", "你好 abc.  ", ["你好", " abc", ".", "  "]),
        ("deepseek-coder", "a+b 12\n", ["a", "+", "b", " ", "1", "2", "\n"]),
        ("falcon", "a+b 1234", ["a", "+", "b", " 1234"].flatMap { $0 == " 1234" ? [" ", "123", "4"] : [$0] }),
        ("bloom", "Hi, you (x)", ["Hi", ",", " you", " (", "x", ")"]),
        ("superbpe", "ab1234567", ["ab", "1", "234", "567"]),
        ("tiny_aya", "1234567 12a", ["1", "234", "567", " ", "12", "a"]),
        ("exaone-moe", "ab cd 1", ["ab cd", " ", "1"]),
        ("gemma4", "a b\n\nc", ["a b", "\n\n", "c"]),
    ]

    @Test(arguments: cases)
    func `a text is cut as the vocabulary's pattern cuts it`(name: String, text: String, words: [String]) throws {
        #expect(try cut(text, name) == words)
    }

    @Test func `no name and default are the same, and an unknown name is refused with the name`() throws {
        #expect(try NamedPreTokenizer.named(nil).preTokenizer == NamedPreTokenizer.named("default").preTokenizer)
        let error = #expect(throws: TokenizerError.self) { try NamedPreTokenizer.named("martian") }
        #expect(error?.description.contains("martian") == true)
    }

    @Test func `an unknown alternative is refused with its source`() {
        let error = #expect(throws: TokenizerError.self) {
            try PatternCatalog.alternatives(of: #"\p{N}|[xyz]{7}"#)
        }
        #expect(error?.description.contains("[xyz]{7}") == true)
    }

    @Test func `a split keeps, drops or joins its matches as Hugging Face names it`() {
        let dash = WordPattern.run(CharacterRun(set: CharacterSet([], "-"), maximum: 1))
        func split(_ behavior: PatternSplit.Behavior) -> [String] {
            cut("the-final--countdown", PreTokenizer(stages: [.matching(dash, behavior)]))
        }
        #expect(split(.isolated) == ["the", "-", "final", "-", "-", "countdown"])
        #expect(split(.removed) == ["the", "final", "countdown"])
        #expect(split(.mergedWithPrevious) == ["the-", "final-", "-", "countdown"])
        #expect(split(.mergedWithNext) == ["the", "-final", "-", "-countdown"])
        #expect(split(.contiguous) == ["the", "-", "final", "--", "countdown"])
    }

    @Test(arguments: 1...20)
    func `words of random bytes are the text, whole and in order`(seed: Int) throws {
        var numbers = SeededNumbers(state: UInt64(seed))
        let alphabet = Array(" \n\r\t'sSlL1aÀ中.-/\u{301}\u{3000}ª\u{200D}".utf8) + [0xFF, 0xC3, 0xE2]
        let text = (0..<400).map { _ in alphabet.randomElement(using: &numbers) ?? 0 }
        for name in [
            "gpt-2", "smollm", "llama-bpe", "gpt-4o", "deepseek-llm", "deepseek-v3", "falcon", "default", "youtu",
        ] {
            let preTokenizer = try NamedPreTokenizer.named(name).preTokenizer
            var joined: [UInt8] = []
            text.withUnsafeBufferPointer { buffer in
                preTokenizer.forEachWord(buffer, from: 0, to: buffer.count) { start, end in
                    #expect(start < end)
                    joined += buffer[start..<end]
                }
            }
            #expect(joined == text, "\(name)")
        }
    }

    private func cut(_ text: String, _ name: String) throws -> [String] {
        cut(text, try NamedPreTokenizer.named(name).preTokenizer)
    }

    private func cut(_ text: String, _ preTokenizer: PreTokenizer) -> [String] {
        var words: [String] = []
        Array(text.utf8).withUnsafeBufferPointer { buffer in
            preTokenizer.forEachWord(buffer, from: 0, to: buffer.count) { start, end in
                words.append(String(decoding: buffer[start..<end], as: UTF8.self))
            }
        }
        return words
    }
}
