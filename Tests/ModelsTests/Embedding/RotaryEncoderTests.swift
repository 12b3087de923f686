import Foundation
import Tensors
import TestModels
import Testing

@testable import Models

/// NomicBERT and ModernBERT.
@Suite struct RotaryEncoderTests {
    /// Checkpoint and the smallest cosine allowed, as for BERT; the tiny ModernBERT has twice the layers.
    static let checkpoints: [(name: String, cosine: Double)] = [
        ("nomic-f32.gguf", 0.999_999_9), ("nomic-folder", 0.999_999_9), ("nomic-q8_0.gguf", 0.999),
        ("modern-f32.gguf", 0.999_999_9), ("modern-folder", 0.999_999_9), ("modern-q8_0.gguf", 0.998),
    ]

    @Test(arguments: checkpoints, InstructionSet.available)
    func `vectors equal the independent reference's`(model: (name: String, cosine: Double), set: InstructionSet) throws
    {
        let reference = try ReferenceVectors(of: model.name)
        let encoder = try BertEncoder(TestData.tiny(model.name), set)
        let isModern = model.name.hasPrefix("modern")
        #expect(encoder.traits.architecture == (isModern ? "modern-bert" : "nomic-bert"))
        #expect(encoder.traits.dimensionCount == 96 && encoder.traits.contextLength == 256)
        let isFirst = ["modern-f32.gguf", "modern-folder"].contains(model.name)
        #expect(encoder.traits.pooling == (isFirst ? .first : .mean))
        let cosine = reference.worstCosine(encoder.embed(reference.texts))
        print("\(model.name) on \(set.name): worst cosine 1 - \(1 - cosine)")
        #expect(cosine >= model.cosine)
    }

    @Test(arguments: ["nomic-f32.gguf", "modern-f32.gguf", "modern-q8_0.gguf"], InstructionSet.available)
    func `a text's bits do not depend on the texts beside it`(name: String, set: InstructionSet) throws {
        let texts = try ReferenceVectors(of: name).texts
        let encoder = try BertEncoder(TestData.tiny(name), set)
        let together = encoder.embed(texts)
        let lonely = try BertEncoder(TestData.tiny(name), set, threadCount: 1)
        for (text, vector) in zip(texts, together) { #expect(lonely.embed([text]) == [vector]) }
        #expect(encoder.embed(texts.reversed()) == together.reversed())
    }

    @Test func `words have their place: the same in another order makes another vector`() throws {
        for name in ["nomic-f32.gguf", "modern-f32.gguf"] {
            let encoder = try BertEncoder(TestData.tiny(name))
            let text = try #require(ReferenceVectors(of: name).texts.last)
            let turned = EmbedderText(Array(text.tokens.reversed()))
            #expect(encoder.embed([text]) != encoder.embed([turned]))
        }
    }
}
