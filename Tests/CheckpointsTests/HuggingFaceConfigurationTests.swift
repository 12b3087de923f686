import Checkpoints
import JSON
import Testing

@Suite struct HuggingFaceConfigurationTests {
    static let llama: JSONValue = [
        "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8,
        "intermediate_size": 128, "vocab_size": 100, "rms_norm_eps": 1e-5, "eos_token_id": 2, "bos_token_id": 1,
    ]

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(SafetensorsWriter.sample.bytes(), to: "model.safetensors")
    }

    private func configuration(_ config: JSONValue) throws -> ModelConfiguration {
        try folder.write(config.serialized(), to: "config.json")
        return try Checkpoint.open(path: folder.path).configuration
    }

    /// The llama's settings with some replaced.
    private func configuration(changing changes: JSONObject) throws -> ModelConfiguration {
        var object = try #require(Self.llama.objectValue)
        for (key, value) in changes { object[key] = value }
        return try configuration(.object(object))
    }

    @Test func `a llama's settings are read, and what is not stated has the library's default`() throws {
        var expected = ModelConfiguration(architecture: "llama")
        (expected.contextLength, expected.vocabularySize, expected.width, expected.layerCount) = (2048, 100, 64, 4)
        (expected.headCount, expected.kvHeadCount, expected.headWidth, expected.feedForwardWidth) = (8, 8, 8, 128)
        (expected.normEpsilon, expected.bosTokenID, expected.eosTokenIDs) = (1e-5, 1, [2])
        expected.rope.dimensionCount = 8
        #expect(try configuration(Self.llama) == expected)
    }

    @Test func `mistral is a llama with a window`() throws {
        let stated = try configuration(changing: [
            "model_type": "mistral", "sliding_window": 32, "num_key_value_heads": 2,
        ])
        #expect(stated.architecture == "llama" && stated.slidingWindow == 32 && stated.slidingWindowPattern == nil)
        #expect(stated.kvHeadCount == 2)
        #expect(try configuration(changing: ["model_type": "mistral"]).slidingWindow == 4096)
        #expect(try configuration(changing: ["model_type": "mistral", "sliding_window": nil]).slidingWindow == nil)
    }

    @Test func `qwen keeps its window off unless told`() throws {
        let off: JSONObject = ["model_type": "qwen2", "sliding_window": 32, "use_sliding_window": false]
        #expect(try configuration(changing: off).slidingWindow == nil)
        #expect(try configuration(changing: ["model_type": "qwen2", "sliding_window": 32]).slidingWindow == nil)
        var deep: JSONObject = ["model_type": "qwen2", "sliding_window": 32, "use_sliding_window": true]
        deep["max_window_layers"] = 4
        #expect(try configuration(changing: deep).slidingWindow == nil)
        deep["max_window_layers"] = 2
        #expect(throws: CheckpointError.self) { _ = try configuration(changing: deep) }
        #expect(try configuration(changing: ["model_type": "qwen3"]).headWidth == 128)
    }

    @Test func `llama 3 scaling is read in both spellings`() throws {
        let expected = RotaryScaling.llama3(
            factor: 32,
            lowFrequencyFactor: 1,
            highFrequencyFactor: 4,
            originalContextLength: 8192
        )
        var scaling: JSONObject = [
            "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        ]
        var rope = try configuration(changing: ["rope_theta": 500_000, "rope_scaling": .object(scaling)]).rope
        #expect(rope.base == 500_000 && rope.scaling == expected)
        scaling["rope_theta"] = 500_000.0
        rope = try configuration(changing: ["rope_parameters": .object(scaling)]).rope
        #expect(rope.base == 500_000 && rope.scaling == expected)
        scaling["low_freq_factor"] = 4.0
        #expect(throws: CheckpointError.self) { _ = try configuration(changing: ["rope_scaling": .object(scaling)]) }
        scaling["low_freq_factor"] = nil
        let error = #expect(throws: CheckpointError.self) {
            _ = try configuration(changing: ["rope_scaling": .object(scaling)])
        }
        #expect(error == .missingKey(file: folder.path + "/config.json", key: "rope_scaling.low_freq_factor"))
    }

    @Test func `other kinds of scaling are told apart`() throws {
        func scaling(_ scaling: JSONValue) throws -> RotaryScaling {
            try configuration(changing: ["rope_scaling": scaling, "max_position_embeddings": 512]).rope.scaling
        }
        #expect(try scaling(["type": "linear", "factor": 2]) == .linear(factor: 2))
        #expect(try scaling(["rope_type": "default"]) == .none)
        #expect(try scaling(nil) == .none)
        #expect(try scaling(["rope_type": "dynamic", "factor": 2]) == .unsupported("dynamic"))
        var yarn = YarnScaling(factor: 4, originalContextLength: 512)
        #expect(try scaling(["rope_type": "yarn", "factor": 4]) == .yarn(yarn))
        (yarn.attentionFactor, yarn.betaSlow, yarn.originalContextLength) = (1.5, 2, 64)
        let stated: JSONValue = [
            "type": "yarn", "factor": 4, "attention_factor": 1.5, "beta_slow": 2,
            "original_max_position_embeddings": 64,
        ]
        #expect(try scaling(stated) == .yarn(yarn))
        for factor in [0, -1, "2"] as [JSONValue] {
            #expect(throws: CheckpointError.self) { _ = try scaling(["type": "linear", "factor": factor]) }
        }
    }

    @Test func `a gemma3 that also sees keeps its text part, with the library's defaults`() throws {
        let configuration = try configuration([
            "model_type": "gemma3", "eos_token_id": [1, 106], "vision_config": ["hidden_size": 1152],
            "text_config": [
                "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
                "rope_scaling": ["factor": 8.0, "rope_type": "linear"], "sliding_window": 1024,
            ],
        ])
        var expected = ModelConfiguration(architecture: "gemma3")
        (expected.contextLength, expected.vocabularySize, expected.width, expected.layerCount) = (
            131_072, 262_208, 2560, 34
        )
        (expected.headCount, expected.kvHeadCount, expected.headWidth, expected.feedForwardWidth) = (8, 4, 256, 10240)
        (expected.slidingWindow, expected.slidingWindowPattern, expected.attentionScale) = (1024, 6, 1.0 / 16)
        (expected.tiedEmbeddings, expected.embeddingScale, expected.eosTokenIDs) = (
            true, Float(2560).squareRoot(), [1, 106]
        )
        expected.hiddenActivation = "gelu_pytorch_tanh"
        (expected.rope.base, expected.rope.dimensionCount, expected.rope.scaling) = (1e6, 256, .linear(factor: 8))
        expected.rope.localBase = 10_000
        #expect(configuration == expected)
    }

    @Test func `parameters for each type of layer and a list of layers are read`() throws {
        var changes: JSONObject = [
            "model_type": "gemma3_text", "sliding_window": 16, "head_dim": 8, "num_key_value_heads": 4,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
            "rope_parameters": [
                "full_attention": ["rope_type": "linear", "factor": 2, "rope_theta": 5000],
                "sliding_attention": ["rope_type": "default", "rope_theta": 300],
            ],
        ]
        let configuration = try configuration(changing: changes)
        #expect(configuration.slidingWindow == 16 && configuration.slidingWindowPattern == 2)
        #expect(configuration.rope.base == 5000 && configuration.rope.scaling == .linear(factor: 2))
        #expect(configuration.rope.localBase == 300 && configuration.rope.localScaling == .none)
        for types in [
            ["full_attention"], ["a", "b", "c", "d"], "full_attention",
            ["sliding_attention", "full_attention", "full_attention", "full_attention"],
        ] as [JSONValue] {
            changes["layer_types"] = types
            #expect(throws: CheckpointError.self) { _ = try self.configuration(changing: changes) }
        }
        changes["layer_types"] = .array(Array(repeating: "full_attention", count: 4))
        #expect(try self.configuration(changing: changes).slidingWindow == nil)
        changes["layer_types"] = .array(Array(repeating: "sliding_attention", count: 4))
        #expect(try self.configuration(changing: changes).slidingWindowPattern == 5)
    }

    @Test(arguments: ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"])
    func `a setting that is missing or out of range is named`(key: String) throws {
        let file = folder.path + "/config.json"
        var object = try #require(Self.llama.objectValue)
        object[key] = nil
        #expect(throws: CheckpointError.missingKey(file: file, key: key)) { _ = try configuration(.object(object)) }
        for value in [0, -1, 1.5, "64", [64], 1_000_000_000_000] as [JSONValue] {
            let error = #expect(throws: CheckpointError.self) { _ = try configuration(changing: [key: value]) }
            guard case .invalidValue(file, key, _)? = error else {
                Issue.record("\(key) = \(value): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func `quantised weights of other kinds are refused by their name`() throws {
        let error = #expect(throws: CheckpointError.self) {
            _ = try configuration(changing: ["quantization_config": ["quant_method": "gptq", "bits": 4]])
        }
        #expect(error?.description.contains("gptq") == true)
    }

    @Test func `an unknown architecture keeps its name and needs no settings`() throws {
        let configuration = try configuration(["model_type": "mamba9", "hidden_size": "wide"])
        #expect(configuration.architecture == "mamba9" && configuration.width == 0)
        #expect(throws: CheckpointError.missingKey(file: folder.path + "/config.json", key: "model_type")) {
            _ = try self.configuration([:])
        }
    }
}
