import AnthropicAPI
import JSON
import OpenAIAPI

extension Operation {
    static let all: [Operation] = openAI + responses + others + ollama + status

    private static let openAI: [Operation] = [
        Operation(
            path: "/v1/chat/completions",
            summary: "Answers a chat.",
            request: RequestDescription.schema(of: ChatCompletionRequest.examples) { (body) throws(APIError) in
                _ = try ChatCompletionRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.chat),
            streamType: "text/event-stream"
        ),
        Operation(
            path: "/v1/completions",
            summary: "Continues a text.",
            request: RequestDescription.schema(of: CompletionRequest.examples) { (body) throws(APIError) in
                _ = try CompletionRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.completion, maps: ["choices[].logprobs.top_logprobs[]"]),
            streamType: "text/event-stream"
        ),
        Operation(
            path: "/v1/embeddings",
            summary: "Vectors of texts.",
            request: RequestDescription.schema(of: EmbeddingRequest.examples) { (body) throws(APIError) in
                _ = try EmbeddingRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.embeddings)
        ),
        Operation(
            path: "/v1/rerank",
            summary: "Documents in the order in which they answer a query.",
            request: RequestDescription.schema(of: RerankRequest.examples) { (body) throws(APIError) in
                _ = try RerankRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.rerank)
        ),
        Operation(
            path: "/v1/score",
            summary: "How well texts go together.",
            request: RequestDescription.schema(of: ScoreRequest.examples) { (body) throws(APIError) in
                _ = try ScoreRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.score)
        ),
        Operation(
            path: "/v1/models",
            method: "get",
            summary: "The models that requests may name.",
            answer: SampleSchema.of(ResponseSamples.models)
        ),
        Operation(
            path: "/v1/models/{model}",
            method: "get",
            summary: "One of them.",
            answer: SampleSchema.of(ResponseSamples.model)
        ),
        Operation(
            path: "/v1/load_lora_adapter",
            summary: "Reads a variant of a model.",
            request: RequestDescription.schema(of: AdapterLoadRequest.examples) { (body) throws(APIError) in
                _ = try AdapterLoadRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.adapterChange)
        ),
        Operation(
            path: "/v1/unload_lora_adapter",
            summary: "Forgets it.",
            request: RequestDescription.schema(of: AdapterUnloadRequest.examples) { (body) throws(APIError) in
                _ = try AdapterUnloadRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.adapterChange)
        ),
        Operation(
            path: "/lora-adapters",
            method: "get",
            summary: "The adapters that `lora` may name, by their ids.",
            answer: SampleSchema.of(ResponseSamples.adapters),
            query: ["model": ["type": "string"]]
        ),
        Operation(
            path: "/tokenize",
            summary: "The tokens of a text or a chat.",
            request: RequestDescription.schema(of: TokenizeRequest.examples) { (body) throws(APIError) in
                _ = try TokenizeRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.tokenize)
        ),
        Operation(
            path: "/detokenize",
            summary: "The text of tokens.",
            request: RequestDescription.schema(of: DetokenizeRequest.examples) { (body) throws(APIError) in
                _ = try DetokenizeRequest(body)
            },
            answer: SampleSchema.of(ResponseSamples.detokenize)
        ),
    ]

    /// OpenAI's newer API, whose answers are kept.
    private static let responses: [Operation] = {
        let response = SampleSchema.of(ResponseSamples.response, maps: ResponseSamples.responseMaps)
        let request = RequestDescription.schema(of: ResponsesRequest.examples) { (body) throws(APIError) in
            _ = try ResponsesRequest(body)
        }
        let one = "/v1/responses/{response}"
        return [
            Operation(
                path: "/v1/responses",
                summary: "Answers, and keeps the answer.",
                request: request,
                answer: response,
                streamType: "text/event-stream"
            ),
            Operation(
                path: "/v1/responses/input_tokens",
                summary: "Counts the tokens of a request's input.",
                request: request,
                answer: SampleSchema.of(ResponseSamples.responseTokens)
            ),
            Operation(path: one, method: "get", summary: "A response that was kept.", answer: response),
            Operation(
                path: one,
                method: "delete",
                summary: "Forgets it.",
                answer: SampleSchema.of(ResponseSamples.responseDeletion)
            ),
            Operation(path: one + "/cancel", summary: "Gives up one in the background.", answer: response),
            Operation(
                path: one + "/input_items",
                method: "get",
                summary: "What it was made of.",
                answer: SampleSchema.of(ResponseSamples.responseInput),
                query: ItemPage.parameters
            ),
        ]
    }()

    /// What Anthropic's clients send.
    private static let others: [Operation] = [
        Operation(
            path: "/v1/messages",
            summary: "Answers a chat, in Anthropic's form.",
            request: RequestDescription.schema(of: MessagesRequest.examples) { (body) throws(APIError) in
                _ = try MessagesRequest(body)
            },
            answer: SampleSchema.of(MessagesSamples.messages),
            streamType: "text/event-stream"
        ),
        Operation(
            path: "/v1/messages/count_tokens",
            summary: "Counts the tokens of a chat, in Anthropic's form.",
            request: RequestDescription.schema(of: CountTokensRequest.examples) { (body) throws(APIError) in
                _ = try CountTokensRequest(body)
            },
            answer: SampleSchema.of([CountTokensResponse(inputTokens: 1).json])
        ),
    ]

    /// What load balancers and monitors ask.
    private static let status: [Operation] = [
        Operation(path: "/health", method: "get", summary: "Whether the process answers.", answer: state("ok")),
        Operation(path: "/ready", method: "get", summary: "Whether requests are taken.", answer: state("ready")),
    ]

    private static func state(_ word: JSONValue) -> JSONValue { SampleSchema.of([["status": word]]) }
}
