import Deployments
import Foundation
import JSON
import OllamaAPI
import Testing

@testable import Serving

@Suite struct OllamaTests {
    static let question = #""model":"scripted","messages":[{"role":"user","content":"hi"}]"#
    static let head = #"{"model":"scripted","created_at":"2023-11-14T22:13:20.000Z","#
    static let metrics = [
        "total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration",
    ]

    @Test func `a chat is streamed line by line`() async throws {
        try await withServer { server in
            let response = try await server.send("POST", "/api/chat", "{\(Self.question)}")
            #expect(response.status == 200 && response.headers["content-type"] == "application/x-ndjson")
            let lines = response.body.split(separator: "\n")
            let expected = "Héllo!".map { character in
                Self.head + #""message":{"role":"assistant","content":"\#(character)"},"done":false}"#
            }
            #expect(lines.dropLast().map { String($0) } == expected)
            let last = try JSONValue(parsing: String(try #require(lines.last)))
            #expect(
                last.objectValue?.keys == ["model", "created_at", "message", "done", "done_reason"] + Self.metrics
            )
            #expect(last["done"] == true && last["done_reason"] == "stop" && last["message"]?["content"] == "")
            #expect(last["prompt_eval_count"] == 9 && last["eval_count"] == 8)
        }
    }

    @Test func `a whole chat has the times of its parts`() async throws {
        try await withServer { server in
            let answer = try await server.send("POST", "/api/chat", "{\(Self.question),\"stream\":false}").json()
            #expect(answer["message"] == ["role": "assistant", "content": "Héllo!"])
            #expect(answer["done"] == true && answer["done_reason"] == "stop")
            func nanoseconds(_ name: String) throws -> Int { try #require(answer[name]?.integerValue) }
            let parts = try ["load_duration", "prompt_eval_duration", "eval_duration"].map(nanoseconds)
            #expect(parts.allSatisfy { $0 > 0 })
            // Each is rounded down.
            let rounding = try nanoseconds("total_duration") - parts.reduce(0, +)
            #expect((0...3).contains(rounding))
        }
    }

    @Test func `a prompt is answered with and without the template`() async throws {
        try await withServer { server in
            func generate(_ fields: String) async throws -> JSONValue {
                let body = #"{"model":"scripted:latest","stream":false,\#(fields)}"#
                return try await server.send("POST", "/api/generate", body).json()
            }
            let answer = try await generate(#""prompt":"hi""#)
            #expect(answer["response"] == "Héllo!" && answer["prompt_eval_count"] == 9)
            #expect(answer["model"] == "scripted:latest")
            let system = try await generate(#""prompt":"hi","system":"be brief""#)
            #expect(system["prompt_eval_count"] == 26)
            let raw = try await generate(#""prompt":"a\nHé","raw":true"#)
            #expect(raw["response"] == "llo!" && raw["prompt_eval_count"] == 5)
            let stream = try await server.send("POST", "/api/generate", #"{"model":"scripted","prompt":"hi"}"#)
            let lines = try stream.body.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            #expect(lines.compactMap { $0["response"]?.stringValue }.joined() == "Héllo!")
            #expect(lines.last?["done_reason"] == "stop")
        }
    }

    @Test func `thoughts are told apart from the answer`() {
        func format(_ kind: OllamaReply.Kind) -> OllamaFormat {
            let now = Date(timeIntervalSince1970: 1_700_000_000)
            return OllamaFormat(kind: kind, model: "scripted", now: { now }, makeID: { "x" })
        }
        let events: [TextEvent] = [
            .started(choice: 0, cachedTokenCount: 0), .part(choice: 0, .reasoning("so")),
            .text(choice: 0, delta: "", tokens: [], logprobs: []),
            .text(choice: 0, delta: "yes", tokens: [], logprobs: []), .finished(choice: 0, .endOfSequence),
        ]
        var chat = format(.chat)
        let lines = events.flatMap { chat.chunks(for: $0, prompt: 0) }
        let messages: [JSONValue?] = [
            ["role": "assistant", "content": "", "thinking": "so"], ["role": "assistant", "content": "yes"],
        ]
        #expect(lines.map { $0["message"] } == messages)
        var answers = AnswerCollector(promptCount: 1, choiceCount: 1)
        for event in events { answers.take(event, prompt: 0) }
        let whole = format(.generate).whole(answers, RunTiming(waiting: .zero, prefill: .zero, decode: .zero))
        #expect(whole["response"] == "yes" && whole["thinking"] == "so" && whole["done_reason"] == "stop")
    }

    @Test func `a thinking model can be asked not to think where its template has a switch`() async throws {
        let thoughts = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<think>\n</think>"
        let switched = "{% if enable_thinking is defined and not enable_thinking %}off{% endif %}" + thoughts
        let directory = DeploymentDirectory([
            try ScriptedDeployment.make(name: "stubborn", template: thoughts),
            try ScriptedDeployment.make(name: "obedient", template: switched), try ScriptedDeployment.make(),
        ])
        try await withServer(directory: directory) { server in
            func ask(_ model: String, _ think: String) async throws -> JSONValue {
                let body = #"{"model":"\#(model)","prompt":"hi","stream":false\#(think),"options":{"num_predict":1}}"#
                return try await server.send("POST", "/api/generate", body).json()
            }
            let off = #","think":false"#
            #expect(try await ask("stubborn", off)["error"]?.stringValue?.contains("'think'") == true)
            let tokens = try #require(try await ask("obedient", "")["prompt_eval_count"]?.integerValue)
            #expect(try await ask("obedient", off)["prompt_eval_count"]?.integerValue == tokens + 3)
            #expect(try await ask("scripted", off)["done"] == true)
        }
    }

    @Test func `options bound the answer`() async throws {
        try await withServer { server in
            func check(_ options: String, _ text: JSONValue, _ reason: JSONValue) async throws {
                let body = "{\(Self.question),\"stream\":false,\"options\":{\(options)}}"
                let answer = try await server.send("POST", "/api/chat", body).json()
                #expect(answer["message"]?["content"] == text && answer["done_reason"] == reason)
            }
            try await check(#""num_predict":1"#, "H", "length")
            try await check(#""num_predict":-1,"num_ctx":4096,"num_gpu":99"#, "Héllo!", "stop")
            try await check(#""stop":["lo"],"seed":-1"#, "Hél", "stop")
            try await check(#""num_predict":100000"#, "Héllo!", "stop")
        }
    }

    @Test func `an empty request finds the model loaded`() async throws {
        try await withServer { server in
            let chat = try await server.send("POST", "/api/chat", #"{"model":"scripted","keep_alive":-1}"#)
            #expect(
                chat.body
                    == Self.head + #""message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}"#
            )
            let prompt = try await server.send("POST", "/api/generate", #"{"model":"scripted","keep_alive":"5m"}"#)
            #expect(prompt.body == Self.head + #""response":"","done":true,"done_reason":"load"}"#)
        }
    }

    @Test func `models are listed, running and shown`() async throws {
        let directory = DeploymentDirectory([try ScriptedDeployment.make(aliases: ["s"])])
        try await withServer(directory: directory) { server in
            let tags = try await server.send("GET", "/api/tags").json()
            #expect(tags["models"]?.arrayValue?.map { $0["name"] } == ["scripted", "s"])
            #expect(tags["models"]?[0]?["modified_at"] == "2023-11-14T22:13:20.000Z")
            #expect(tags["models"]?[0]?["details"]?["family"]?.stringValue?.isEmpty == false)
            let processes = try await server.send("GET", "/api/ps").json()
            #expect(processes["models"]?[1]?["context_length"] == 4096)
            let show = try await server.send("POST", "/api/show", #"{"model":"s"}"#).json()
            let family = try #require(show["details"]?["family"]?.stringValue)
            #expect(show["capabilities"] == ["completion", "tools"])
            #expect(show["model_info"]?["\(family).context_length"] == 4096)
            let version = try await server.send("GET", "/api/version").json()
            #expect(version["version"]?.stringValue?.isEmpty == false)
        }
    }

    @Test func `a model is as large as its file or the files of its folder`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sizes-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("inner"),
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("a.gguf")
        let link = folder.appendingPathComponent("link")
        try Data(count: 1000).write(to: file)
        #expect(Deployment.bytesOnDisk(file.path) == 1000)
        #expect(Deployment.bytesOnDisk(folder.path) == 1000)
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
        #expect(Deployment.bytesOnDisk(link.path) == 1000)
        #expect(Deployment.bytesOnDisk(folder.path) == 2000)
        #expect(Deployment.bytesOnDisk(folder.path + "/nothing") == 0)
    }

    @Test func `closing the socket cancels a stream at once`() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            try await connection.send("POST", "/api/generate", #"{"model":"scripted","prompt":"endless"}"#)
            _ = try await connection.receive(until: #""response":"a""#)
            connection.close()
            try await server.waitUntilIdle()
            let metrics = try await server.send("GET", "/metrics").body
            #expect(metrics.contains("hearth_client_disconnects_total 1\n"))
        }
    }

    @Test func `a stream that takes too long ends with an error, and silence is filled with empty lines`() async throws
    {
        try await withServer({
            $0.requestTimeout = .milliseconds(300)
            $0.keepAliveInterval = .milliseconds(20)
        }) { server in
            defer { ScriptedDeployment.letGo("0") }
            let stop = String(repeating: "a", count: 4000)
            let body = #"{"model":"scripted","prompt":"endless held:0","options":{"stop":["\#(stop)"]}}"#
            let stream = try await server.send("POST", "/api/generate", body)
            let lines = try stream.body.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            #expect(lines.count > 1)
            #expect(lines.first?["response"] == "" && lines.first?["done"] == false)
            #expect(lines.last?["error"]?.stringValue?.isEmpty == false)
        }
    }

    /// A function with a schema that cannot be followed.
    static let nameless =
        #"[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"format":"nope"}}}}}]"#

    /// Path, members of the body, status, and the name the error must mention.
    static let refusals: [(path: String, fields: String, status: Int, name: String)] = [
        ("/api/chat", question + #","tools":[{"type":"function"}]"#, 400, "'tools[0].function'"),
        ("/api/chat", question + #","tools":\#(nameless)"#, 400, "'tools'"),
        ("/api/chat", question + #","format":"yaml""#, 400, "'format'"),
        ("/api/chat", question + #","format":{"format":"nope"}"#, 400, "'format'"),
        ("/api/chat", question + #","think":true"#, 400, "'think'"),
        ("/api/chat", question + #","think":"low""#, 400, "'think'"),
        ("/api/chat", question + #","options":{"temperature":9}"#, 400, "'options.temperature'"),
        ("/api/chat", question + #","options":{"num_ctx":100000}"#, 400, "'options.num_ctx'"),
        ("/api/chat", question + #","options":{"tempurature":1}"#, 400, "'options.tempurature'"),
        ("/api/chat", question.replacing("scripted", with: "other"), 404, "'other'"),
        ("/api/generate", #""model":"scripted","prompt":"a","template":"x""#, 400, "'template'"),
        ("/api/generate", #""model":"scripted","prompt":"a","raw":true,"system":"x""#, 400, "'system'"),
        ("/api/show", #""model":"other""#, 404, "'other'"), ("/api/show", #""model":1"#, 400, "'model'"),
        ("/api/embed", #""model":"scripted","input":"a""#, 400, "'model'"),
        ("/api/embeddings/", #""model":"other","prompt":"a""#, 404, "'other'"),
        ("/api/pull", #""model":"scripted""#, 501, "hearth pull"), ("/api/poetry", "", 404, "/api/poetry"),
    ]

    @Test func `every refusal has its status and the shape of Ollama's errors`() async throws {
        try await withServer { server in
            for refusal in Self.refusals {
                let response = try await server.send("POST", refusal.path, refusal.fields.wrapped)
                let label = Comment(rawValue: refusal.path + refusal.fields + response.body)
                #expect(response.status == refusal.status, label)
                #expect(try response.json().objectValue?.keys == ["error"], label)
                #expect(try response.error().stringValue?.contains(refusal.name) == true, label)
            }
        }
    }
}
