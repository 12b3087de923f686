import Checkpoints
import Deployments
import Foundation
import Inference
import JSON
import Models
import Serving
import TestModels
import Testing

@Suite struct AdaptersTests {
    private func withTiny(isOpen: Bool = true, _ body: (RunningServer) async throws -> Void) async throws {
        var settings = DeploymentConfiguration(name: "tiny", path: try TestData.tiny("llama-f32.gguf"))
        settings.threadCount = 2
        let directory = DeploymentDirectory([try Deployment.load(settings)])
        try await withServer({ $0.allowsAdapterChanges = isOpen }, directory: directory, body)
    }

    private func complete(_ server: RunningServer, _ model: String, more: String = "") async throws -> RawResponse {
        let fields = #""prompt":"hello","max_tokens":8,"temperature":0,"ignore_eos":true"# + more
        return try await server.send("POST", "/v1/completions", #"{"model":"\#(model)",\#(fields)}"#)
    }

    private func names(_ server: RunningServer) async throws -> [String] {
        let list = try await server.send("GET", "/v1/models").json()
        return list["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
    }

    private func load(_ server: RunningServer, _ file: String, more: String = "") async throws -> RawResponse {
        let path = try TestData.tiny(file)
        return try await server.send(
            "POST",
            "/v1/load_lora_adapter",
            #"{"lora_name":"a","lora_path":"\#(path)"\#(more)}"#
        )
    }

    @Test func `nobody waits for ever for an adapter whose disk does not answer`() async throws {
        let disk = DispatchQueue(label: "disk")
        let base = try AdapterBase(Checkpoint.open(path: TestData.tiny("llama-f32.gguf")))
        let registry = AdapterRegistry(model: "scripted", base: base, byteBudget: 0, reader: disk)
        try registry.addNow(AdapterReference(name: "a", path: TestData.tiny("llama-adapter")))
        let directory = DeploymentDirectory([try ScriptedDeployment.make(adapters: registry)])
        disk.suspend()
        defer { disk.resume() }
        try await withServer({ $0.requestTimeout = .milliseconds(500) }, directory: directory) { server in
            async let waiting = complete(server, "scripted:a")
            try await server.wait("the request waits") { server.application.runningCount == 1 }
            #expect(try await complete(server, "scripted").status == 200, "others are answered meanwhile")
            let late = try await waiting
            #expect(try late.status == 504 && late.error()["code"] == "generation_timeout")
        }
        try await withServer(directory: directory) { server in
            let connection = try await server.connect()
            try await connection.send("POST", "/v1/completions", #"{"model":"scripted:a","prompt":"hello"}"#)
            try await server.wait("the request waits") { server.application.runningCount == 1 }
            connection.close()
            try await server.wait("it is given up") { server.application.runningCount == 0 }
        }
    }

    @Test func `an adapter is loaded, used and unloaded while the server runs`() async throws {
        try await withTiny { server in
            #expect(try await complete(server, "tiny:a").status == 404)
            let plain = try await complete(server, "tiny").json()["choices"]
            let loaded = try await load(server, "llama-adapter")
            #expect(try loaded.status == 200 && loaded.json()["id"] == "tiny:a")
            #expect(try await names(server) == ["tiny", "tiny:a"])
            let changed = try await complete(server, "tiny:a").json()["choices"]
            #expect(changed != nil && changed != plain)
            #expect(try await complete(server, "a").json()["choices"] == changed)
            #expect(try await complete(server, "tiny").json()["choices"] == plain)
            let usage = try await complete(server, "tiny:a").json()["usage"]
            let metrics = try await server.send("GET", "/metrics").body
            let labels = #"{model_name="tiny",adapter="a"}"#
            let prompt = 3 * (usage?["prompt_tokens"]?.doubleValue ?? 0)
            #expect(metrics.contains("hearth_adapter_requests_total\(labels) 3\n"))
            #expect(metrics.contains("hearth_adapter_prompt_tokens_total\(labels) \(Int(prompt))\n"))
            #expect(metrics.contains("hearth_adapter_generated_tokens_total\(labels) 24\n"))
            #expect(metrics.contains(#"hearth_adapters_resident{model_name="tiny"} 1"#))
            let line = metrics.split(separator: "\n").first {
                $0.hasPrefix("hearth_adapter_compute_seconds_total\(labels)")
            }
            let seconds = try #require(line?.split(separator: " ").last.flatMap { Double($0) })
            let steps = try #require(await server.directory.deployments.first?.statistics().stepTime.sum)
            #expect(seconds > 0 && seconds < steps)
            let unloaded = try await server.send("POST", "/v1/unload_lora_adapter", #"{"lora_name":"a"}"#)
            #expect(try unloaded.status == 200 && unloaded.json()["loaded"] == false)
            #expect(try await names(server) == ["tiny"])
            #expect(try await complete(server, "tiny:a").status == 404)
        }
    }

    @Test(arguments: ["llama-f32.gguf", "llama-q4_0.gguf"])
    func `an adapter that is read again says what it said in memory`(base: String) async throws {
        func answers(adapterBytes: Int) async throws -> (texts: [JSONValue?], loads: UInt64) {
            var settings = DeploymentConfiguration(name: "tiny", path: try TestData.tiny(base))
            settings.adapters = [
                AdapterReference(name: "a", path: try TestData.tiny("llama-adapter")),
                AdapterReference(name: "b", path: try TestData.tiny("llama-adapter.gguf")),
            ]
            settings.adapterBytes = adapterBytes
            let deployment = try Deployment.load(settings)
            var texts: [JSONValue?] = []
            try await withServer(directory: DeploymentDirectory([deployment])) { server in
                for (index, name) in ["a", "b", "a", "tiny", "a", "a"].enumerated() {
                    // Another prompt than before, so that nothing of it is cached.
                    let fields = #""max_tokens":8,"temperature":0,"ignore_eos":true,"logprobs":2"#
                    let body = #"{"model":"\#(name)","prompt":"hello \#(index)",\#(fields)}"#
                    texts.append(try await server.send("POST", "/v1/completions", body).json()["choices"])
                }
            }
            return (texts, deployment.adapters.statistics.loads)
        }
        let (read, hot) = (try await answers(adapterBytes: 1), try await answers(adapterBytes: 1 << 30))
        #expect(read.texts == hot.texts && Set(read.texts).count == read.texts.count && !read.texts.contains(nil))
        #expect(read.loads > hot.loads)
    }

    @Test func `nobody is told where on the server's disk a file is missing`() async throws {
        let folder = NSTemporaryDirectory() + "adapter-" + UUID().uuidString
        try FileManager.default.copyItem(atPath: TestData.tiny("llama-adapter"), toPath: folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = DeploymentConfiguration(name: "tiny", path: try TestData.tiny("llama-f32.gguf"))
        settings.adapters = [AdapterReference(name: "a", path: folder)]
        settings.adapterBytes = 1
        try await withServer(directory: DeploymentDirectory([try Deployment.load(settings)])) { server in
            #expect(try await complete(server, "a").status == 200)
            try FileManager.default.removeItem(atPath: folder)
            let refused = try await complete(server, "a")
            #expect(try refused.status == 503 && refused.error()["code"] == "adapter_unusable")
            #expect(!refused.body.contains("/"))
        }
    }

    @Test func `the time that an answer's usage tells is what its adapter is charged with`() async throws {
        try await withTiny { server in
            #expect(try await load(server, "llama-adapter").status == 200)
            let fields = #""model":"tiny:a","prompt":"hello","max_tokens":8,"perf_metrics_in_response":true,"n":2"#
            var told = 0.0
            let whole = try await server.send("POST", "/v1/completions", "{\(fields)}").json()
            told += try #require(whole["usage"]?["compute_seconds"]?.doubleValue)
            let streamed = #"{\#(fields),"stream":true,"stream_options":{"include_usage":true}}"#
            let body = try await server.send("POST", "/v1/completions", streamed).body
            let number = try #require(body.split(separator: #""compute_seconds":"#).last).prefix { $0 != "}" }
            told += try #require(Double(number))
            let usage = try #require(server.directory.deployments.first?.adapters.usages.first).usage
            #expect(told > 0)
            #expect(abs(usage.computeTime / .seconds(1) - told) < 2e-6)
            #expect(try await complete(server, "tiny:a").json()["usage"]?["compute_seconds"] == nil)
        }
    }

    @Test func `an answer that a stop string ends is charged for, too`() async throws {
        try await withTiny { server in
            #expect(try await load(server, "llama-adapter").status == 200)
            let fields = #""model":"tiny:a","prompt":"hello","max_tokens":8,"temperature":0,"ignore_eos":true"#
            let answer = try await server.send("POST", "/v1/completions", "{\(fields)}").json()
            let text = try #require(answer["choices"]?.arrayValue?.first?["text"]?.stringValue)
            let stop = String(try #require(text.first { $0.isLetter }))
            let before = try #require(server.directory.deployments.first?.adapters.usages.first).usage
            let body = #"{\#(fields),"stop":"\#(stop)","perf_metrics_in_response":true}"#
            let stopped = try await server.send("POST", "/v1/completions", body).json()
            #expect(stopped["choices"]?.arrayValue?.first?["finish_reason"] == "stop")
            let told = try #require(stopped["usage"]?["compute_seconds"]?.doubleValue)
            let after = try #require(server.directory.deployments.first?.adapters.usages.first).usage
            #expect(told > 0)
            #expect(abs((after.computeTime - before.computeTime) / .seconds(1) - told) < 2e-6)
        }
    }

    @Test func `an adapter's own name is enough where no other model has one called so`() async throws {
        let models = try ["one", "two"].map { name in
            var settings = DeploymentConfiguration(name: name, path: try TestData.tiny("llama-f32.gguf"))
            settings.adapters = [AdapterReference(name: "a", path: try TestData.tiny("llama-adapter"))]
            settings.adapters.append(AdapterReference(name: name + "-only", path: settings.adapters[0].path))
            return try Deployment.load(settings)
        }
        try await withServer(directory: DeploymentDirectory(models)) { server in
            let ambiguous = try await complete(server, "a")
            #expect(try ambiguous.status == 400 && ambiguous.error()["code"] == "model_ambiguous")
            #expect(try ambiguous.error()["message"]?.stringValue?.contains("'one:a' or 'two:a'") == true)
            for name in ["one:a", "two:a", "two-only"] { #expect(try await complete(server, name).status == 200) }
            #expect(try await complete(server, "one:two-only").status == 404)
        }
    }

    /// A model with the adapters `a` and `b`, which are the same in both formats.
    private func withTwo(_ body: (RunningServer) async throws -> Void) async throws {
        var settings = DeploymentConfiguration(name: "tiny", path: try TestData.tiny("llama-f32.gguf"))
        settings.adapters = [
            AdapterReference(name: "a", path: try TestData.tiny("llama-adapter")),
            AdapterReference(name: "b", path: try TestData.tiny("llama-adapter.gguf")),
        ]
        try await withServer(directory: DeploymentDirectory([try Deployment.load(settings)]), body)
    }

    private func text(_ server: RunningServer, _ model: String, _ lora: String) async throws -> String? {
        let answer = try await complete(server, model, more: #","lora":\#(lora)"#)
        #expect(answer.status == 200)
        return try answer.json()["choices"]?.arrayValue?.first?["text"]?.stringValue
    }

    @Test func `requests mix adapters with scales, by name and by index`() async throws {
        try await withTwo { server in
            let plain = try await text(server, "tiny", "null")
            let changed = try await text(server, "tiny:a", "null")
            #expect(plain != nil && changed != plain)
            for none in ["[]", #"[{"id":0,"scale":0}]"#] { #expect(try await text(server, "tiny", none) == plain) }
            for one in [#""a""#, "0", #""tiny:a""#, #""b""#, "1"] {
                #expect(try await text(server, "tiny", #"[{"id":\#(one),"scale":1}]"#) == changed)
            }
            // Halves of the same add up to it.
            let halves = try await text(server, "tiny", #"[{"id":"b","scale":0.5},{"id":0,"scale":0.5}]"#)
            #expect(halves == changed)
            let turned = try await text(server, "tiny", #"[{"id":"a","scale":-1.5}]"#)
            #expect(turned != plain && turned != changed)
            // One adds what the other takes away.
            #expect(try await text(server, "tiny", #"[{"id":"a","scale":1},{"id":"b","scale":-1}]"#) == plain)
            let metrics = try await server.send("GET", "/metrics").body
            #expect(metrics.contains(#"hearth_adapter_requests_total{model_name="tiny",adapter="a"} 7"#))
            #expect(metrics.contains(#"hearth_adapter_requests_total{model_name="tiny",adapter="b"} 4"#))
        }
    }

    @Test func `adapters are listed by the index that requests may use`() async throws {
        try await withTwo { server in
            let list = try await server.send("GET", "/lora-adapters")
            #expect(try list.status == 200 && list.json()[1]?["name"] == "b" && list.json()[1]?["id"] == 1)
            #expect(try list.json()[1]?["path"] == "llama-adapter.gguf" && list.json()[0]?["scale"] == 0)
            #expect(try await server.send("GET", "/lora-adapters?model=tiny").status == 200)
            #expect(try await server.send("GET", "/lora-adapters?model=other").status == 404)
            #expect(try await server.send("POST", "/lora-adapters", "[]").status == 405)
        }
    }

    @Test func `every route that writes text takes a mix`() async throws {
        try await withTwo { server in
            let lora = #""lora":[{"id":"a","scale":2},{"id":"c","scale":1}]"#
            let message = #"[{"role":"user","content":"hi"}]"#
            let bodies = [
                ("/v1/completions", #""prompt":"hi""#), ("/v1/chat/completions", #""messages":\#(message)"#),
                ("/v1/responses", #""input":"hi""#), ("/v1/messages", #""max_tokens":4,"messages":\#(message)"#),
                ("/api/generate", #""prompt":"hi""#), ("/api/chat", #""messages":\#(message)"#),
            ]
            for (path, fields) in bodies {
                let body = #"{"model":"tiny",\#(fields),\#(lora)}"#
                let answer = try await server.send("POST", path, body)
                // Chats fail before that where the model has no template.
                #expect(answer.status == 404 && answer.body.contains("called 'c'"), "\(path): \(answer.body)")
            }
        }
    }

    @Test func `an adapter that a mix cannot have is named with its place`() async throws {
        try await withTwo { server in
            let cases = [
                (#"[{"id":"a","scale":1},{"id":"c","scale":1}]"#, "tiny", 404, "lora[1].id"),
                (#"[{"id":"c","scale":0}]"#, "tiny", 404, "lora[0].id"),
                (#"[{"id":2,"scale":1}]"#, "tiny", 404, "lora[0].id"),
                (#"[{"id":"a","scale":1},{"id":0,"scale":1}]"#, "tiny", 400, "lora[1].id"),
                (#"[{"id":"a","scale":1}]"#, "tiny:b", 400, "lora"), ("[]", "b", 400, "lora"),
            ]
            for (lora, model, status, parameter) in cases {
                let answer = try await complete(server, model, more: #","lora":\#(lora)"#)
                #expect(try answer.status == status && answer.error()["param"] == .string(parameter), "\(lora)")
            }
        }
    }

    @Test func `what cannot be loaded or unloaded is refused by its name`() async throws {
        try await withTiny { server in
            let other = try await load(server, "gemma3-adapter")
            #expect(try other.status == 400 && other.error()["param"] == "lora_path")
            #expect(try other.error()["message"]?.stringValue?.contains("model.layers.2.mlp.down_proj") == true)
            let absent = try await load(server, "llama-adapter", more: #","base_model_name":"nobody""#)
            #expect(absent.status == 404)
            #expect(try await load(server, "llama-adapter").status == 200)
            let twice = try await load(server, "llama-adapter.gguf")
            #expect(try twice.status == 409 && twice.error()["param"] == "lora_name")
            let again = try await load(server, "llama-adapter.gguf", more: #","load_inplace":true"#)
            #expect(again.status == 200)
            let unknown = try await server.send("POST", "/v1/unload_lora_adapter", #"{"lora_name":"b"}"#)
            #expect(try unknown.status == 404 && unknown.error()["code"] == "adapter_not_found")
        }
        try await withTiny(isOpen: false) { server in
            let refused = try await load(server, "llama-adapter")
            #expect(try refused.status == 403 && refused.error()["code"] == "adapter_changes_not_allowed")
            #expect(try await names(server) == ["tiny"])
        }
    }
}
