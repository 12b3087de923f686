import JSON
import OllamaAPI
import OpenAIAPI

extension Operation {
    /// What Ollama's clients send. Answers of a chat come in lines unless the request says otherwise.
    static let ollama: [Operation] = [
        Operation(
            path: OllamaRoute.chat.rawValue,
            summary: "Answers a chat, in Ollama's form.",
            request: RequestDescription.schema(of: OllamaChatRequest.examples) { (body) throws(APIError) in
                _ = try OllamaChatRequest(body)
            },
            answer: SampleSchema.of(OllamaSamples.replies(.chat)),
            streamType: "application/x-ndjson"
        ),
        Operation(
            path: OllamaRoute.generate.rawValue,
            summary: "Answers a prompt, in Ollama's form.",
            request: RequestDescription.schema(of: OllamaGenerateRequest.examples) { (body) throws(APIError) in
                _ = try OllamaGenerateRequest(body)
            },
            answer: SampleSchema.of(OllamaSamples.replies(.generate)),
            streamType: "application/x-ndjson"
        ),
        embedding(.embed, .embed, "Vectors of texts, in Ollama's form."),
        embedding(.embeddings, .legacy, "The vector of a text, in Ollama's older form."),
        Operation(
            path: OllamaRoute.show.rawValue,
            summary: "What a model is, in Ollama's form.",
            request: RequestDescription.schema(of: OllamaShowRequest.examples) { (body) throws(APIError) in
                _ = try OllamaShowRequest(body)
            },
            answer: SampleSchema.of(OllamaSamples.show, maps: ["model_info"])
        ),
        read(.tags, "The models that requests may name, in Ollama's form.", OllamaSamples.tags),
        read(.processes, "The models that are loaded, in Ollama's form.", OllamaSamples.processes),
        read(.version, "The release of Ollama whose API this follows.", OllamaSamples.version),
    ]

    private static func embedding(
        _ route: OllamaRoute,
        _ kind: OllamaEmbeddingRequest.Kind,
        _ summary: String
    ) -> Operation {
        Operation(
            path: route.rawValue,
            summary: summary,
            request: RequestDescription.schema(of: OllamaEmbeddingRequest.examples(kind)) { (body) throws(APIError) in
                _ = try OllamaEmbeddingRequest(body, kind: kind)
            },
            answer: SampleSchema.of(OllamaSamples.embeddings(kind))
        )
    }

    private static func read(_ route: OllamaRoute, _ summary: String, _ samples: [JSONValue]) -> Operation {
        Operation(path: route.rawValue, method: "get", summary: summary, answer: SampleSchema.of(samples))
    }
}
