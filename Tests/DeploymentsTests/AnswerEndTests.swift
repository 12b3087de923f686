import Checkpoints
import Foundation
import TestModels
import Testing
import Tokenization

@testable import Deployments

/// Which tokens end an answer by the files beside a model in Hugging Face's layout.
@Suite struct AnswerEndTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let files = FileManager.default
        for name in ["config.json", "model.safetensors"] {
            try files.copyItem(atPath: TestData.tiny("llama-folder") + "/" + name, toPath: folder.path + "/" + name)
        }
        let tokens = #"{"id":2,"content":"<s>","special":true},{"id":3,"content":"<|turn|>","special":true}"#
        let model = #"{"type":"BPE","vocab":{"a":0,"b":1,"<s>":2,"<|turn|>":3,"c":4},"merges":[]}"#
        try write(#"{"added_tokens":[\#(tokens)],"model":\#(model)}"#, to: "tokenizer.json")
        try write(#"{"eos_token":"<s>"}"#, to: "tokenizer_config.json")
    }

    private func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/" + name))
    }

    private func ends() throws -> Set<TokenID> {
        try Deployment.loadTokenizer(Checkpoint.open(path: folder.path)).endOfGeneration
    }

    @Test func `the model's configuration adds to what the tokenizer says`() throws {
        #expect(try ends() == [TokenID(2)])
        try write(#"{"eos_token_id":[2,3]}"#, to: "generation_config.json")
        #expect(try ends() == [TokenID(2), TokenID(3)])
        // A number outside of the vocabulary ends nothing.
        try write(#"{"eos_token_id":[4,700]}"#, to: "generation_config.json")
        #expect(try ends() == [TokenID(2), TokenID(4)])
    }
}
