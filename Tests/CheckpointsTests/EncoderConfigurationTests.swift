import JSON
import Tensors
import Testing

@testable import Checkpoints

@Suite struct EncoderConfigurationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let bert: JSONValue = [
        "model_type": "bert", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 128, "vocab_size": 100, "hidden_act": "gelu",
    ]

    private static let expected = EncoderConfiguration(
        architecture: "bert",
        contextLength: 512,
        vocabularySize: 100,
        width: 64,
        layerCount: 2,
        headCount: 4,
        feedForwardWidth: 128,
        normEpsilon: 1e-12,
        tokenTypeCount: 2,
        hiddenActivation: "gelu"
    )

    private func opened(_ config: JSONValue = bert, changing changes: JSONObject = [:]) throws -> Checkpoint {
        var object = try #require(config.objectValue)
        for (key, value) in changes { object[key] = value }
        try folder.write(SafetensorsWriter.sample.bytes(), to: "model.safetensors")
        try folder.write(JSONValue.object(object).serialized(), to: "config.json")
        return try Checkpoint.open(path: folder.path)
    }

    private static var file: GGUFWriter {
        var writer = GGUFWriter()
        writer.metadata = [
            ("general.architecture", .string("bert")), ("bert.context_length", .uint32(512)),
            ("bert.embedding_length", .uint32(64)), ("bert.block_count", .uint32(2)),
            ("bert.attention.head_count", .uint32(4)), ("bert.feed_forward_length", .uint32(128)),
            ("bert.attention.layer_norm_epsilon", .float32(1e-12)), ("bert.pooling_type", .uint32(2)),
        ]
        writer.tensors = [
            .init("token_embd.weight", shape: [100, 64]), .init("token_types.weight", shape: [2, 64]),
        ]
        return writer
    }

    private func opened(_ writer: GGUFWriter) throws -> Checkpoint {
        try Checkpoint.open(path: try folder.write(writer.bytes(), to: "m.gguf"))
    }

    @Test func `both formats tell the same`() throws {
        let directory = try opened()
        #expect(directory.isEncoder)
        #expect(try directory.encoderConfiguration() == Self.expected)
        let file = try opened(Self.file)
        #expect(file.isEncoder)
        #expect(try file.encoderConfiguration() == Self.expected)
    }

    @Test(
        arguments: [
            ["position_embedding_type": "relative_key"], ["is_decoder": true], ["num_attention_heads": 5],
            ["hidden_size": "wide"],
        ] as [JSONObject]
    )
    func `what would be computed wrongly is refused`(changes: JSONObject) throws {
        let checkpoint = try opened(changing: changes)
        let error = #expect(throws: CheckpointError.self) { try checkpoint.encoderConfiguration() }
        #expect(error?.description.contains(try #require(changes.keys.first)) == true)
    }

    @Test func `a file without a size says which`() throws {
        var writer = Self.file
        writer["bert.block_count"] = nil
        let checkpoint = try opened(writer)
        #expect(throws: CheckpointError.missingKey(file: folder.path + "/m.gguf", key: "bert.block_count")) {
            try checkpoint.encoderConfiguration()
        }
    }

    // MARK: Families that turn queries and keys

    private static let nomic: JSONValue = [
        "model_type": "nomic_bert", "activation_function": "swiglu", "n_embd": 64, "n_head": 4, "n_inner": 128,
        "n_layer": 2, "n_positions": 8192, "max_trained_positions": 2048, "rotary_emb_base": 1000, "vocab_size": 90,
        "pad_vocab_size_multiple": 64, "layer_norm_epsilon": 1e-12, "rotary_emb_fraction": 1.0, "causal": false,
        "rotary_emb_scale_base": nil, "moe_every_n_layers": 0,
    ]

    private static let modern: JSONValue = [
        "model_type": "modernbert", "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
        "intermediate_size": 128, "vocab_size": 100, "local_attention": 128, "global_rope_theta": 150_000,
    ]

    private static let window = EncoderWindow(reach: 64, base: 10_000, period: 3)

    @Test func `NomicBERT is read no further than it was trained, with its vocabulary filled up`() throws {
        var expected = Self.expected
        (expected.architecture, expected.contextLength, expected.vocabularySize) = ("nomic-bert", 2048, 128)
        (expected.hiddenActivation, expected.gatesFeedForward) = ("silu", true)
        expected.rotation = EncoderRotation(base: 1000)
        let checkpoint = try opened(Self.nomic)
        #expect(checkpoint.isEncoder)
        #expect(try checkpoint.encoderConfiguration() == expected)
        let modest = try opened(Self.nomic, changing: ["n_positions": 512, "type_vocab_size": 0])
        #expect(try modest.encoderConfiguration().contextLength == 512)
        #expect(try modest.encoderConfiguration().tokenTypeCount == 0)
    }

    @Test func `ModernBERT's layers see all or a window, and both ways of writing say so`() throws {
        var expected = Self.expected
        (expected.architecture, expected.contextLength, expected.layerCount) = ("modern-bert", 8192, 4)
        (expected.normEpsilon, expected.tokenTypeCount) = (1e-5, 0)
        (expected.gatesFeedForward, expected.normsFirst) = (true, true)
        expected.rotation = EncoderRotation(base: 150_000, window: Self.window)
        let checkpoint = try opened(Self.modern)
        #expect(checkpoint.isEncoder)
        #expect(try checkpoint.encoderConfiguration() == expected)
        let kinds: JSONValue = ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
        let newer: JSONObject = [
            "layer_types": kinds, "global_rope_theta": nil,
            "rope_parameters": ["full_attention": ["rope_type": "default", "rope_theta": 150_000]],
        ]
        #expect(try opened(Self.modern, changing: newer).encoderConfiguration() == expected)
        #expect([0, 1, 2, 3].map(Self.window.isLocal) == [false, true, true, false])
    }

    @Test(
        arguments: [
            ["activation_function": "gelu"], ["causal": true], ["prenorm": true], ["rotary_emb_fraction": 0.5],
            ["rotary_emb_interleaved": true], ["rotary_emb_scale_base": 512], ["moe_every_n_layers": 2],
            ["n_layer": nil],
            ["n_head": 64],
        ] as [JSONObject]
    )
    func `a NomicBERT that would be computed wrongly is refused`(changes: JSONObject) throws {
        let checkpoint = try opened(Self.nomic, changing: changes)
        let error = #expect(throws: CheckpointError.self) { try checkpoint.encoderConfiguration() }
        #expect(error?.description.contains(try #require(changes.keys.first)) == true)
    }

    @Test func `a ModernBERT with other layers or stretched frequencies is refused`() throws {
        for changes in [
            ["layer_types": ["full_attention", "full_attention", "sliding_attention", "full_attention"]],
            ["rope_scaling": ["type": "linear", "factor": 2.0]],
        ] as [JSONObject] {
            let checkpoint = try opened(Self.modern, changing: changes)
            let error = #expect(throws: CheckpointError.self) { try checkpoint.encoderConfiguration() }
            #expect(error?.description.contains(try #require(changes.keys.first)) == true)
        }
    }

    @Test func `files of the newer families tell the same`() throws {
        for (name, keys) in [
            ("nomic-bert", [("rope.freq_base", .float32(1000))]),
            (
                "modern-bert",
                [
                    ("rope.freq_base", .float32(150_000)), ("attention.sliding_window", .uint32(128)),
                    ("attention.sliding_window_pattern", .uint32(3)),
                ]
            ),
        ] as [(String, [(String, GGUFValue)])] {
            var writer = Self.file
            writer.metadata = writer.metadata.map {
                (key: $0.key.replacing("bert.", with: name + "."), value: $0.value)
            }
            writer["general.architecture"] = .string(name)
            for (key, value) in keys { writer.metadata.append((key: name + "." + key, value: value)) }
            let found = try opened(writer).encoderConfiguration()
            #expect(found.architecture == name && found.gatesFeedForward)
            #expect(found.normsFirst == (name == "modern-bert"))
            let expected: EncoderRotation =
                name == "nomic-bert" ? .init(base: 1000) : .init(base: 150_000, window: Self.window)
            #expect(found.rotation == expected)
        }
    }

    // MARK: Pooling

    @Test func `a file names its pooling`() throws {
        for (number, pooling) in [(0, nil), (1, .mean), (2, .first), (3, .last)] as [(UInt32, Pooling?)] {
            var writer = Self.file
            writer["bert.pooling_type"] = .uint32(number)
            #expect(try opened(writer).pooling() == pooling)
        }
        var writer = Self.file
        writer["bert.pooling_type"] = .uint32(4)
        let ranking = try opened(writer)
        #expect(throws: CheckpointError.self) { try ranking.pooling() }
    }

    @Test func `a folder names its pooling in its modules`() throws {
        let checkpoint = try opened()
        #expect(try checkpoint.pooling() == nil)
        let modules = { (extra: String) in
            #"[{"path":"","type":"sentence_transformers.models.Transformer"},"#
                + #"{"path":"pool","type":"sentence_transformers.models.Pooling"}\#(extra)]"#
        }
        try folder.write(modules(""), to: "modules.json")
        for (text, pooling) in [
            (#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#, .first),
            (#"{"pooling_mode_mean_tokens":true}"#, .mean), (#"{"pooling_mode":"lasttoken"}"#, .last),
        ] as [(String, Pooling)] {
            try folder.write(text, to: "pool/config.json")
            #expect(try checkpoint.pooling() == pooling)
        }
        try folder.write(#"{"pooling_mode_max_tokens":true}"#, to: "pool/config.json")
        #expect(throws: CheckpointError.self) { try checkpoint.pooling() }
        try folder.write(modules(#",{"path":"2","type":"sentence_transformers.models.Dense"}"#), to: "modules.json")
        #expect(throws: CheckpointError.self) { try checkpoint.pooling() }
        try folder.write(#"[{"path":"../x","type":"a.Pooling"}]"#, to: "modules.json")
        #expect(throws: CheckpointError.self) { try checkpoint.pooling() }
    }
}
