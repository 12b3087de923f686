import Checkpoints
import Testing

@Suite struct GGUFConfigurationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func configuration(_ writer: GGUFWriter) throws -> ModelConfiguration {
        try Checkpoint.open(path: try folder.write(writer.bytes(), to: "m.gguf")).configuration
    }

    /// The tiny llama under another architecture's name.
    private func writer(_ architecture: String) -> GGUFWriter {
        var writer = GGUFWriter.tinyLlama
        writer.metadata = writer.metadata.map { ($0.key.replacing("llama.", with: architecture + "."), $0.value) }
        writer["general.architecture"] = .string(architecture)
        return writer
    }

    @Test func `a llama's settings are read, and what is not stated is derived`() throws {
        var expected = ModelConfiguration(architecture: "llama")
        (expected.contextLength, expected.vocabularySize, expected.width, expected.layerCount) = (16, 4, 8, 1)
        (expected.headCount, expected.kvHeadCount, expected.headWidth, expected.feedForwardWidth) = (2, 1, 4, 16)
        (expected.normEpsilon, expected.tiedEmbeddings, expected.eosTokenIDs) = (1e-5, true, [2])
        (expected.rope.dimensionCount, expected.rope.pairing) = (4, .adjacent)
        #expect(try configuration(.tinyLlama) == expected)
    }

    @Test func `an output matrix of its own means that embeddings are not tied`() throws {
        var writer = GGUFWriter.tinyLlama
        writer.tensors.append(.init("output.weight", shape: [4, 8]))
        #expect(try configuration(writer).tiedEmbeddings == false)
    }

    @Test func `heads may have a width of their own`() throws {
        var writer = writer("qwen3")
        writer["qwen3.attention.key_length"] = .uint32(16)
        writer["qwen3.rope.dimension_count"] = nil
        let configuration = try configuration(writer)
        #expect(configuration.headWidth == 16 && configuration.rope.dimensionCount == 16)
        #expect(configuration.rope.pairing == .halves)
        writer["qwen3.attention.value_length"] = .uint32(8)
        #expect(throws: CheckpointError.self) { _ = try self.configuration(writer) }
    }

    @Test func `gemma3 has its window, its bases and its scales`() throws {
        var writer = writer("gemma3")
        writer["gemma3.attention.sliding_window"] = .uint32(512)
        writer["gemma3.rope.freq_base"] = .float32(1e6)
        writer["gemma3.rope.scaling.type"] = .string("linear")
        writer["gemma3.rope.scaling.factor"] = .float32(8)
        var configuration = try configuration(writer)
        #expect(configuration.slidingWindow == 512 && configuration.slidingWindowPattern == 6)
        #expect(configuration.rope.base == 1e6 && configuration.rope.localBase == 10_000)
        #expect(configuration.rope.scaling == .linear(factor: 8) && configuration.rope.localScaling == .none)
        #expect(configuration.embeddingScale == Float(8).squareRoot() && configuration.attentionScale == nil)
        #expect(configuration.hiddenActivation == "gelu_pytorch_tanh")
        writer["gemma3.attention.sliding_window_pattern"] = .bools([true, true, false, true])
        configuration = try self.configuration(writer)
        #expect(configuration.slidingWindowPattern == 3)
        writer["gemma3.attention.sliding_window_pattern"] = .bools([true, false, false])
        #expect(throws: CheckpointError.self) { _ = try self.configuration(writer) }
        writer["gemma3.attention.sliding_window_pattern"] = nil
        writer["gemma3.block_count"] = .uint32(62)
        #expect(try self.configuration(writer).attentionScale == 0.5)
    }

    @Test func `kinds of rotary scaling are told apart`() throws {
        var writer = GGUFWriter.tinyLlama
        writer["llama.rope.scaling.factor"] = .float32(4)
        #expect(try configuration(writer).rope.scaling == .linear(factor: 4))
        writer["llama.rope.scaling.type"] = .string("none")
        #expect(try configuration(writer).rope.scaling == .none)
        writer["llama.rope.scaling.type"] = .string("longrope")
        #expect(try configuration(writer).rope.scaling == .unsupported("longrope"))
        writer["llama.rope.scaling.type"] = .string("yarn")
        writer["llama.rope.scaling.original_context_length"] = .uint32(8)
        writer["llama.rope.scaling.yarn_beta_fast"] = .float32(16)
        guard case .yarn(let yarn) = try configuration(writer).rope.scaling else {
            Issue.record("yarn was not recognised")
            return
        }
        #expect(yarn.factor == 4 && yarn.originalContextLength == 8 && yarn.betaFast == 16 && yarn.betaSlow == 1)
        #expect(abs(yarn.attentionFactor - 1.138629) < 1e-5)
    }

    @Test(arguments: [
        "llama.context_length", "llama.embedding_length", "llama.block_count", "llama.feed_forward_length",
        "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon",
    ])
    func `a setting that is missing, zero or of another type is named`(key: String) throws {
        var writer = GGUFWriter.tinyLlama
        writer[key] = nil
        var error = #expect(throws: CheckpointError.self) { _ = try configuration(writer) }
        #expect(error == .missingKey(file: folder.path + "/m.gguf", key: key))
        // Kernels count in 32 bits, and lists of layers are made before any of their tensors is looked for.
        let tooMany = GGUFValue.uint32(key == "llama.block_count" ? 65_537 : 1 << 31)
        for value in [GGUFValue.uint32(0), .string("8"), .float32(.nan), .int64(-1), tooMany] {
            if value == tooMany, key.hasSuffix("epsilon") { continue }
            writer[key] = value
            error = #expect(throws: CheckpointError.self) { _ = try configuration(writer) }
            guard case .invalidValue(_, key, _)? = error else {
                Issue.record("\(key) = \(value): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func `heads that do not fit one another are refused`() throws {
        var writer = GGUFWriter.tinyLlama
        writer["llama.attention.head_count_kv"] = .integers([1, 1])
        #expect(try configuration(writer).kvHeadCount == 1)
        for (key, value) in [
            ("llama.attention.head_count_kv", GGUFValue.uint32(3)),
            ("llama.attention.head_count_kv", .integers([1, 2])),
            ("llama.rope.dimension_count", .uint32(3)), ("llama.rope.dimension_count", .uint32(6)),
        ] {
            var writer = GGUFWriter.tinyLlama
            writer[key] = value
            #expect(throws: CheckpointError.self, "\(key) = \(value)") { _ = try configuration(writer) }
        }
    }

    @Test func `an unknown architecture keeps its name and needs no settings`() throws {
        var writer = GGUFWriter.tinyLlama
        writer.metadata = [("general.architecture", .string("mamba9"))]
        let configuration = try configuration(writer)
        #expect(configuration.architecture == "mamba9" && configuration.width == 0)
        writer.metadata = []
        #expect(throws: CheckpointError.missingKey(file: folder.path + "/m.gguf", key: "general.architecture")) {
            _ = try self.configuration(writer)
        }
    }
}
