import Testing

@testable import Tokenization

@Suite struct DetokenizerTests {
    @Test(arguments: ["gpt-2", "llama-spm", "bert-bge"])
    func `streamed text is the whole text for random tokens`(vocabulary: String) throws {
        let tokenizer = try TokenizationTestData.tokenizer(vocabulary)
        var numbers = SeededNumbers(state: 11)
        for round in 0..<300 {
            let limit = round % 2 == 0 ? tokenizer.vocabularySize : min(300, tokenizer.vocabularySize)
            let ids = (0..<40).map { _ in TokenID(Int.random(in: 0..<limit, using: &numbers)) }
            let skips = Bool.random(using: &numbers)
            var stream = Detokenizer(tokenizer, skipSpecial: skips)
            var text = ""
            for id in ids { text += stream.append(id) }
            text += stream.finish()
            #expect(Array(text.utf8) == Array(tokenizer.decode(ids, skipSpecial: skips).utf8))
        }
    }

    @Test func `a character that is spread over tokens comes when it is whole`() throws {
        let tokenizer = try TokenizationTestData.tokenizer(TokenizationTestData.byteLevel(merges: []))
        let ids = tokenizer.encode("a🙂é", addSpecial: false, parseSpecial: false)
        var stream = Detokenizer(tokenizer, skipSpecial: true)
        #expect(ids.map { stream.append($0) } == ["a", "", "", "", "🙂", "", "é"])
        #expect(stream.finish().isEmpty)
    }

    @Test func `the beginning of a character that never comes is one replacement character`() throws {
        let tokenizer = try TokenizationTestData.tokenizer(TokenizationTestData.byteLevel(merges: []))
        var stream = Detokenizer(tokenizer, skipSpecial: true)
        #expect(stream.append(TokenID(0xF0)).isEmpty)
        #expect(stream.append(TokenID(0x9F)).isEmpty)
        #expect(stream.append(TokenID(0x41)) == "\u{FFFD}A")
        #expect(stream.append(TokenID(0xE2)).isEmpty)
        #expect(stream.finish() == "\u{FFFD}")
        #expect(stream.append(TokenID(0xE0)).isEmpty)
        #expect(stream.append(TokenID(0x80)) == "\u{FFFD}\u{FFFD}")
    }

    @Test func `the space before a text goes, unless the tokens continue a text`() throws {
        let pieces: [(String, Float)] = [("▁", -1), ("▁a", -2), ("a", -3)]
        let tokenizer = try TokenizationTestData.tokenizer(TokenizationTestData.scored(pieces))
        let ids = tokenizer.encode("a a", addSpecial: false, parseSpecial: false)
        var alone = Detokenizer(tokenizer, skipSpecial: true)
        #expect(ids.map { alone.append($0) } == ["a", " a"])
        var continuing = Detokenizer(tokenizer, skipSpecial: true, continuesText: true)
        #expect(ids.map { continuing.append($0) } == [" a", " a"])
    }
}
