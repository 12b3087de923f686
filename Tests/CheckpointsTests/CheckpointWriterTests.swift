import Checkpoints
import Foundation
import JSON
import Tensors
import Testing

@Suite struct CheckpointWriterTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A tensor of ones.
    private static let ones = TensorReplacement(elementType: .f32, shape: [8]) { bytes in
        for index in 0..<8 { bytes.storeBytes(of: Float(1), toByteOffset: 4 * index, as: Float.self) }
    }

    @Test func `a split file is written as one, with its settings and other tensors`() throws {
        let whole = GGUFWriter.tinyLlama
        for (number, tensors) in [whole.tensors[0..<2], whole.tensors[2..<4]].enumerated() {
            var part = GGUFWriter(metadata: number == 0 ? whole.metadata : [], tensors: Array(tensors))
            part["split.no"] = .uint16(UInt16(number))
            part["split.count"] = .uint16(2)
            part["split.tensors.count"] = .int32(4)
            try folder.write(part.bytes(), to: "m-0000\(number + 1)-of-00002.gguf")
        }
        let base = try Checkpoint.open(path: folder.path + "/m-00001-of-00002.gguf")
        let checkpoint = base.replacing(["output_norm.weight": Self.ones]).replacing(["added.weight": Self.ones])
        #expect(checkpoint.tensor("added.weight")?.fileIndex == -1)
        let path = folder.path + "/whole.gguf"
        try CheckpointWriter(checkpoint).write(to: path)
        let written = try Checkpoint.open(path: path)
        #expect(written.gguf?.metadata == GGUFReaderSample.metadata(whole))
        #expect(written.tensors.map(\.name) == whole.tensors.map(\.name) + ["added.weight"])
        for name in ["output_norm.weight", "added.weight"] {
            let tensor = try #require(written.tensor(name))
            #expect(Array(written.bytes(of: tensor).bindMemory(to: Float.self)) == Array(repeating: 1, count: 8))
        }
        for (tensor, original) in zip(written.tensors, whole.tensors) where tensor.name != "output_norm.weight" {
            #expect(Array(written.bytes(of: tensor)) == original.data)
        }
    }

    @Test func `a folder of links is written with its files, and weights in one file`() throws {
        try folder.write(HuggingFaceConfigurationTests.llama.serialized(), to: "blobs/11")
        try folder.write(SafetensorsWriter.sample.bytes(), to: "blobs/22")
        try folder.write("{}", to: "base/tokenizer_config.json")
        try folder.write("old", to: "base/pytorch_model.bin")
        try folder.link("base/config.json", to: "../blobs/11")
        try folder.link("base/model.safetensors", to: "../blobs/22")
        let base = try Checkpoint.open(path: folder.path + "/base")
        let path = folder.path + "/new"
        try CheckpointWriter(base.replacing(["model.norm.weight": Self.ones])).write(to: path)
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        #expect(names == ["config.json", "model.safetensors", "tokenizer_config.json"])
        // The copies are files of their own.
        try folder.remove("blobs/11")
        let written = try Checkpoint.open(path: path)
        #expect(written.configuration == base.configuration && written.tensors.count == base.tensors.count)
        for tensor in base.tensors where tensor.name != "model.norm.weight" {
            let read = try #require(written.tensor(tensor.name))
            #expect(Array(written.bytes(of: read)) == Array(base.bytes(of: tensor)))
        }
        #expect(written.tensor("model.norm.weight")?.elementType == .f32)
    }

    @Test func `what is computed is computed when it is read, and again once it was let go`() throws {
        let path = try folder.write(GGUFWriter.tinyLlama.bytes(), to: "a.gguf")
        let counter = Counter()
        let replacement = TensorReplacement(elementType: .f32, shape: [8]) { bytes in
            counter.count += 1
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
        }
        let checkpoint = try Checkpoint.open(path: path).replacing(["output_norm.weight": replacement])
        let tensor = try #require(checkpoint.tensor("output_norm.weight"))
        #expect(counter.count == 0)
        for _ in 0..<2 { #expect(checkpoint.bytes(of: tensor).allSatisfy { $0 == 0 }) }
        #expect(counter.count == 1)
        checkpoint.releasePages()
        _ = checkpoint.bytes(of: tensor)
        #expect(counter.count == 2)
    }
}

/// How often something was done, on one thread.
private final class Counter: @unchecked Sendable {
    var count = 0
}

/// What a writer's settings are when they are read.
private enum GGUFReaderSample {
    static func metadata(_ writer: GGUFWriter) -> [String: GGUFValue] {
        Dictionary(uniqueKeysWithValues: writer.metadata.map { ($0.key, $0.value) })
    }
}
