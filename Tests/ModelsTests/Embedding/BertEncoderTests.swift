import Checkpoints
import Foundation
import Tensors
import TestModels
import Testing
import Tokenization

@testable import Models

@Suite struct BertEncoderTests {
    /// Checkpoint and the smallest cosine allowed: all of float32 for plain floats, and for integer products the error
    /// of rounding activations.
    static let checkpoints: [(name: String, cosine: Double)] = [
        ("bert-f32.gguf", 0.999_999_9), ("bert-first.gguf", 0.999_999_9), ("bert-folder", 0.999_999_9),
        ("bert-f16.gguf", 0.999_99), ("bert-q8_0.gguf", 0.999),
    ]

    @Test(arguments: checkpoints, InstructionSet.available)
    func `vectors equal the independent reference's`(model: (name: String, cosine: Double), set: InstructionSet) throws
    {
        let reference = try ReferenceVectors(of: model.name)
        let encoder = try BertEncoder(TestData.tiny(model.name), set)
        #expect(encoder.traits.dimensionCount == 96 && encoder.traits.contextLength == 256)
        #expect(encoder.traits.pooling == (model.name == "bert-first.gguf" ? .first : .mean))
        let cosine = reference.worstCosine(encoder.embed(reference.texts))
        print("\(model.name) on \(set.name): worst cosine 1 - \(1 - cosine)")
        #expect(cosine >= model.cosine)
    }

    @Test func `the default model's vectors equal the reference's on real texts`() throws {
        let reference = try ReferenceVectors(
            tokens: TestData.path("real/minilm.tokens.json"),
            floats: TestData.path("real/minilm.vectors")
        )
        for set in InstructionSet.available {
            let encoder = try BertEncoder(TestData.path("all-MiniLM-L6-v2"), set)
            #expect(encoder.traits.dimensionCount == 384 && encoder.traits.contextLength == 512)
            let cosine = reference.worstCosine(encoder.embed(reference.texts))
            print("all-MiniLM-L6-v2 on \(set.name): worst cosine 1 - \(1 - cosine)")
            #expect(cosine >= 0.999_999)
        }
    }

    @Test(arguments: ["bert-f32.gguf", "bert-f16.gguf", "bert-q8_0.gguf"], InstructionSet.available)
    func `a text's bits do not depend on the texts beside it`(name: String, set: InstructionSet) throws {
        let texts = try ReferenceVectors(of: name).texts
        let encoder = try BertEncoder(TestData.tiny(name), set)
        let together = encoder.embed(texts)
        let lonely = try BertEncoder(TestData.tiny(name), set, threadCount: 1)
        for (text, vector) in zip(texts, together) { #expect(lonely.embed([text]) == [vector]) }
        #expect(encoder.embed(texts.reversed()) == together.reversed())
        #expect(encoder.embed([]).isEmpty)
    }

    @Test(arguments: [("bert-cross.gguf", 2e-5), ("bert-cross-folder", 2e-5)], InstructionSet.available)
    func `a cross-encoder's logits equal the independent reference's`(
        model: (name: String, distance: Float),
        set: InstructionSet
    ) throws {
        let reference = try ReferenceVectors(of: model.name)
        let encoder = try BertEncoder(TestData.tiny(model.name), set)
        #expect(encoder.traits.isCrossEncoder && encoder.traits.dimensionCount == 1)
        let found = encoder.embed(reference.texts)
        let distance = reference.worstDistance(found)
        print("\(model.name) on \(set.name): worst distance \(distance)")
        #expect(distance <= model.distance)
        let alone = try BertEncoder(TestData.tiny(model.name), set, threadCount: 1)
        #expect(reference.texts.flatMap { alone.embed([$0]) } == found)
        // The second text of a pair has a type of its own.
        let single = reference.texts.map { EmbedderText($0.tokens) }
        #expect(encoder.embed(single) != found)
    }

    @Test func `a classifier of several labels, or without its pooler, is refused`() throws {
        for name in ["bert-labels.gguf", "bert-headless.gguf"] {
            let error = #expect(throws: ModelError.self) { try BertEncoder(TestData.tiny(name)) }
            #expect(error?.description.contains(name == "bert-labels.gguf" ? "num_labels" : "cls.bias") == true)
        }
    }

    @Test func `a decoder is no encoder`() throws {
        let checkpoint = try Checkpoint.open(path: TestData.tiny("llama-f32.gguf"))
        let compute = Compute(workers: WorkerPool(threadCount: 1))
        #expect(throws: ModelError.self) { try BertEncoder(checkpoint, compute: compute) }
        #expect(!checkpoint.isEncoder)
    }
}
