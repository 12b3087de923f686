import Checkpoints
import Foundation
import JSON
import Testing

@Suite struct CheckpointTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A folder with a configuration and the sample's tensors.
    private func writeFolder() throws {
        try folder.write(HuggingFaceConfigurationTests.llama.serialized(), to: "config.json")
        try folder.write(SafetensorsWriter.sample.bytes(), to: "model.safetensors")
    }

    private func failure(_ path: String? = nil) -> CheckpointError? {
        #expect(throws: CheckpointError.self) { _ = try Checkpoint.open(path: path ?? folder.path) }
    }

    @Test func `a GGUF file is a checkpoint`() throws {
        let writer = GGUFWriter.tinyLlama
        let checkpoint = try Checkpoint.open(path: try folder.write(writer.bytes(), to: "a.bin"))
        #expect(checkpoint.format == .gguf && checkpoint.folder == nil && checkpoint.gguf != nil)
        #expect(checkpoint.configuration.architecture == "llama")
        let entry = try #require(checkpoint.tensor("output_norm.weight"))
        #expect(Array(checkpoint.bytes(of: entry)) == writer.tensors[1].data)
        #expect(checkpoint.tensor("output_norm") == nil)
        #expect(checkpoint.fileBytes == writer.bytes().count)
    }

    @Test func `a folder is a checkpoint, also behind symbolic links as the hub's cache has them`() throws {
        try folder.write(HuggingFaceConfigurationTests.llama.serialized(), to: "blobs/11")
        try folder.write(SafetensorsWriter.sample.bytes(), to: "blobs/22")
        try folder.write(#"{"temperature":0.6,"top_k":0,"eos_token_id":[2,7]}"#, to: "blobs/33")
        try folder.link("snapshots/abc/config.json", to: "../../blobs/11")
        try folder.link("snapshots/abc/model.safetensors", to: "../../blobs/22")
        try folder.link("snapshots/abc/generation_config.json", to: "../../blobs/33")
        for ending in ["", "/"] {
            let checkpoint = try Checkpoint.open(path: folder.path + "/snapshots/abc" + ending)
            #expect(checkpoint.format == .safetensors && checkpoint.folder?.lastPathComponent == "abc")
            #expect(checkpoint.generationDefaults.temperature == 0.6)
            #expect(checkpoint.generationDefaults.topK == nil)
            #expect(checkpoint.generationDefaults.eosTokenIDs == [2, 7])
            let entry = try #require(checkpoint.tensor("odd"))
            #expect(Array(checkpoint.bytes(of: entry)) == SafetensorsWriter.sample.tensors[4].data)
        }
    }

    @Test func `bytes stay readable after the file is removed`() throws {
        let path = try folder.write(GGUFWriter.tinyLlama.bytes(), to: "a.gguf")
        let checkpoint = try Checkpoint.open(path: path)
        try folder.remove("a.gguf")
        #expect(Array(checkpoint.bytes(of: checkpoint.tensors[0])) == GGUFWriter.tinyLlama.tensors[0].data)
    }

    @Test func `what is no model gets a reason`() throws {
        #expect(failure(folder.path + "/none") == .notFound(path: folder.path + "/none"))
        #expect(failure()?.description.contains("neither a config.json nor a .gguf file") == true)
        try folder.write("{}", to: "adapter_config.json")
        #expect(failure()?.description.contains("adapter") == true)
        try folder.write(GGUFWriter.tinyLlama.bytes(), to: "a.gguf")
        #expect(try Checkpoint.open(path: folder.path).format == .gguf)
        try folder.write(GGUFWriter.tinyLlama.bytes(), to: "b.gguf")
        #expect(failure()?.description.contains("2 models; name one of them: a.gguf, b.gguf") == true)
        let weights = try folder.write(SafetensorsWriter.sample.bytes(), to: "w.safetensors")
        #expect(failure(weights)?.description.contains("name the folder") == true)
    }

    @Test(arguments: [("adapter", "adapter"), ("mmproj", "image encoder")])
    func `GGUF files of other kinds are told apart`(type: String, words: String) throws {
        var writer = GGUFWriter.tinyLlama
        writer["general.type"] = .string(type)
        #expect(failure(try folder.write(writer.bytes(), to: "a.gguf"))?.description.contains(words) == true)
    }

    @Test func `a bare vocabulary is no model`() throws {
        var writer = GGUFWriter.tinyLlama
        writer.tensors = []
        #expect(failure(try folder.write(writer.bytes(), to: "a.gguf"))?.description.contains("no tensors") == true)
    }

    @Test func `settings files that are damaged are named`() throws {
        try writeFolder()
        for name in ["generation_config.json", "tokenizer_config.json", "config.json"] {
            try folder.write("{\"a\":tru", to: name)
            #expect(failure()?.description.hasPrefix(folder.path + "/" + name) == true)
            try folder.write("[]", to: name)
            #expect(failure()?.description.hasPrefix(folder.path + "/" + name) == true)
            try folder.remove(name)
            if name == "config.json" { continue }
            _ = try Checkpoint.open(path: folder.path)
        }
    }
}
