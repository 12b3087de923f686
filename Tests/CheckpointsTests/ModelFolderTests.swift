import Checkpoints
import JSON
import Testing

/// How the files with tensors are found, with and without an index.
@Suite struct ModelFolderTests {
    private let folder: TemporaryFolder
    private let indexName = "model.safetensors.index.json"

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(HuggingFaceConfigurationTests.llama.serialized(), to: "config.json")
    }

    private func shard(_ name: String, _ tensors: [String]) throws {
        let writer = SafetensorsWriter(tensors: tensors.map { .init($0, shape: [$0.utf8.count]) })
        try folder.write(writer.bytes(), to: name)
    }

    private func index(_ map: JSONValue) throws {
        let index: JSONValue = ["metadata": ["total_size": 1], "weight_map": map]
        try folder.write(index.serialized(), to: indexName)
    }

    private func failure() -> CheckpointError? {
        #expect(throws: CheckpointError.self) { _ = try Checkpoint.open(path: folder.path) }
    }

    @Test func `the index says which files hold the tensors`() throws {
        try shard("one.safetensors", ["a", "bb"])
        try shard("two.safetensors", ["ccc"])
        try shard("unrelated.safetensors", ["a"])
        try index(["ccc": "two.safetensors", "a": "one.safetensors", "bb": "one.safetensors"])
        let checkpoint = try Checkpoint.open(path: folder.path)
        #expect(Set(checkpoint.tensors.map(\.name)) == ["a", "bb", "ccc"])
        for entry in checkpoint.tensors { #expect(checkpoint.bytes(of: entry).count == entry.name.utf8.count * 4) }
    }

    @Test(arguments: [
        "../one.safetensors", "/etc/one.safetensors", "sub/one.safetensors", "..\\one.safetensors", "", "..",
        ".safetensors", "one.bin", "one\u{0}.safetensors",
    ])
    func `a file name that leads out of the folder is refused`(name: String) throws {
        try index(["a": .string(name)])
        #expect(failure() == .unsafePath(file: folder.path + "/" + indexName, key: "weight_map.a", path: name))
    }

    @Test func `files and tensors that the index names must be there, once`() throws {
        try shard("one.safetensors", ["a"])
        try index(["a": "one.safetensors", "b": "two.safetensors"])
        #expect(
            failure()
                == .missingFile(
                    path: folder.path + "/two.safetensors",
                    reason: "\(folder.path)/\(indexName) names it"
                )
        )
        try shard("two.safetensors", ["c"])
        #expect(failure() == .missingTensor(name: "b", file: folder.path + "/two.safetensors"))
        try shard("two.safetensors", ["b", "a"])
        #expect(
            failure()
                == .duplicateTensor(
                    name: "a",
                    file: folder.path + "/one.safetensors",
                    otherFile: folder.path + "/two.safetensors"
                )
        )
    }

    @Test(arguments: [[:], ["weight_map": []], ["weight_map": ["a": 1]], ["weight_map": nil]] as [JSONValue])
    func `an index without a map of files is refused`(index: JSONValue) throws {
        try folder.write(index.serialized(), to: indexName)
        #expect(failure()?.description.contains("weight_map") == true)
    }

    @Test func `without an index the numbered files must be complete`() throws {
        try shard("model-00001-of-00002.safetensors", ["a"])
        guard case .missingFile(let path, _)? = failure() else {
            Issue.record("the second of two files is missing, and nothing was said")
            return
        }
        #expect(path.hasSuffix("/model-00002-of-00002.safetensors"))
        try shard("model-00002-of-00002.safetensors", ["b"])
        #expect(try Checkpoint.open(path: folder.path).tensors.map(\.name) == ["a", "b"])
    }

    @Test func `without an index one file of any name will do, several will not`() throws {
        #expect(failure()?.description.contains("neither model.safetensors nor") == true)
        try shard("weights.safetensors", ["a"])
        #expect(try Checkpoint.open(path: folder.path).tensors.count == 1)
        try shard("more.safetensors", ["b"])
        #expect(failure()?.description.contains("found: more.safetensors, weights.safetensors") == true)
    }
}
