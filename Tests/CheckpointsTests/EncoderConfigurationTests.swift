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

    private func opened(changing changes: JSONObject = [:]) throws -> Checkpoint {
        var object = try #require(Self.bert.objectValue)
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
