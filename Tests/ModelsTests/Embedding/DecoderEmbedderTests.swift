import Checkpoints
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

@Suite struct DecoderEmbedderTests {
    private func embedder(_ name: String, tokensPerStep: Int = 512) throws -> DecoderEmbedder {
        let decoder = try Decoder(
            Checkpoint.open(path: TestData.tiny(name + ".gguf")),
            compute: Compute(workers: WorkerPool(threadCount: 2)),
            cacheElementType: .f32
        )
        return try DecoderEmbedder(decoder, tokensPerStep: tokensPerStep)
    }

    private func reference(_ name: String) throws -> ReferenceVectors {
        try ReferenceVectors(tokens: TestData.tiny("encoder-texts.json"), floats: TestData.tiny(name + ".states"))
    }

    @Test(arguments: ["llama-f32", "qwen3-f32", "gemma3-f32"])
    func `a text's vector is the state of its last token`(name: String) throws {
        let reference = try reference(name)
        let embedder = try embedder(name)
        #expect(embedder.traits.dimensionCount == 256 && embedder.traits.pooling == .last)
        let cosine = reference.worstCosine(embedder.embed(reference.texts))
        print("\(name) as embedder: worst cosine 1 - \(1 - cosine)")
        #expect(cosine >= 0.999_999)
    }

    @Test func `a text's bits depend neither on its neighbours nor on how long a step is`() throws {
        let texts = try reference("llama-f32").texts
        let together = try embedder("llama-f32").embed(texts)
        let alone = try embedder("llama-f32")
        #expect(texts.flatMap { alone.embed([$0]) } == together)
        #expect(try embedder("llama-f32", tokensPerStep: 16).embed(texts) == together)
        #expect(try embedder("llama-f32", tokensPerStep: 64).embed(texts.reversed()) == together.reversed())
    }

    @Test func `more short texts than the cache has blocks are embedded in several steps`() throws {
        let texts = (0..<40).map { EmbedderText([TokenID($0), TokenID($0 + 1)]) }
        let alone = try embedder("llama-f32")
        #expect(try embedder("llama-f32").embed(texts) == texts.flatMap { alone.embed([$0]) })
    }

    @Test func `another pooling than the last token's is refused`() throws {
        let decoder = try Decoder(
            Checkpoint.open(path: TestData.tiny("llama-f32.gguf")),
            compute: Compute(workers: WorkerPool(threadCount: 1))
        )
        #expect(throws: ModelError.self) { try DecoderEmbedder(decoder, pooling: .mean) }
    }
}
