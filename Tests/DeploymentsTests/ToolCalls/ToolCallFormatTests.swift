import Checkpoints
import Foundation
import Testing
import Tokenization

@testable import Deployments

@Suite struct ToolCallFormatTests {
    private static func tokenizer(_ name: String) throws -> Tokenizer {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let given = ProcessInfo.processInfo.environment["HEARTH_TEST_DATA_CACHE"]
        let cache = given.map { URL(fileURLWithPath: $0) } ?? root.appendingPathComponent(".build-testdata")
        let path = cache.appendingPathComponent(
            "llama-cpp-python-0.3.36/vendor/llama.cpp/models/ggml-vocab-\(name).gguf"
        ).path
        try #require(FileManager.default.fileExists(atPath: path), "run scripts/test-data first: \(path) is missing")
        return try Tokenizer(gguf: GGUFFile(path: path))
    }

    @Test func `literals are split at the marks that a vocabulary has`() throws {
        let tokenizer = try Self.tokenizer("gemma-4")
        let format = ToolCallFormat.of(.gemma4)
        let tokens = format.markerTokens(in: tokenizer)
        let open = try #require(tokens["<|tool_call>"])
        let close = try #require(tokens["<tool_call|>"])
        #expect(format.pieces(of: format.form.head, in: tokenizer) == [.token(open, "<|tool_call>"), .text("call:")])
        #expect(format.pieces(of: format.form.afterArguments, in: tokenizer) == [.token(close, "<tool_call|>")])
        #expect(format.pieces(of: "", in: tokenizer) == [])
    }

    @Test func `marks that a vocabulary lacks are text`() throws {
        let tokenizer = try Self.tokenizer("gpt-2")
        let format = ToolCallFormat.of(.hermes)
        #expect(format.markerTokens(in: tokenizer).isEmpty)
        #expect(format.pieces(of: format.form.head, in: tokenizer) == [.text("<tool_call>\n{\"name\": \"")])
        #expect(ToolSupport(template: nil, tokenizer: tokenizer).markerTokens(in: tokenizer, withTools: true).isEmpty)
    }

    @Test func `kept control tokens stay in a detokenised text`() throws {
        let tokenizer = try Self.tokenizer("gemma-4")
        let kept = Set(ToolCallFormat.of(.gemma4).markerTokens(in: tokenizer).values)
        let text = "<|tool_call>call:now{}<tool_call|>"
        let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        var detokenizer = Detokenizer(tokenizer, skipSpecial: true, keeping: kept)
        #expect(ids.map { detokenizer.append($0) }.joined() + detokenizer.finish() == text)
    }
}
