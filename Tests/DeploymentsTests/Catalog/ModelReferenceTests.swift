import Foundation
import Testing

@testable import Deployments

/// What users type to name a model.
@Suite struct ModelReferenceTests {
    @Test func `a catalogue name is found`() throws {
        let reference = try ModelReference(parsing: "smollm2-135m")
        guard case .catalogue(let entry) = reference else { return #expect(Bool(false), "\(reference) is no entry") }
        #expect(entry.byteCount == 98_362_432)
        #expect(Catalogue.entries.flatMap(\.files).allSatisfy { ContentHash(hex: $0.hash) != nil })
        #expect(reference.storedName == "smollm2-135m")
        #expect(reference.servedName == "smollm2-135m")
    }

    @Test(arguments: [
        ("hf:owner/model", "owner/model", nil, nil, "model"),
        ("hf:owner/model:Q4_K_M", "owner/model", nil, "Q4_K_M", "model-Q4_K_M"),
        ("hf:owner/model:sub/a.gguf", "owner/model", nil, "sub/a.gguf", "model"),
        ("hf:owner/model@v1.0:q8_0", "owner/model", "v1.0", "q8_0", "model-q8_0"),
        ("hf:owner/model@refs/pr/3", "owner/model", "refs/pr/3", nil, "model"),
    ])
    func `a hub reference has its parts`(
        text: String,
        repository: String,
        revision: String?,
        selector: String?,
        served: String
    ) throws {
        let expected = HubReference(repository: repository, revision: revision, selector: selector)
        let reference = try ModelReference(parsing: text)
        #expect(reference == .hub(expected))
        #expect(reference.storedName == text)
        #expect(reference.servedName == served)
    }

    @Test(arguments: [
        "hf:", "hf:owner", "hf:owner/", "hf:/model", "hf:a/b/c", "hf:owner/model:", "hf:owner/..", "hf:owner/mo del",
        "hf:owner/model@../x", "hf:owner/model:../x", "hf:owner/model@", "hf:.owner/model",
    ])
    func `a malformed hub reference says how to write one`(text: String) {
        #expect {
            try ModelReference(parsing: text)
        } throws: { error in
            guard case ModelReferenceError.hubMalformed = error else { return false }
            return (error as? ModelReferenceError)?.description.contains("hf:owner/repository") ?? false
        }
    }

    @Test(arguments: [
        ("./model.gguf", "model"), ("/data/llama/", "llama"), ("~/m.GGUF", "m"), ("model.gguf", "model"), ("a/b", "b"),
    ])
    func `what looks like a path is one`(text: String, served: String) throws {
        let reference = try ModelReference(parsing: text)
        #expect(reference == .path(text))
        #expect(reference.servedName == served)
        #expect(reference.storedName == nil)
    }

    @Test func `a path of dots is called as the folder it leads to`() throws {
        let here = FileManager.default.currentDirectoryPath.split(separator: "/").map(String.init)
        let name = try #require(here.last)
        for text in [".", "./", "./.", "./x/..", "../\(name)", "../\(name)/."] {
            #expect(try ModelReference(parsing: text).servedName == name)
        }
        #expect(try ModelReference(parsing: "/data/llama/v1/..").servedName == "llama")
        #expect(try ModelReference(parsing: "/data/./llama/.").servedName == "llama")
        #expect(try ModelReference(parsing: "/").servedName == "/")
    }

    @Test func `a slip of the finger gets a suggestion`() {
        let expected = ModelReferenceError.nameUnknown(name: "smolm2-135m", suggestions: ["smollm2-135m"])
        #expect(throws: expected) { try ModelReference(parsing: "smolm2-135m") }
        #expect(expected.description.contains("Did you mean \"smollm2-135m\"?"))
        #expect(throws: ModelReferenceError.nameUnknown(name: "gpt", suggestions: [])) {
            try ModelReference(parsing: "gpt")
        }
        #expect(throws: ModelReferenceError.empty) { try ModelReference(parsing: "") }
    }

    @Test func `near names are sorted by distance and contain parts`() {
        let names = ["smollm2-135m", "smollm2-360m", "qwen3-0.6b"]
        #expect(NearNames.near("smollm2-135", among: names) == ["smollm2-135m", "smollm2-360m"])
        #expect(NearNames.near("smolm2", among: names) == ["smollm2-135m", "smollm2-360m"])
        #expect(NearNames.near("QWEN3", among: names) == ["qwen3-0.6b"])
        #expect(NearNames.near("zzzzzzzzzzz", among: names).isEmpty)
    }

    @Test func `a path that leads nowhere says what else could be given`() throws {
        let library = ModelLibrary(store: ModelStore(root: "/nonexistent"), hub: try HubConfiguration())
        let expected = PullError.pathMissing(path: "./none.gguf")
        #expect(throws: expected) { try library.find(ModelReference(parsing: "./none.gguf")) }
        #expect(expected.description.contains("hf:owner/repository"))
    }
}
