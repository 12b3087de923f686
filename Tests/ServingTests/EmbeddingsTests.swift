import Deployments
import Foundation
import Inference
import JSON
import Serving
import TestModels
import Testing

@Suite struct EmbeddingsTests {
    /// A server with a model that writes and one that embeds.
    private func withEmbedder(_ body: (RunningServer) async throws -> Void) async throws {
        let path = try TestData.tiny("bert-f32.gguf")
        let embedder = try EmbeddingDeployment.load(DeploymentConfiguration(name: "bert", path: path))
        let directory = DeploymentDirectory([try ScriptedDeployment.make()], embedders: [embedder])
        try await withServer(directory: directory, body)
    }

    private func embed(_ server: RunningServer, _ fields: String) async throws -> RawResponse {
        try await server.send("POST", "/v1/embeddings", #"{"model":"bert",\#(fields)}"#)
    }

    private func floats(_ value: JSONValue?) -> [Float] {
        (value?.arrayValue ?? []).compactMap { $0.doubleValue.map(Float.init) }
    }

    @Test func `texts become vectors, in order, in both encodings`() async throws {
        try await withEmbedder { server in
            let response = try await embed(server, #""input":["a cat","the dog"]"#)
            #expect(response.status == 200)
            let json = try response.json()
            #expect(json["object"] == "list" && json["model"] == "bert")
            #expect(json["usage"]?["prompt_tokens"] == json["usage"]?["total_tokens"])
            let vectors = [0, 1].map { floats(json["data"]?[$0]?["embedding"]) }
            #expect(vectors.allSatisfy { $0.count == 96 } && vectors[0] != vectors[1])
            let single = try await embed(server, #""input":"the dog""#).json()
            #expect(floats(single["data"]?[0]?["embedding"]) == vectors[1])
            let coded = try await embed(server, #""input":"the dog","encoding_format":"base64""#).json()
            let text = try #require(coded["data"]?[0]?["embedding"]?.stringValue)
            let bytes = try #require(Data(base64Encoded: text))
            let decoded = bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }
            #expect(decoded.map { Float(bitPattern: UInt32(littleEndian: $0)) } == vectors[1])
            let short = try await embed(server, #""input":[2,9,3],"dimensions":7"#).json()
            #expect(floats(short["data"]?[0]?["embedding"]).count == 7)
        }
    }

    @Test(arguments: [
        (#""input":"""#, "input", "invalid_value"), (#""input":["a",""]"#, "input[1]", "invalid_value"),
        (#""input":[[1],[2,9999]]"#, "input[1]", "invalid_value"),
        (#""input":"a","dimensions":97"#, "dimensions", "invalid_value"),
        (#""input":[]"#, "input", "empty_array"),
    ])
    func `what cannot be embedded is refused by its name`(fields: String, parameter: String, code: String) async throws
    {
        try await withEmbedder { server in
            let response = try await embed(server, fields)
            #expect(response.status == 400)
            #expect(try response.error()["param"] == .string(parameter))
            #expect(try response.error()["code"] == .string(code))
        }
    }

    @Test func `a text that is too long is refused with both lengths`() async throws {
        try await withEmbedder { server in
            let long = String(repeating: "a ", count: 300)
            let error = try await embed(server, #""input":["b","\#(long)"]"#).error()
            #expect(error["code"] == "context_length_exceeded" && error["param"] == "input[1]")
            let message = error["message"]?.stringValue ?? ""
            #expect(message.contains("302") && message.contains("256"))
        }
    }

    @Test func `more tokens than a request may have are refused before anything is computed`() async throws {
        try await withEmbedder { server in
            let text = Array(repeating: "1", count: 200).joined(separator: ",")
            let body = { "\"input\":[" + Array(repeating: "[\(text)]", count: $0).joined(separator: ",") + "]" }
            let response = try await embed(server, body(1501))
            #expect(try await embed(server, body(2)).status == 200)
            #expect(response.status == 400)
            let error = try response.error()
            #expect(error["param"] == "input" && error["code"] == "max_tokens_per_request")
            let message = error["message"]?.stringValue ?? ""
            #expect(message.contains("300200") && message.contains("300000"))
            #expect(await server.directory.embedders[0].statistics().finishedRequests == 1)
        }
    }

    @Test func `models are listed together, and each says what it does not do`() async throws {
        try await withEmbedder { server in
            let list = try await server.send("GET", "/v1/models").json()
            #expect(list["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } == ["scripted", "bert"])
            #expect(try await server.send("GET", "/v1/models/bert").json()["max_model_len"] == 256)
            let chat = try await server.send("POST", "/v1/completions", #"{"model":"bert","prompt":"a"}"#)
            #expect(chat.status == 400)
            #expect(try chat.error()["code"] == "model_not_supported")
            let embedding = try await server.send("POST", "/v1/embeddings", #"{"model":"scripted","input":"a"}"#)
            #expect(embedding.status == 400)
            let nobody = try await server.send("POST", "/v1/embeddings", #"{"model":"nobody","input":"a"}"#)
            #expect(nobody.status == 404)
        }
    }

    @Test func `documents come in the order of their likeness, and it says how that was found`() async throws {
        try await withEmbedder { server in
            let fields = #""query":"a cat","documents":["zzz 9","a cat",{"text":"a cart"}]"#
            let body = #"{"model":"bert",\#(fields),"top_n":2,"return_documents":true}"#
            let json = try await server.send("POST", "/v1/rerank", body).json()
            let results = json["results"]?.arrayValue ?? []
            #expect(results.count == 2 && results.first?["index"] == 1)
            #expect(results.first?["document"]?["text"] == "a cat")
            #expect(abs((results.first?["relevance_score"]?.doubleValue ?? 0) - 1) < 1e-5)
            #expect(json["scoring"]?["method"] == "embeddings")
            let pairs = #"{"model":"bert","text_1":"a cat","text_2":["a cat","zzz 9"]}"#
            let scores = try await server.send("POST", "/v1/score", pairs).json()
            #expect(abs((scores["data"]?[0]?["score"]?.doubleValue ?? 0) - 1) < 1e-5)
            #expect(scores["data"]?[1]?["score"]?.doubleValue ?? 1 < 0.99)
            let empty = try await server.send("POST", "/v1/rerank", #"{"model":"bert","query":"","documents":["a"]}"#)
            #expect(try empty.error()["param"] == "query")
        }
    }

    @Test func `a cross-encoder scores pairs, says so, and does nothing else`() async throws {
        let path = try TestData.tiny("bert-cross.gguf")
        let model = try EmbeddingDeployment.load(DeploymentConfiguration(name: "cross", path: path))
        try await withServer(directory: DeploymentDirectory(embedders: [model])) { server in
            let fields = #""query":"a cat","documents":["zzz 9","a cat",{"text":"a cart"}]"#
            let ranked = try await server.send("POST", "/v1/rerank", #"{"model":"cross",\#(fields)}"#).json()
            #expect(ranked["scoring"]?["method"] == "cross-encoder" && ranked["scoring"]?["measure"] == "sigmoid")
            let pairs =
                #"{"model":"cross","text_1":"a cat","text_2":["zzz 9","a cat","a cart"],"use_activation":false}"#
            let scored = try await server.send("POST", "/v1/score", pairs).json()
            #expect(scored["scoring"]?["measure"] == "logit" && scored["usage"] == ranked["usage"])
            for result in ranked["results"]?.arrayValue ?? [] {
                let index = try #require(result["index"]?.doubleValue.map { Int($0) })
                let logit = try #require(scored["data"]?[index]?["score"]?.doubleValue)
                let probability = try #require(result["relevance_score"]?.doubleValue)
                #expect(abs(probability - 1 / (1 + exp(-logit))) < 1e-6)
            }
            // A query that no document fits beside is told so before any is read, however many there are.
            let documents = Array(repeating: "\"a\"", count: 2_048).joined(separator: ",")
            let query = String(repeating: "a ", count: 200_000)
            let start = ContinuousClock.now
            let long = try await server.send(
                "POST",
                "/v1/rerank",
                #"{"model":"cross","query":"\#(query)","documents":[\#(documents)]}"#
            )
            #expect(try long.status == 400 && long.error()["code"] == "context_length_exceeded")
            #expect(start.duration(to: .now) < .seconds(120))
            let embedding = try await server.send("POST", "/v1/embeddings", #"{"model":"cross","input":"a"}"#)
            #expect(
                try embedding.status == 400 && (embedding.error()["message"]?.stringValue ?? "").contains("/v1/rerank")
            )
            let completion = try await server.send("POST", "/v1/completions", #"{"model":"cross","prompt":"a"}"#)
            #expect(
                try completion.status == 400
                    && (completion.error()["message"]?.stringValue ?? "").contains("scores pairs of texts")
            )
            let show = try await server.send("POST", "/api/show", #"{"model":"cross"}"#).json()
            #expect(show["capabilities"] == [])
        }
    }

    @Test(arguments: [
        ("rerank", #""query":"","documents":["a"]"#, "query"),
        ("rerank", #""query":"a","documents":["a",""]"#, "documents[1]"),
        ("score", #""text_1":["a",""],"text_2":["a","b"]"#, "text_1[1]"),
        ("score", #""text_1":"a","text_2":["b",""]"#, "text_2[1]"),
    ])
    func `an empty text of a pair is refused by its name`(
        route: String,
        fields: String,
        parameter: String
    ) async throws {
        let path = try TestData.tiny("bert-cross.gguf")
        let model = try EmbeddingDeployment.load(DeploymentConfiguration(name: "cross", path: path))
        try await withServer(directory: DeploymentDirectory(embedders: [model])) { server in
            let response = try await server.send("POST", "/v1/" + route, #"{"model":"cross",\#(fields)}"#)
            #expect(response.status == 400)
            #expect(try response.error()["param"] == .string(parameter))
        }
    }

    @Test func `a text's tokens can be asked for and make the same vector`() async throws {
        try await withEmbedder { server in
            let split = try await server.send("POST", "/tokenize", #"{"model":"bert","prompt":"a cat"}"#).json()
            #expect(split["count"] == 6 && split["max_model_len"] == 256)
            let tokens = try #require(split["tokens"])
            let found = try await embed(server, #""input":\#(tokens.serialized())"#).json()
            let expected = try await embed(server, #""input":"a cat""#).json()
            #expect(found["data"] == expected["data"])
            let words = JSONValue.array(Array((tokens.arrayValue ?? []).dropFirst().dropLast()))
            let back = #"{"model":"bert","tokens":\#(words.serialized())}"#
            #expect(try await server.send("POST", "/detokenize", back).json()["prompt"] == "a cat")
            let chat = #"{"model":"bert","messages":[{"role":"user","content":"hi"}]}"#
            #expect(try await server.send("POST", "/tokenize", chat).error()["param"] == "messages")
        }
    }

    @Test func `what embedding models do is counted`() async throws {
        try await withEmbedder { server in
            _ = try await embed(server, #""input":["a cat","b"]"#)
            _ = try await embed(server, #""input":[9999]"#)
            let metrics = try await server.send("GET", "/metrics").body
            let labels = #"{model_name="bert"}"#
            for line in [
                "hearth_embedding_requests_total\(labels) 1", "hearth_embedding_refused_requests_total\(labels) 1",
                "hearth_embedding_texts_total\(labels) 2", "hearth_embedding_tokens_total\(labels) 9",
                "hearth_embedding_pass_seconds_count\(labels) 1", "hearth_embedding_requests_running\(labels) 0",
                "hearth_embedding_waiting_tokens\(labels) 0",
                #"hearth_http_responses_total{route="embeddings",status="200"} 1"#,
                #"vllm:num_requests_running{model_name="scripted"} 0"#,
            ] {
                #expect(metrics.contains(line + "\n"), Comment(rawValue: line))
            }
        }
    }

    @Test func `a client that goes gives up its texts`() async throws {
        try await withEmbedder { server in
            let connection = try await server.connect()
            let texts = Array(repeating: "\"" + String(repeating: "a ", count: 240) + "\"", count: 1200)
            let body = #"{"model":"bert","input":[\#(texts.joined(separator: ","))]}"#
            try await connection.send("POST", "/v1/embeddings", body)
            let embedder = server.directory.embedders[0]
            try await server.wait("the texts are read") { await embedder.statistics().runningCount == 1 }
            connection.close()
            try await server.wait("the texts are given up") { await embedder.statistics().runningCount == 0 }
            #expect(await embedder.statistics().finishedRequests == 0)
            try await server.waitUntilIdle()
            let metrics = try await server.send("GET", "/metrics").body
            #expect(metrics.contains("hearth_client_disconnects_total 1\n"))
        }
    }

    @Test func `a server that stops takes no texts`() async throws {
        try await withEmbedder { server in
            _ = try await embed(server, #""input":"a""#)
            server.application.stop()
            try await server.wait("the server refuses") {
                guard let response = try? await embed(server, #""input":"a""#) else { return true }
                return response.status == 503
            }
        }
    }
}
