import Foundation
package import JSON
import OpenAIAPI

/// Answers with everything that answers may have, as the code that writes answers writes them: what the OpenAPI document
/// says of answers is found in these.
package enum OllamaSamples {
    private static let date = Date(timeIntervalSince1970: 0)

    /// Whole answers to `/api/chat` or `/api/generate`.
    package static func replies(_ kind: OllamaReply.Kind) -> [JSONValue] {
        let counts = OllamaReply.Counts(
            promptTokens: 1,
            answerTokens: 1,
            waiting: .zero,
            prefill: .zero,
            decode: .zero
        )
        func reply(_ reason: String, _ counts: OllamaReply.Counts?) -> OllamaReply {
            let ending = OllamaReply.Ending(reason: reason, counts: counts)
            return OllamaReply(kind: kind, model: "m", created: date, text: "a", ending: ending)
        }
        var full = reply("stop", counts)
        full.thinking = "So."
        full.calls = [OllamaReply.Call(id: "c", index: 0, name: "f", arguments: [:])]
        return [full.json, reply("load", nil).json]
    }

    private static let models: [OllamaModel] = {
        var writer = OllamaModel(name: "m", modified: date, bytes: 1, format: "gguf", family: "llama")
        writer.capabilities = ["completion"]
        var embedder = writer
        embedder.embeddingLength = 1
        return [writer, embedder]
    }()

    package static let tags: [JSONValue] = [["models": .array(models.map(\.tag))]]
    package static let processes: [JSONValue] = [["models": .array(models.map(\.process))]]
    package static let show: [JSONValue] = models.map(\.show)
    package static let version: [JSONValue] = [["version": .string(OllamaVersion.followed)]]

    /// Answers to `/api/embed` or the older `/api/embeddings`.
    package static func embeddings(_ kind: OllamaEmbeddingRequest.Kind) -> [JSONValue] {
        OllamaEmbeddingRequest.examples(kind).compactMap { try? OllamaEmbeddingRequest($0, kind: kind) }.map {
            request in
            OllamaEmbeddingResponse(request, vectors: [[0.5]], tokenCount: 1, total: .zero, waiting: .zero).json
        }
    }

    package static let error: [JSONValue] = [APIError(status: 400, "message").ollamaJSON]
}
