import Deployments
import Foundation
import JSON
import OllamaAPI
import Serving
import TestModels
import Testing

/// The scripted model knows nothing of functions and structures: what comes out is the constraint's doing alone.
@Suite struct OllamaFunctionTests {
    private static let tools = #"""
        "tools":[{"type":"function","function":{"name":"roll","description":"rolls","parameters":{"type":"object",
        "properties":{"sides":{"enum":[6,20]}},"required":["sides"]}}}]
        """#

    private func answer(_ server: RunningServer, _ fields: String) async throws -> JSONValue {
        let response = try await server.send("POST", "/api/chat", "{\(OllamaTests.question),\(fields)}")
        #expect(response.status == 200, "\(response.body)")
        return try response.json()
    }

    @Test func `a model that calls nothing says what it says without functions`() async throws {
        try await withServer { server in
            let answer = try await answer(server, Self.tools + #","stream":false"#)
            #expect(answer["message"] == ["role": "assistant", "content": "Héllo!"])
            #expect(answer["prompt_eval_count"]?.integerValue ?? 0 > 100)
        }
    }

    @Test func `calls are whole, with arguments as objects, streamed or not`() async throws {
        func call(_ sides: Int) -> String {
            "<tool_call>\n{\"name\": \"roll\", \"arguments\": {\"sides\": \(sides)}}\n</tool_call>"
        }
        let answering = try ScriptedDeployment.make(answering: "Now:" + call(6) + "\n" + call(20))
        try await withServer(directory: DeploymentDirectory([answering])) { server in
            let whole = try await answer(server, Self.tools + #","stream":false"#)
            #expect(whole["message"]?["content"] == "Now:" && whole["done_reason"] == "stop")
            let calls = try #require(whole["message"]?["tool_calls"]?.arrayValue)
            let functions: [JSONValue?] = [
                ["index": 0, "name": "roll", "arguments": ["sides": 6]],
                ["index": 1, "name": "roll", "arguments": ["sides": 20]],
            ]
            #expect(calls.map { $0["function"] } == functions)
            #expect(calls.allSatisfy { $0["id"]?.stringValue?.hasPrefix("call_") == true })
            let stream = try await server.send("POST", "/api/chat", "{\(OllamaTests.question),\(Self.tools)}")
            let parts = try stream.body.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            #expect(parts.compactMap { $0["message"]?["content"]?.stringValue }.joined() == "Now:")
            let streamed = parts.flatMap { $0["message"]?["tool_calls"]?.arrayValue ?? [] }
            #expect(streamed.map { $0["function"] } == functions && parts.last?["done_reason"] == "stop")
            let count = try #require(whole["eval_count"]?.integerValue)
            let cut = #","stream":false,"options":{"num_predict":\#(count - 20)}"#
            let message = try await answer(server, Self.tools + cut)["message"]
            #expect(message?["tool_calls"]?.arrayValue?.count == 1)
        }
    }

    @Test func `a result goes back to the model with the name of its call`() async throws {
        let template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ '\\n' }}"
        let directory = DeploymentDirectory([try ScriptedDeployment.make(template: template)])
        try await withServer(directory: directory) { server in
            func tokens(_ messages: String) async throws -> Int {
                let body = #"{"model":"scripted","stream":false,"messages":[\#(messages)]}"#
                let answer = try await server.send("POST", "/api/chat", body).json()
                return try #require(answer["prompt_eval_count"]?.integerValue, "\(answer)")
            }
            let call = #"{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}"#
            let written =
                "<user>q<assistant><tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"
                + "<user><tool_response>\n21\n</tool_response>\n"
            for result in [#""tool_name":"f","#, ""] {
                let messages =
                    #"{"role":"user","content":"q"},\#(call),{"role":"tool",\#(result)"content":"21"}"#
                let count = try await tokens(messages)
                #expect(count == written.utf8.count)
            }
        }
    }

    @Test(arguments: [#"{"enum":["a","b"]}"#, #"{"type":"object","properties":{"a":{"enum":[1,2]}},"required":["a"]}"#])
    func `an answer has the format that was asked for, in chats and for prompts`(schema: String) async throws {
        try await withServer { server in
            let allowed: [JSONValue] = ["a", "b", ["a": 1], ["a": 2]]
            let chat = try await answer(server, #""stream":false,"format":\#(schema)"#)
            let text = try #require(chat["message"]?["content"]?.stringValue)
            #expect(allowed.contains(try JSONValue(parsing: text)) && chat["done_reason"] == "stop")
            for raw in [false, true] {
                let body = #"{"model":"scripted","prompt":"hi","raw":\#(raw),"format":\#(schema)}"#
                let stream = try await server.send("POST", "/api/generate", body)
                let parts = try stream.body.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
                let text = parts.compactMap { $0["response"]?.stringValue }.joined()
                #expect(allowed.contains(try JSONValue(parsing: text)), "\(text)")
            }
        }
    }

    @Test func `json is an object of any kind`() async throws {
        try await withServer { server in
            let fields = #""stream":false,"format":"json","options":{"num_predict":200}"#
            let answer = try await answer(server, fields)
            let text = try #require(answer["message"]?["content"]?.stringValue)
            let isCut = answer["done_reason"] == "length"
            #expect(text.hasPrefix("{"))
            let parsed = try? JSONValue(parsing: text)
            #expect(isCut || parsed?.objectValue != nil)
        }
    }
}

@Suite struct OllamaEmbeddingRouteTests {
    private func withEmbedder(_ body: (RunningServer) async throws -> Void) async throws {
        let path = try TestData.tiny("bert-f32.gguf")
        let embedder = try EmbeddingDeployment.load(DeploymentConfiguration(name: "bert", path: path))
        let directory = DeploymentDirectory([try ScriptedDeployment.make()], embedders: [embedder])
        try await withServer(directory: directory, body)
    }

    private func vectors(_ value: JSONValue?) -> [[Double]] {
        (value?.arrayValue ?? []).map { ($0.arrayValue ?? []).compactMap(\.doubleValue) }
    }

    @Test func `texts have the vectors of OpenAI's form`() async throws {
        try await withEmbedder { server in
            let input = #""input":["a cat","the dog"]"#
            let openAI = try await server.send("POST", "/v1/embeddings", #"{"model":"bert",\#(input)}"#).json()
            let wanted = try [0, 1].map { try #require(openAI["data"]?[$0]?["embedding"]) }
            let answer = try await server.send("POST", "/api/embed", #"{"model":"bert:latest",\#(input)}"#).json()
            #expect(answer["embeddings"]?.arrayValue == wanted && answer["model"] == "bert:latest")
            #expect(answer["prompt_eval_count"] == openAI["usage"]?["prompt_tokens"])
            #expect(answer["total_duration"]?.integerValue ?? 0 > answer["load_duration"]?.integerValue ?? 0)
            let single = try await server.send("POST", "/api/embed", #"{"model":"bert","input":"the dog"}"#).json()
            #expect(single["embeddings"]?.arrayValue == [wanted[1]])
            let older = try await server.send("POST", "/api/embeddings", #"{"model":"bert","prompt":"the dog"}"#)
            #expect(try older.json() == ["embedding": wanted[1]])
            let short = try await server.send(
                "POST",
                "/api/embed",
                #"{"model":"bert","input":"the dog","dimensions":7}"#
            ).json()
            #expect(vectors(short["embeddings"])[0].count == 7)
            let nothing = try await server.send("POST", "/api/embed", #"{"model":"bert"}"#).json()
            #expect(nothing["embeddings"] == [] && nothing["prompt_eval_count"] == 0)
        }
    }

    @Test func `a long text loses its end, or is refused where it must not`() async throws {
        try await withEmbedder { server in
            func embed(_ text: String, _ more: String = "") async throws -> RawResponse {
                try await server.send("POST", "/api/embed", #"{"model":"bert","input":["a","\#(text)"]\#(more)}"#)
            }
            let long = String(repeating: "cat ", count: 2000)
            let answer = try await embed(long).json()
            // As much of it as fits, with the tokens around it, is a text of its own.
            let limit = 256
            #expect(answer["prompt_eval_count"]?.integerValue == limit + 3)
            #expect(vectors(answer["embeddings"]).count == 2)
            let refused = try await embed(long, #","truncate":false"#)
            #expect(refused.status == 400)
            #expect(try refused.error().stringValue?.contains("'input[1]'") == true)
            let context = try await embed("a", #","options":{"num_ctx":100000}"#)
            #expect(context.status == 400)
            #expect(try context.error().stringValue?.contains("'options.num_ctx'") == true)
        }
    }

    @Test func `models that embed are listed and shown as what they are`() async throws {
        try await withEmbedder { server in
            for path in ["/api/tags", "/api/ps"] {
                let names = try await server.send("GET", path).json()["models"]?.arrayValue?.map { $0["name"] }
                #expect(names == ["scripted", "bert"])
            }
            let show = try await server.send("POST", "/api/show", #"{"model":"bert:latest"}"#).json()
            #expect(show["capabilities"] == ["embedding"] && show["details"]?["format"] == "gguf")
            #expect(show["model_info"]?["bert.embedding_length"] == 96)
            let chat = try await server.send("POST", "/api/chat", #"{"model":"bert"}"#)
            #expect(chat.status == 400)
            #expect(try chat.error().stringValue?.contains("/v1/embeddings") == true)
        }
    }
}
