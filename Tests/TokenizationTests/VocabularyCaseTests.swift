import Foundation
import Testing

@testable import Tokenization

/// The cases that come with llama.cpp's vocabularies; the tokens are those of the models' original tokenizers.
@Suite struct VocabularyCaseTests {
    static let vocabularies = [
        "bert-bge", "command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "gpt-2", "llama-bpe",
        "llama-spm", "mpt", "phi-3", "qwen2", "qwen35", "refact", "starcoder",
    ]

    @Test(arguments: vocabularies)
    func `every text of a vocabulary's cases has the tokens listed for it`(vocabulary: String) throws {
        let tokenizer = try TokenizationTestData.tokenizer(vocabulary)
        let name = "ggml-vocab-\(vocabulary).gguf"
        let texts = try contents(name + ".inp").components(separatedBy: "\n__ggml_vocab_test__\n")
        let lines = try contents(name + ".out").components(separatedBy: "\n")
        #expect(texts.count >= 46)
        #expect(lines.count >= texts.count)
        for (text, line) in zip(texts, lines) {
            let expected = line.split(separator: " ").compactMap { Int32($0) }
            #expect(tokenizer.ids(text) == expected, "\(vocabulary): \(text.debugDescription)")
        }
    }

    @Test(arguments: ["aquila", "baichuan", "gpt-neox", "nomic-bert-moe"])
    func `vocabularies without cases give an English text back`(vocabulary: String) throws {
        let tokenizer = try TokenizationTestData.tokenizer(vocabulary)
        let text = "Hello, world! The year is 2026."
        let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        #expect(ids.count < 16)
        #expect(tokenizer.decode(ids, skipSpecial: true) == text)
    }

    private func contents(_ name: String) throws -> String {
        try String(contentsOfFile: TokenizationTestData.vocabularyPath(name), encoding: .utf8)
    }
}
