import Checkpoints
import JSON
import Testing

@Suite struct GenerationDefaultsTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(HuggingFaceConfigurationTests.llama.serialized(), to: "config.json")
        try folder.write(SafetensorsWriter.sample.bytes(), to: "model.safetensors")
    }

    @Test func `a generation configuration is read`() throws {
        try folder.write(
            #"{"do_sample":true,"temperature":0.6,"top_p":0.9,"top_k":40,"min_p":0,"repetition_penalty":1.1,"eos_token_id":5}"#,
            to: "generation_config.json"
        )
        var expected = GenerationDefaults()
        (expected.temperature, expected.topP, expected.topK) = (0.6, 0.9, 40)
        (expected.minP, expected.repetitionPenalty, expected.eosTokenIDs) = (0, 1.1, [5])
        #expect(try Checkpoint.open(path: folder.path).generationDefaults == expected)
    }

    @Test func `GGUF metadata state them too`() throws {
        var writer = GGUFWriter.tinyLlama
        writer["general.sampling.temp"] = .float32(0.7)
        writer["general.sampling.top_k"] = .int32(20)
        writer["general.sampling.top_p"] = .float32(0.8)
        let checkpoint = try Checkpoint.open(path: try folder.write(writer.bytes(), to: "a.gguf"))
        #expect(checkpoint.generationDefaults.temperature == 0.7)
        #expect(checkpoint.generationDefaults.topK == 20 && checkpoint.generationDefaults.topP == 0.8)
    }

    @Test(
        arguments: [
            ("temperature", -1), ("temperature", "hot"), ("top_p", 1.5), ("min_p", -0.5), ("top_k", -1), ("top_k", 1.5),
            ("repetition_penalty", 0), ("eos_token_id", "</s>"), ("eos_token_id", [1.5]), ("temperature", 2.5),
            ("repetition_penalty", 11),
        ] as [(String, JSONValue)]
    )
    func `values that make no sense are refused by name`(key: String, value: JSONValue) throws {
        try folder.write(JSONValue.object([key: value]).serialized(), to: "generation_config.json")
        let error = #expect(throws: CheckpointError.self) { _ = try Checkpoint.open(path: folder.path) }
        guard case .invalidValue(_, key, _)? = error else {
            Issue.record("\(key) = \(value): \(String(describing: error))")
            return
        }
    }
}
