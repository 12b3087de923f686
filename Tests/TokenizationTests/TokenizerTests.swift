import Checkpoints
import Testing

@testable import Tokenization

@Suite struct TokenizerTests {
    // MARK: Merging

    @Test(arguments: 1...30)
    func `merging is what joining the best pair over and over gives`(seed: Int) throws {
        var numbers = SeededNumbers(state: UInt64(seed))
        var pieces = ["a", "b"]
        var merges: [String] = []
        while merges.count < 12 {
            let (left, right) = (pieces.randomElement(using: &numbers), pieces.randomElement(using: &numbers))
            guard let left, let right, left.count + right.count <= 8, !pieces.contains(left + right) else { continue }
            pieces.append(left + right)
            merges.append("\(left) \(right)")
        }
        let tokenizer = try TokenizationTestData.tokenizer(TokenizationTestData.byteLevel(merges: merges))
        for length in [1, 2, 3, 15, 16, 39, 40, 41, 100, 500] {
            let word = (0..<length).map { _ in Bool.random(using: &numbers) ? "a" : "b" }.joined()
            #expect(tokenizer.pieces(word) == naive(word, merges), "\(merges) on \(word)")
            #expect(tokenizer.pieces(word) == naive(word, merges), "the second time, from the cache")
        }
    }

    private func naive(_ word: String, _ merges: [String]) -> [String] {
        var parts = word.map(String.init)
        while true {
            var best: (rank: Int, index: Int)?
            for index in parts.indices.dropLast() {
                guard let rank = merges.firstIndex(of: "\(parts[index]) \(parts[index + 1])") else { continue }
                if best.map({ rank < $0.rank }) ?? true { best = (rank, index) }
            }
            guard let best else { return parts }
            parts[best.index] += parts.remove(at: best.index + 1)
        }
    }

    @Test func `scores choose the pieces of SentencePiece, and unknown characters become bytes`() throws {
        let pieces: [(String, Float)] = [
            ("▁", -9), ("a", -5), ("b", -6), ("c", -7), ("ab", -2), ("bc", -1), ("▁a", -3), ("abc", -4),
        ]
        let tokenizer = try TokenizationTestData.tokenizer(TokenizationTestData.scored(pieces))
        #expect(tokenizer.pieces("abc") == ["▁a", "bc"])
        #expect(tokenizer.pieces("é") == ["▁", "<0xC3>", "<0xA9>"])
        #expect(tokenizer.encode("a", addSpecial: true, parseSpecial: false).first == TokenID(1))
        #expect(
            tokenizer.decode(tokenizer.encode("abc é", addSpecial: true, parseSpecial: false), skipSpecial: true)
                == "abc é"
        )
    }

    @Test(arguments: ["llama-spm", "llama-bpe", "qwen2", "phi-3", "deepseek-coder", "command-r", "gpt-2"])
    func `a text whose control tokens are broken is read as text, letter for letter`(vocabulary: String) throws {
        let tokenizer = try TokenizationTestData.tokenizer(vocabulary)
        let mark = try #require(Unicode.Scalar(UInt16(0xFDD3)))
        let controls = (0..<tokenizer.vocabularySize).map { TokenID($0) }
            .filter { tokenizer.isSpecial($0) && tokenizer.piece($0).unicodeScalars.count > 1 }.map(tokenizer.piece)
        #expect(!controls.isEmpty)
        var numbers = SeededNumbers(state: 3)
        var broken = 0
        for _ in 0..<300 {
            let fragments = (0..<Int.random(in: 1...8, using: &numbers)).map { _ -> String in
                let control = controls.randomElement(using: &numbers) ?? ""
                switch Int.random(in: 0..<5, using: &numbers) {
                case 0: return control
                case 1: return String(control.prefix(Int.random(in: 0...control.count, using: &numbers)))
                case 2: return String(control.suffix(Int.random(in: 0...control.count, using: &numbers)))
                default:
                    let words = ["Hello", " ", "\n", "é日本", "<", "|", "a b", "1234"]
                    return words.randomElement(using: &numbers) ?? ""
                }
            }
            let text = fragments.joined()
            let marked = tokenizer.breakingControlTokens(in: text, with: mark)
            if marked != text { broken += 1 }
            let found = tokenizer.encodeRendered(marked, mark: mark)
            #expect(found == tokenizer.encode(text, addSpecial: false, parseSpecial: false), "\(text)")
            // Between tokens of a template's own nothing else is one.
            let framed = tokenizer.encodeRendered(controls[0] + marked + controls[0], mark: mark)
            #expect(framed.filter(tokenizer.isSpecial).count == 2, "\(text)")
        }
        #expect(broken > 100)
    }

    @Test func `unigram takes the most probable pieces and one unknown for a run`() throws {
        let pieces: [(String, Float)] = [("▁", -3), ("a", -4), ("ab", -5), ("▁a", -6), ("b", -4), ("▁ab", -20)]
        var metadata = TokenizationTestData.scored(pieces, model: "t5")
        metadata["tokenizer.ggml.token_type"] = .integers(
            [2, 3, 3] + Array(repeating: 3, count: 256) + pieces.map { _ in 1 }
        )
        metadata["tokenizer.ggml.add_eos_token"] = .bool(false)
        let tokenizer = try TokenizationTestData.tokenizer(metadata)
        #expect(tokenizer.pieces("ab") == ["▁", "ab"])
        #expect(tokenizer.pieces("  a  b ") == ["▁a", "▁", "b"])
        #expect(tokenizer.pieces("axyzb") == ["▁a", "<unk>", "b"])
    }

    // MARK: Special tokens

    private func withSpecials() throws -> Tokenizer {
        var metadata = TokenizationTestData.byteLevel(merges: ["h i"])
        guard case .strings(let tokens)? = metadata["tokenizer.ggml.tokens"] else { throw TestFailure() }
        metadata["tokenizer.ggml.tokens"] = .strings(tokens + ["<|im_start|>", "<|im_end|>", "<|im", "<user>"])
        let count = Int64(tokens.count)
        metadata["tokenizer.ggml.token_type"] = .integers(Array(repeating: 1, count: tokens.count) + [3, 3, 3, 4])
        metadata["tokenizer.ggml.bos_token_id"] = .int64(count)
        metadata["tokenizer.ggml.eos_token_id"] = .int64(count + 1)
        metadata["tokenizer.ggml.add_bos_token"] = .bool(true)
        return try TokenizationTestData.tokenizer(metadata)
    }

    private struct TestFailure: Error {}

    @Test func `special tokens are found only when asked for, the longest first, and user-defined ones always`() throws
    {
        let tokenizer = try withSpecials()
        let parsed = tokenizer.encode("<|im_start|>hi<|im_end|><|im", addSpecial: true, parseSpecial: true)
        #expect(parsed.map(tokenizer.piece) == ["<|im_start|>", "<|im_start|>", "hi", "<|im_end|>", "<|im"])
        #expect(tokenizer.pieces("<|im_end|>").count == 10)
        #expect(tokenizer.pieces("<user>hi") == ["<user>", "hi"])
        #expect(tokenizer.decode(parsed, skipSpecial: true) == "hi")
        #expect(tokenizer.decode(parsed.dropFirst(), skipSpecial: false) == "<|im_start|>hi<|im_end|><|im")
        #expect(tokenizer.addsBOS)
        #expect(!tokenizer.addsEOS)
        #expect(tokenizer.endOfGeneration == [TokenID(258)])
    }

    @Test func `white space beside a token goes with it when the token says so`() {
        var left = AddedToken(id: TokenID(1), content: Array("<mask>".utf8), isSpecial: true)
        left.stripsLeft = true
        var single = AddedToken(id: TokenID(2), content: Array("cat".utf8), isSpecial: false)
        single.isSingleWord = true
        single.stripsRight = true
        let matcher = AddedTokenMatcher([left, single])
        var parts: [String] = []
        let text = Array("a \u{3000}<mask>b cat  concat cat".utf8)
        text.withUnsafeBufferPointer { buffer in
            matcher.forEachPart(buffer, from: 0, to: buffer.count, parseSpecial: true) { start, end, token in
                parts.append((token.map { "\($0.id):" } ?? "") + String(decoding: buffer[start..<end], as: UTF8.self))
            }
        }
        #expect(parts == ["a", "1: \u{3000}<mask>", "b ", "2:cat  ", "concat ", "2:cat"])
    }

    @Test func `pieces and ids find each other in every vocabulary`() throws {
        for vocabulary in ["gpt-2", "llama-spm", "bert-bge", "deepseek-llm"] {
            let tokenizer = try TokenizationTestData.tokenizer(vocabulary)
            for id in stride(from: 0, to: tokenizer.vocabularySize, by: 97) {
                let piece = tokenizer.piece(TokenID(id))
                #expect(tokenizer.id(ofPiece: piece) == TokenID(id), "\(vocabulary): \(piece)")
            }
        }
        #expect(try TokenizationTestData.tokenizer("gpt-2").piece(TokenID(-1)).isEmpty)
        #expect(try TokenizationTestData.tokenizer("gpt-2").bytes(of: TokenID(1_000_000)).isEmpty)
    }

    // MARK: Properties

    @Test func `random bytes come back from a byte-level vocabulary`() throws {
        let tokenizer = try TokenizationTestData.tokenizer("gpt-2")
        var numbers = SeededNumbers(state: 7)
        for _ in 0..<300 {
            let count = Int.random(in: 0..<200, using: &numbers)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &numbers) }
            let ids = tokenizer.encode(bytes, addSpecial: false, parseSpecial: Bool.random(using: &numbers))
            #expect(ids.flatMap(tokenizer.bytes) == bytes)
        }
    }

    @Test(arguments: ["a", " ", "\n", "aA", "1", "'", " \t", "e\u{301}", "中", "-", "          x", "<|"])
    func `a long run of anything takes time in proportion`(text: String) throws {
        let repeated = String(repeating: text, count: 100_000 / text.utf8.count)
        let clock = ContinuousClock()
        for vocabulary in ["gpt-2", "llama-spm"] {
            let tokenizer = try TokenizationTestData.tokenizer(vocabulary)
            var ids: [TokenID] = []
            let duration = clock.measure { ids = tokenizer.encode(repeated, addSpecial: false, parseSpecial: true) }
            #expect(tokenizer.decode(ids, skipSpecial: false) == repeated)
            #expect(duration < .seconds(20), "\(vocabulary), without optimisation and on a busy machine")
        }
    }

    @Test func `threads that share a tokenizer get the same tokens`() async throws {
        let tokenizer = try TokenizationTestData.tokenizer("gpt-2")
        let text = String(repeating: "Many threads, one vocabulary: naïve café 123. ", count: 50)
        let expected = tokenizer.ids(text)
        await withTaskGroup(of: [Int32].self) { group in
            for _ in 0..<8 { group.addTask { tokenizer.ids(text) } }
            for await ids in group { #expect(ids == expected) }
        }
    }
}
