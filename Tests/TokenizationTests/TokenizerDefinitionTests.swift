import Checkpoints
import JSON
import Testing

@testable import Tokenization

@Suite struct TokenizerDefinitionTests {
    // MARK: GGUF

    @Test func `a vocabulary with something missing or wrong is refused with the field's name`() throws {
        let good = TokenizationTestData.byteLevel(merges: ["a b"])
        let changes: [(String, GGUFValue?, String)] = [
            ("model", nil, "tokenizer.ggml.model"), ("model", .string("alien"), "alien"),
            ("pre", .string("alien"), "alien"), ("tokens", nil, "tokens"), ("tokens", .strings([]), "merge"),
            ("merges", nil, "merges"), ("merges", .strings(["ab"]), "merge 0"),
            ("merges", .strings(["a zz"]), "no token"), ("merges", .strings([""]), "merge 0"),
            ("token_type", .integers([1]), "token_type"), ("scores", .floats([1]), "scores"),
        ]
        for (key, value, words) in changes {
            var metadata = good
            metadata["tokenizer.ggml.\(key)"] = value
            let error = #expect(throws: TokenizerError.self, "\(key)") { try TokenizationTestData.tokenizer(metadata) }
            #expect(error?.description.contains(words) == true, "\(key): \(error?.description ?? "")")
        }
        var scored = TokenizationTestData.scored([("a", 1)])
        scored["tokenizer.ggml.scores"] = nil
        #expect(throws: TokenizerError.missing(field: "tokenizer.ggml.scores")) {
            try TokenizationTestData.tokenizer(scored)
        }
    }

    @Test func `duplicates, empty pieces, ids out of range and scores that are no numbers are harmless`() throws {
        let pieces: [(String, Float)] = [
            ("", 0), ("", 0), ("a", .nan), ("a", -1), ("aa", .infinity), ("▁", -.infinity), ("<0xZZ>", 1), ("▁▁", 0),
        ]
        var metadata = TokenizationTestData.scored(pieces)
        metadata["tokenizer.ggml.bos_token_id"] = .int64(-5)
        metadata["tokenizer.ggml.eos_token_id"] = .uint32(4_000_000_000)
        let tokenizer = try TokenizationTestData.tokenizer(metadata)
        #expect(tokenizer.bos == nil)
        #expect(tokenizer.eos == nil)
        #expect(
            tokenizer.decode(tokenizer.encode("aaa  é", addSpecial: true, parseSpecial: true), skipSpecial: true)
                == "aaa  é"
        )
    }

    @Test(arguments: 1...40)
    func `random metadata is refused or works, and never stops the program`(seed: Int) {
        var numbers = SeededNumbers(state: UInt64(seed))
        let texts = ["", "a", "▁", "<0x41>", "<s>", "Ġa", "a b", "\u{301}", "é", "<|im_end|>", "\u{0}", "##a"]
        let models = ["gpt2", "llama", "t5", "bert", "gemma4"]
        for _ in 0..<60 {
            func list() -> [String] {
                (0..<Int.random(in: 0..<20, using: &numbers)).map { _ in texts.randomElement(using: &numbers) ?? "" }
            }
            var metadata: [String: GGUFValue] = [
                "tokenizer.ggml.model": .string(models.randomElement(using: &numbers) ?? ""),
                "tokenizer.ggml.tokens": .strings(list()),
                "tokenizer.ggml.merges": .strings(list().filter { $0 == "a b" }),
                "tokenizer.ggml.scores": .floats((0..<20).map { _ in Float.random(in: -9...9, using: &numbers) }),
                "tokenizer.ggml.token_type": .integers((0..<20).map { _ in Int64.random(in: -1...8, using: &numbers) }),
                "tokenizer.ggml.bos_token_id": .int64(Int64.random(in: -3...25, using: &numbers)),
            ]
            if Bool.random(using: &numbers) {
                metadata["tokenizer.ggml.precompiled_charsmap"] = .integers(
                    (0..<Int.random(in: 0..<40, using: &numbers)).map { _ in Int64.random(in: 0...255, using: &numbers)
                    }
                )
            }
            guard let tokenizer = try? TokenizationTestData.tokenizer(metadata) else { continue }
            let ids = tokenizer.encode("a é <s>  ▁b\u{301}", addSpecial: true, parseSpecial: true)
            #expect(ids.allSatisfy { $0.rawValue >= 0 && Int($0.rawValue) < tokenizer.vocabularySize })
            _ = tokenizer.decode(ids, skipSpecial: false)
        }
    }

    // MARK: tokenizer.json

    @Test func `a byte-level tokenizer of Hugging Face encodes and decodes`() throws {
        let tokenizer = try tokenizer(
            """
            {"added_tokens": [{"id": 5, "content": "<|im_end|>", "special": true},
                              {"id": 6, "content": "<s>", "special": true}],
             "normalizer": {"type": "NFC"},
             "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
               {"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"}, "behavior": "Isolated", "invert": false},
               {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
             "post_processor": {"type": "TemplateProcessing",
               "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
               "special_tokens": {"<s>": {"id": "<s>", "ids": [6], "tokens": ["<s>"]}}},
             "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "vocab": {"h": 0, "i": 1, "Ġ": 2, "hi": 3, "Ġhi": 4},
                       "merges": [["h", "i"], "Ġ hi"]}}
            """,
            #"{"eos_token": {"content": "<|im_end|>"}, "add_bos_token": true, "bos_token": "<s>"}"#
        )
        let ids = tokenizer.encode("hi hi<|im_end|>", addSpecial: true, parseSpecial: true)
        #expect(ids.map(\.rawValue) == [6, 3, 4, 5])
        #expect(tokenizer.decode(ids, skipSpecial: true) == "hi hi")
        #expect(tokenizer.endOfGeneration == [TokenID(5)])
        #expect(tokenizer.addsBOS)
        #expect(tokenizer.piece(TokenID(4)) == "Ġhi")
    }

    @Test func `a SentencePiece tokenizer of Hugging Face falls back to bytes`() throws {
        let tokenizer = try tokenizer(
            """
            {"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
               {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
             "decoder": {"type": "Sequence", "decoders": [
               {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
               {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
             "model": {"type": "BPE", "byte_fallback": true, "fuse_unk": true, "unk_token": "<unk>",
               "vocab": {"<unk>": 0, "<0xC3>": 1, "<0xA9>": 2, "▁": 3, "a": 4, "▁a": 5}, "merges": ["▁ a"]}}
            """
        )
        let ids = tokenizer.encode("a aéz", addSpecial: false, parseSpecial: false)
        #expect(ids.map(\.rawValue) == [5, 5, 1, 2, 0])
        #expect(tokenizer.decode(ids, skipSpecial: true) == "a aé")
    }

    @Test func `WordPiece and unigram tokenizers of Hugging Face work`() throws {
        let bert = try tokenizer(
            """
            {"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
             "decoder": {"type": "WordPiece", "prefix": "##"},
             "model": {"type": "WordPiece", "unk_token": "[UNK]",
                       "vocab": {"[UNK]": 0, "cafe": 1, "##s": 2, "!": 3, "中": 4}}}
            """
        )
        #expect(bert.ids("CAFÉS! 中zz") == [1, 2, 3, 4, 0])
        #expect(bert.decode([TokenID(1), TokenID(2), TokenID(4)], skipSpecial: true) == "cafes 中")
        // What Unicode 8 had: a mark goes, a control goes, punctuation and ideographs stand alone. What came later stays.
        #expect(bert.ids("ca\u{5B0}fe cafe\u{200B} cafe\u{2E42}s cafe\u{2B740}s").prefix(5) == [1, 1, 1, 0, 0])
        #expect(bert.ids("ca\u{898}fe cafe\u{8E2} cafe\u{2E43}s cafe\u{2B820}s") == [0, 0, 0, 0])
        let unigram = try tokenizer(
            """
            {"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
             "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
             "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁", -2.0], ["▁hi", -3.0], ["h", -4.0], ["i", -4.0]]}}
            """
        )
        #expect(unigram.ids("hi ih") == [2, 1, 4, 3])
        #expect(unigram.decode([TokenID(2), TokenID(2)], skipSpecial: true) == "hi hi")
    }

    @Test func `what is not supported is named`() {
        let components: [(String, String)] = [
            (#""normalizer": {"type": "Martian"}"#, "Martian"), (#""pre_tokenizer": {"type": "Venusian"}"#, "Venusian"),
            (#""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[q]{9}"}, "behavior": "Isolated"}"#, "[q]{9}"),
            (#""post_processor": {"type": "Plutonian"}"#, "Plutonian"), (#""decoder": {"type": "CTC"}"#, "CTC"),
            (#""x": 0, "model": {"type": "WordLevel", "vocab": {"a": 0}}"#, "WordLevel"),
            (#""x": 0, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}"#, "a b"),
            (#""x": 0, "model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}"#, "vocab"),
        ]
        for (component, name) in components {
            let hasModel = component.contains("\"model\"")
            let model = hasModel ? "" : #", "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}"#
            let error = #expect(throws: TokenizerError.self) { try tokenizer("{\(component)\(model)}") }
            #expect(error?.description.contains(name) == true, "\(component): \(error?.description ?? "")")
        }
    }

    private func tokenizer(_ json: String, _ configuration: String = "{}") throws -> Tokenizer {
        try Tokenizer(
            TokenizerDefinition(huggingFace: JSONValue(parsing: json), configuration: JSONValue(parsing: configuration))
        )
    }
}
