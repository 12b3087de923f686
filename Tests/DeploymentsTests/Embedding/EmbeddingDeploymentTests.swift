import Deployments
import Foundation
import Inference
import Models
import Tensors
import TestModels
import Testing
import Tokenization

@Suite struct EmbeddingDeploymentTests {
    private func load(_ name: String, embeds: Bool = false) throws -> LoadedModel {
        var configuration = DeploymentConfiguration(name: "e", path: try TestData.path(name))
        configuration.isEmbedder = embeds
        configuration.threadCount = 2
        return try LoadedModel.load(configuration)
    }

    private func embedder(_ name: String, embeds: Bool = false) throws -> EmbeddingDeployment {
        guard case .embedding(let embedder) = try load(name, embeds: embeds) else {
            throw DeploymentError.modelUnavailable(message: "\(name) became no embedder")
        }
        return embedder
    }

    @Test(arguments: ["tiny/bert-f32.gguf", "tiny/nomic-f32.gguf", "tiny/modern-f32.gguf"])
    func `a text gets the vector of its tokens`(name: String) async throws {
        let embedder = try embedder(name)
        let tokens = embedder.tokenizer.encode("Hello, you!", addSpecial: true, parseSpecial: false)
        let answer = try await embedder.embed([.text("Hello, you!"), .tokens(tokens), .text("else")])
        #expect(answer.vectors[0] == answer.vectors[1] && answer.vectors[0] != answer.vectors[2])
        #expect(tokens.first == TokenID(2) && tokens.last == TokenID(3))
        #expect(answer.tokenCount == 2 * tokens.count + 6)
        #expect(answer.vectors.allSatisfy { abs($0.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5 })
    }

    @Test func `an adapter for a model that embeds is refused at the start`() throws {
        for isMerged in [false, true] {
            var configuration = DeploymentConfiguration(name: "e", path: try TestData.path("tiny/bert-f32.gguf"))
            let reference = AdapterReference(name: "a", path: try TestData.tiny("llama-adapter"))
            if isMerged { configuration.mergedAdapter = reference } else { configuration.adapters = [reference] }
            let error = #expect(throws: DeploymentError.self) { try LoadedModel.load(configuration) }
            #expect(error?.description.contains("takes no adapters") == true)
        }
    }

    @Test func `a decoder embeds in fewer bits, an encoder keeps its weights and says so`() async throws {
        func vectors(_ name: String, as type: ElementType?) async throws -> (vectors: [[Float]], notices: [String]) {
            var configuration = DeploymentConfiguration(name: "e", path: try TestData.path(name))
            (configuration.isEmbedder, configuration.threadCount, configuration.weightType) = (true, 2, type)
            let notices = Notices()
            configuration.notice = { notices.add($0) }
            let embedder = try EmbeddingDeployment.load(configuration)
            return (try await embedder.embed([.text("hello there")]).vectors, notices.all)
        }
        let reduced = try await vectors("tiny/llama-f32.gguf", as: .q8_0)
        #expect(try await reduced.vectors == vectors("tiny/llama-q8_0.gguf", as: nil).vectors && reduced.notices == [])
        let encoder = try await vectors("tiny/bert-f32.gguf", as: .q8_0)
        #expect(try await encoder.vectors == vectors("tiny/bert-f32.gguf", as: nil).vectors)
        #expect(encoder.notices == ["e is an encoder: its weights stay as they are, not Q8_0."])
    }

    @Test func `a folder and a file of the same model read a text alike`() async throws {
        let texts = ["Hello, you!", "the  thing\n", "naïve Ünïcödé 日本", "a [SEP] b"].map { EmbeddingInput.text($0) }
        let file = try await embedder("tiny/modern-f32.gguf").embed(texts)
        let folder = try await embedder("tiny/modern-folder").embed(texts)
        #expect(file.tokenCount == folder.tokenCount)
        for (one, other) in zip(file.vectors, folder.vectors) {
            #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-6 })
        }
    }

    @Test func `fewer dimensions are the first ones, of length 1 again`() async throws {
        let embedder = try embedder("tiny/bert-f32.gguf")
        let whole = try await embedder.embed([.text("word")]).vectors[0]
        let short = try await embedder.embed([.text("word")], dimensions: 10).vectors[0]
        let length = whole.prefix(10).reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(short.count == 10)
        for (a, b) in zip(short, whole) { #expect(abs(a - b / length) < 1e-6) }
        #expect(try await embedder.embed([.text("word")], dimensions: 96).vectors == [whole])
        await #expect(throws: EmbeddingError.dimensionsOutOfRange(asked: 97, limit: 96)) {
            try await embedder.embed([.text("word")], dimensions: 97)
        }
    }

    @Test func `an empty text is refused though the model would put tokens around it`() async throws {
        let embedder = try embedder("tiny/bert-f32.gguf")
        await #expect(throws: EmbeddingError.emptyText(index: 1)) { try await embedder.embed([.text("a"), .text("")]) }
        await #expect(throws: EmbeddingError.textTooLong(index: 0, tokens: 302, limit: 256)) {
            try await embedder.embed([.text(String(repeating: "a ", count: 300))])
        }
    }

    @Test func `a task that is cancelled encodes no further`() async throws {
        let embedder = try embedder("tiny/bert-f32.gguf")
        let task = Task {
            // Minutes of encoding in a debug build.
            try await embedder.encode(Array(repeating: .text(String(repeating: "a ", count: 100)), count: 1_000_000))
        }
        // From a thread of its own: those that tasks share may be busy with other tests for longer than that.
        Thread.detachNewThread {
            usleep(50_000)
            task.cancel()
        }
        await #expect(throws: EmbeddingError.cancelled) { try await task.value }
    }

    @Test func `a long text can lose its end, and keeps the tokens around it`() async throws {
        let embedder = try embedder("tiny/bert-f32.gguf")
        let text = String(repeating: "Hello, you! ", count: 100)
        let tokens = embedder.tokenizer.encode(text, addSpecial: true, parseSpecial: false)
        let kept = Array(tokens.prefix(255)) + [TokenID(3)]
        let answer = try await embedder.embed([.text(text), .text("a"), .tokens(kept)], truncates: true)
        #expect(answer.vectors[0] == answer.vectors[2] && answer.tokenCount == 256 + 3 + 256)
        let cut = try await embedder.embed([.tokens(tokens), .tokens(Array(tokens.prefix(256)))], truncates: true)
        #expect(cut.vectors[0] == cut.vectors[1])
    }

    @Test func `an encoder that is to write is refused with what to do instead`() throws {
        let configuration = DeploymentConfiguration(name: "e", path: try TestData.path("tiny/bert-f32.gguf"))
        let error = #expect(throws: DeploymentError.self) { try Deployment.load(configuration) }
        #expect(error?.description.contains("/v1/embeddings") == true)
    }

    @Test func `a decoder writes unless it is told to embed`() async throws {
        let name = "SmolLM2-135M-Instruct.Q4_1.gguf"
        let embedder = try embedder(name, embeds: true)
        #expect(embedder.traits.dimensionCount == 576 && embedder.traits.pooling == .last)
        let answer = try await embedder.embed([.text("a cat"), .text("a cat"), .text("the stock market")])
        #expect(answer.vectors[0] == answer.vectors[1] && answer.vectors[0] != answer.vectors[2])
        guard case .text = try load(name) else {
            Issue.record("the decoder became an embedder")
            return
        }
    }
}
