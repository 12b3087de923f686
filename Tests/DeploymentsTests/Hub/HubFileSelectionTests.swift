import Testing

@testable import Deployments

/// Which files of a repository are the model.
@Suite struct HubFileSelectionTests {
    private func choose(_ paths: [String], _ selector: String? = nil) throws -> [String] {
        let files = paths.map { HubFile(path: $0, byteCount: 1, check: .origin($0)) }
        return try HubFileSelection(repository: "o/r", files: files).choose(selector).map(\.path)
    }

    private let quantised = [
        "README.md", "m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q4_0.gguf", "m-f16.gguf", "mmproj-m-f16.gguf", "m.imatrix.gguf",
    ]

    @Test func `four bits of the better kind are preferred`() throws {
        #expect(try choose(quantised) == ["m-Q4_K_M.gguf"])
        #expect(try choose(["m-Q8_0.gguf", "m.Q4_0.gguf"]) == ["m.Q4_0.gguf"])
        #expect(try choose(["a-IQ2_XXS.gguf"]) == ["a-IQ2_XXS.gguf"])
    }

    @Test(arguments: [
        ("Q8_0", "m-Q8_0.gguf"), ("q8_0", "m-Q8_0.gguf"), ("F16", "m-f16.gguf"), ("m-Q4_0.gguf", "m-Q4_0.gguf"),
        ("M-q4_0.GGUF", "m-Q4_0.gguf"),
    ])
    func `a quantisation or a file is found whatever its case`(selector: String, file: String) throws {
        #expect(try choose(quantised, selector) == [file])
    }

    @Test func `a split model is one, in order`() throws {
        let parts = ["Q4_K_M/m-Q4_K_M-00002-of-00002.gguf", "Q4_K_M/m-Q4_K_M-00001-of-00002.gguf", "m-Q8_0.gguf"]
        #expect(try choose(parts, "q4_k_m") == [parts[1], parts[0]])
        #expect(try choose(parts, "m-Q4_K_M-00001-of-00002.gguf") == [parts[1], parts[0]])
        #expect(throws: HubError.partMissing(repository: "o/r", file: "m-00002-of-00003.gguf")) {
            try choose(["m-00001-of-00003.gguf", "m-00003-of-00003.gguf"])
        }
        // One that is still being uploaded hides no other.
        let half = ["m-Q4_K_M-00001-of-00002.gguf", "m-Q8_0.gguf"]
        #expect(try choose(half) == ["m-Q8_0.gguf"] && choose(half, "q8_0") == ["m-Q8_0.gguf"])
        #expect(throws: HubError.partMissing(repository: "o/r", file: "m-Q4_K_M-00002-of-00002.gguf")) {
            try choose(half, "q4_k_m")
        }
    }

    @Test func `a part of no parts is a file like any other`() throws {
        #expect(try choose(["m-00001-of-00000.gguf"]) == ["m-00001-of-00000.gguf"])
        #expect(try choose(["m-00000-of-00001.gguf"]) == ["m-00000-of-00001.gguf"])
    }

    @Test func `what is not there is answered with what is`() {
        let expected = HubError.selectionEmpty(
            repository: "o/r",
            selector: "Q2_K",
            available: ["Q4_0", "Q4_K_M", "Q8_0", "F16"]
        )
        #expect(throws: expected) { try choose(quantised, "Q2_K") }
        #expect(expected.description.contains("Q4_K_M"))
    }

    @Test func `several models of one quantisation must be told apart`() {
        let expected = HubError.selectionAmbiguous(repository: "o/r", available: ["a-Q4_K_M.gguf", "b-Q4_K_M.gguf"])
        #expect(throws: expected) { try choose(["a-Q4_K_M.gguf", "b-Q4_K_M.gguf"]) }
        #expect(throws: expected) { try choose(["a-Q4_K_M.gguf", "b-Q4_K_M.gguf"], "q4_k_m") }
        #expect(expected.description.contains("hf:o/r:a-Q4_K_M.gguf"))
    }

    @Test func `a safetensors folder brings its companions, and not the same weights twice`() throws {
        let files = [
            "model.safetensors", "consolidated.safetensors", "tokenizer.json", "config.json", "README.md",
            "onnx/model.onnx",
            "generation_config.json", "chat_template.jinja", "additional_chat_templates/tool.jinja", "sub/config.json",
        ]
        let expected = [
            "config.json", "additional_chat_templates/tool.jinja", "chat_template.jinja", "generation_config.json",
            "model.safetensors", "tokenizer.json",
        ]
        #expect(try choose(files) == expected)
        #expect(try choose(files + ["m-Q4_K_M.gguf"], "safetensors") == expected)
        #expect(try choose(files + ["m-Q4_K_M.gguf"]) == ["m-Q4_K_M.gguf"])
    }

    @Test func `a repository without a model says so`() {
        for files in [["README.md"], ["config.json"], ["model.safetensors"], ["mmproj.gguf"], []] {
            #expect(throws: HubError.noModel(repository: "o/r")) { try choose(files) }
        }
    }

    @Test(arguments: [
        ("SmolLM2-135M-Instruct.Q4_1", "q4_1"), ("qwen2.5-7b-instruct-q4_k_m", "q4_k_m"),
        ("gemma-3-270m-it-BF16", "bf16"),
        ("model", ""), ("dir-Q8_0/model-UD-Q4_K_XL", "q4_k_xl"), ("gpt-oss-20b-mxfp4", "mxfp4"),
        ("a.i1-IQ4_NL", "iq4_nl"),
    ])
    func `the quantisation is read from the name`(stem: String, expected: String) {
        #expect(HubFileSelection.quantisation(of: stem) == expected)
    }
}
