import Inference
import Models
import Tensors
import TestModels
import Testing

@testable import Deployments

@Suite struct DeployedAdapterTests {
    private func deployment(_ adapters: [(String, String)]) throws -> Deployment {
        var configuration = DeploymentConfiguration(name: "tiny", path: try TestData.tiny("llama-f32.gguf"))
        configuration.aliases = ["small"]
        configuration.adapters = try adapters.map { AdapterReference(name: $0.0, path: try TestData.tiny($0.1)) }
        return try Deployment.load(configuration)
    }

    @Test func `an adapter is found behind every name of its model, and by its own`() throws {
        let deployment = try deployment([("a", "llama-adapter"), ("b", "llama-adapter.gguf")])
        #expect(deployment.variantNames == ["tiny:a", "tiny:b"])
        for name in ["tiny:b", "small:b", "b"] { #expect(deployment.adapterName(forModel: name) == "b") }
        for name in ["tiny", "small", "tiny:", "tiny:c", "other:a", "c", ""] {
            #expect(deployment.adapterName(forModel: name) == nil)
        }
    }

    @Test func `a merged adapter answers as it does on top of its model, and shares no cached prefix with that`()
        async throws
    {
        let folder = try TemporaryFolder()
        func run(_ merged: Bool, as type: ElementType? = nil) async throws -> (text: String, forms: Int) {
            var configuration = DeploymentConfiguration(name: "tiny", path: try TestData.tiny("llama-f32.gguf"))
            configuration.weightType = type
            configuration.diskCache = try DiskCacheConfiguration(folder: folder.path + "/cache", byteLimit: 1 << 26)
            let adapter = AdapterReference(name: "a", path: try TestData.tiny("llama-adapter"))
            if merged { configuration.mergedAdapter = adapter } else { configuration.adapters = [adapter] }
            let deployment = try Deployment.load(configuration)
            var parameters = GenerationParameters(sampling: .greedy, maxTokens: 24)
            parameters.ignoreEndOfSequence = true
            var request = TextRequest(id: "t", prompt: .text("hello there"), parameters: parameters)
            if !merged { request.adapter = try await deployment.adapters.lease("a") }
            var text = ""
            for await event in try await deployment.generate(request).events {
                if case .text(_, let delta, _, _) = event { text += delta }
            }
            await deployment.shutdown(gracePeriod: .zero)
            return (text, try CacheFolders(root: folder.path + "/cache").forms().count)
        }
        let onTop = try await run(false)
        let merged = try await run(true)
        #expect(merged.text == onTop.text && onTop.forms == 1 && merged.forms == 2)
        // Nor do weights in fewer bits.
        let forms = try await [run(false, as: .q8_0), run(true, as: .q8_0), run(false, as: .q4_0)].map(\.forms)
        #expect(forms == [3, 4, 5])
    }

    @Test func `two adapters of one name, and one of another model, are told at the start`() throws {
        for adapters in [[("a", "llama-adapter"), ("a", "llama-adapter.gguf")], [("a", "gemma3-adapter")]] {
            let error = #expect(throws: DeploymentError.self) { try deployment(adapters) }
            guard case .modelUnavailable(let message) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(message.contains(adapters.count == 2 ? "'a'" : "model.layers.2.mlp.down_proj"))
        }
    }

    @Test func `an adapter that is unloaded from a server with nothing to do leaves its memory`() async throws {
        let deployment = try deployment([("a", "llama-adapter")])
        weak var witness: Adapter?
        do {
            let parameters = GenerationParameters(sampling: .greedy, maxTokens: 3)
            var request = TextRequest(id: "t", prompt: .text("hello there"), parameters: parameters)
            let lease = try await deployment.adapters.lease("a")
            (request.adapter, witness) = (lease, lease.adapter)
            for await _ in try await deployment.generate(request).events {}
        }
        #expect(witness != nil)
        try await deployment.adapters.remove("a")
        for _ in 0..<1000 where witness != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(witness == nil)
        await deployment.shutdown(gracePeriod: .zero)
    }

    @Test func `an answer under an adapter is another than the model's, and the same beside it`() async throws {
        let deployment = try deployment([("a", "llama-adapter")])
        func answer(_ name: String) async throws -> String {
            var parameters = GenerationParameters(sampling: .greedy, maxTokens: 24)
            parameters.ignoreEndOfSequence = true
            var request = TextRequest(id: name, prompt: .text("hello there"), parameters: parameters)
            if let adapter = deployment.adapterName(forModel: name) {
                request.adapter = try await deployment.adapters.lease(adapter)
            }
            var text = ""
            for await event in try await deployment.generate(request).events {
                if case .text(_, let delta, _, _) = event { text += delta }
            }
            return text
        }
        let (plain, changed) = (try await answer("tiny"), try await answer("a"))
        #expect(plain != changed)
        async let first = answer("tiny")
        async let second = answer("tiny:a")
        #expect(try await first == plain)
        #expect(try await second == changed)
        await deployment.shutdown(gracePeriod: .zero)
    }
}
