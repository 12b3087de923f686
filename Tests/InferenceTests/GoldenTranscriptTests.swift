import Checkpoints
import Foundation
import Models
import Tensors
import Testing
import Tokenization

@testable import Inference

/// A real model, small enough for any machine, says what its author's own program says.
@Suite struct GoldenTranscriptTests {
    /// Beside the package, where the machine has it: nothing is downloaded for this.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/data/stories260k")

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: folder.path),
            "stories260k, a model of 260,000 parameters, is not beside this package"
        ),
        // At token 71 two pieces are 0.05 apart, which 8-bit activations decide the other way, llama.cpp's as ours.
        arguments: [("stories260K-f32.gguf", 200), ("stories260K-q8_0.gguf", 71)]
    )
    func `greedy tokens from an empty prompt are the transcript that the model was published with`(
        file: String,
        tokenCount: Int
    ) async throws {
        let checkpoint = try Checkpoint.open(path: Self.folder.appendingPathComponent(file).path)
        let tokenizer = try Tokenizer(gguf: #require(checkpoint.gguf))
        let decoder = try Decoder(checkpoint, compute: Compute(workers: WorkerPool(threadCount: 2)))
        let engine = try Engine(model: decoder, configuration: EngineConfiguration(cacheSize: .blocks(64)))
        let prompt = request(1, [try #require(tokenizer.bos)], maxTokens: tokenCount)
        let tokens = EngineTests.answer(try await EngineTests.events(prompt, on: engine))
        #expect(tokens.count == tokenCount)
        let text = tokenizer.decode(tokens, skipSpecial: true)
        #expect(text.count > 2 * tokenCount)
        #expect(Self.transcript.hasPrefix(text.trimmingCharacters(in: .whitespaces)))
    }

    /// What llama2.c prints at temperature 0, from the model's page (karpathy/tinyllamas, MIT).
    private static let transcript = """
        Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.
        Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with your ball, but I can't find it."
        Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
        Lily didn't want to help her mom, so she said, "I'm sorry, mom. I didn't know what to do." Her mom said, "Don't worry, Lily. We can help you.
        """
}
