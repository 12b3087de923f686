import Checkpoints
import Foundation
import Synchronization
import Testing

@testable import Tokenization

/// What `scripts/fetch-test-data` brings, and vocabularies made in memory.
enum TokenizationTestData {
    private static let cache = URL(
        fileURLWithPath: ProcessInfo.processInfo.environment["HEARTH_TEST_DATA_CACHE"]
            ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build-testdata").path
    )

    /// Path of a file of the vocabularies' folder.
    static func vocabularyPath(_ name: String) throws -> String {
        let folder = cache.appendingPathComponent("llama-cpp-python-0.3.36/vendor/llama.cpp/models")
        let path = folder.appendingPathComponent(name).path
        try #require(FileManager.default.fileExists(atPath: path), "run scripts/test-data first: \(path) is missing")
        return path
    }

    /// The tokenizer of one of those vocabularies; each is read once.
    static func tokenizer(_ vocabulary: String) throws -> Tokenizer {
        try loaded.withLock { loaded in
            if let tokenizer = loaded[vocabulary] { return tokenizer }
            let tokenizer = try Tokenizer(gguf: GGUFFile(path: vocabularyPath("ggml-vocab-\(vocabulary).gguf")))
            loaded[vocabulary] = tokenizer
            return tokenizer
        }
    }

    private static let loaded = Mutex<[String: Tokenizer]>([:])

    /// Metadata of a byte-level vocabulary: the 256 bytes, then the pieces that the merges make.
    static func byteLevel(merges: [String], pre: String = "gpt-2") -> [String: GGUFValue] {
        let bytes = (0..<256).map { String(decoding: ByteAlphabet.piece(of: [UInt8($0)]), as: UTF8.self) }
        let made = merges.map { $0.replacingOccurrences(of: " ", with: "") }
        return [
            "tokenizer.ggml.model": .string("gpt2"), "tokenizer.ggml.pre": .string(pre),
            "tokenizer.ggml.tokens": .strings(bytes + made), "tokenizer.ggml.merges": .strings(merges),
        ]
    }

    /// Metadata of a SentencePiece vocabulary with the bytes, after `<unk>`, `<s>` and `</s>`.
    static func scored(_ pieces: [(String, Float)], model: String = "llama") -> [String: GGUFValue] {
        let bytes = (0..<256).map { String(decoding: TokenizerDefinition.byteTokenName($0), as: UTF8.self) }
        let types: [Int64] = [2, 3, 3] + Array(repeating: 6, count: 256) + pieces.map { _ in 1 }
        return [
            "tokenizer.ggml.model": .string(model),
            "tokenizer.ggml.tokens": .strings(["<unk>", "<s>", "</s>"] + bytes + pieces.map(\.0)),
            "tokenizer.ggml.scores": .floats(Array(repeating: 0, count: 259) + pieces.map(\.1)),
            "tokenizer.ggml.token_type": .integers(types),
            "tokenizer.ggml.unknown_token_id": .uint32(0),
        ]
    }

    static func tokenizer(_ metadata: [String: GGUFValue]) throws -> Tokenizer {
        try Tokenizer(TokenizerDefinition(gguf: metadata))
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension Tokenizer {
    /// The ids of a text without anything special.
    func ids(_ text: String) -> [Int32] {
        encode(text, addSpecial: false, parseSpecial: false).map(\.rawValue)
    }

    /// The pieces of a text without anything special.
    func pieces(_ text: String) -> [String] {
        encode(text, addSpecial: false, parseSpecial: false).map(piece)
    }
}
