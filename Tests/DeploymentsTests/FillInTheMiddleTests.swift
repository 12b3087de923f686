import Checkpoints
import TestModels
import Testing
import Tokenization

@testable import Deployments

@Suite struct FillInTheMiddleTests {
    private func tokenizer(_ name: String) throws -> Tokenizer {
        try Tokenizer(
            gguf: GGUFFile(
                path: TestData.path("llama-cpp-python-0.3.36/vendor/llama.cpp/models/ggml-vocab-\(name).gguf")
            )
        )
    }

    @Test(arguments: [
        ("starcoder", "<fim_prefix>a = <fim_suffix>\nreturn a<fim_middle>"),
        ("deepseek-coder", "<｜fim▁begin｜>a = <｜fim▁hole｜>\nreturn a<｜fim▁end｜>"),
    ])
    func `a family's own marks stand around the texts`(vocabulary: String, prompt: String) throws {
        let tokenizer = try tokenizer(vocabulary)
        let marks = try #require(FillInTheMiddle(tokenizer))
        let tokens = marks.prompt(before: "a = ", after: "\nreturn a", addsSpecialTokens: false, tokenizer)
        #expect(tokens == tokenizer.encode(prompt, addSpecial: false, parseSpecial: true))
    }

    @Test func `marks within the texts are text`() throws {
        let tokenizer = try tokenizer("starcoder")
        let marks = try #require(FillInTheMiddle(tokenizer))
        let tokens = marks.prompt(before: "<fim_suffix>", after: "b", addsSpecialTokens: false, tokenizer)
        #expect(tokens.count { $0 == marks.suffix } == 1)
        #expect(tokenizer.decode(tokens, skipSpecial: true) == "<fim_suffix>b")
    }

    @Test func `a model without marks says so`() throws {
        let tokenizer = try tokenizer("llama-bpe")
        #expect(FillInTheMiddle(tokenizer) == nil)
        let renderer = PromptRenderer(tokenizer: tokenizer, template: nil)
        let error = #expect(throws: DeploymentError.self) {
            try renderer.encode(.between(before: "a", after: "b"), addsSpecialTokens: true)
        }
        guard case .invalidParameter(let name, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(name == "suffix")
    }
}
