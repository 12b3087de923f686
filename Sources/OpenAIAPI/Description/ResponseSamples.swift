package import JSON

/// Answers with everything that answers may have, as the code that writes answers writes them: what the OpenAPI document
/// says of answers is found in these.
package enum ResponseSamples {
    private static let header = ResponseHeader(id: "id", created: 1, model: "m")
    private static let logprob = WireLogprob(
        bytes: [0x61],
        logprob: -0.5,
        alternatives: [WireLogprob(bytes: [0x62], logprob: -1.5)]
    )
    private static let usage = Usage(promptTokens: 1, completionTokens: 1, cachedTokens: 1)
    private static let timedUsage = {
        var timed = usage
        timed.computeTime = .milliseconds(1500)
        return timed
    }()

    package static let chat: [JSONValue] = {
        var full = ChatCompletionResponse.Choice(index: 0, text: "a", finish: WireFinish(.stop, stop: "a"))
        full.reasoning = "because"
        full.logprobs = [logprob]
        full.tokens = [1]
        var stopped = full
        stopped.finish = WireFinish(.stop, stop: 2)
        var call = ChatCompletionResponse.Choice(index: 0, text: "", finish: WireFinish(.toolCalls))
        call.toolCalls = [WireToolCall(id: "call_1", name: "f", arguments: "{}")]
        var legacy = call
        legacy.finish = WireFinish(.functionCall)
        return [
            ChatCompletionResponse(header: header, choices: [full, stopped], usage: timedUsage, promptTokens: [1]).json,
            ChatCompletionResponse(header: header, choices: [call, legacy], usage: usage).json,
        ]
    }()

    /// What a response may be made of, and a list of it.
    private static let items: [ResponseItem] = [
        ResponseItem(id: "msg_1", .message(.user, [.init("a")])),
        ResponseItem(id: "msg_2", .message(.assistant, [.init("a", logprobs: [logprob])])),
        ResponseItem(id: "fc_1", .call(id: "c", name: "f", arguments: "{}")),
        ResponseItem(id: "rs_1", .reasoning("a")),
    ]

    package static let response: [JSONValue] = ResponsesRequest.examples.flatMap { example -> [JSONValue] in
        var named = example.objectValue ?? [:]
        for (name, value) in [("instructions", "a"), ("user", "a"), ("safety_identifier", "a")] as [(_, JSONValue)] {
            named[name] = value
        }
        for name in ["previous_response_id", "prompt_cache_key"] { named[name] = "a" }
        for name in ["max_output_tokens", "max_tool_calls", "top_logprobs"] { named[name] = 1 }
        return [example, .object(named)].compactMap { try? ResponsesRequest($0) }.flatMap { request -> [JSONValue] in
            var response = ModelResponse(id: "resp_1", created: 1, model: "m", echo: request.echo)
            for name in ["temperature", "top_p"] { response.echo[name] = 0.5 }
            response.echo["store"] = true
            var ended = response
            ended.status = .incomplete
            ended.completed = 1
            ended.output = Array(items.dropFirst())
            ended.usage = usage
            var timed = ended
            timed.usage = timedUsage
            var failed = response
            failed.status = .failed
            failed.error = APIError(status: 500, "message")
            return [response.json, ended.json, timed.json, failed.json]
        }
    }

    /// Objects of a response whose members have names of their own.
    package static let responseMaps: Set<String> = ["metadata", "tools[].parameters", "text.format.schema"]

    package static let responseDeletion: [JSONValue] = [ModelResponse.deletion(of: "resp_1")]
    package static let responseTokens: [JSONValue] = [ModelResponse.inputTokens(1)]

    package static let responseInput: [JSONValue] = {
        let results: [ResponseItem] = [
            ResponseItem(id: "fco_1", .callOutput(id: "c", [.init("a")], isText: true)),
            ResponseItem(id: "fco_2", .callOutput(id: "c", [.init("a")], isText: false)),
        ]
        let page = ModelResponse.inputItems((items + results).map(\.json), hasMore: true)
        return [page, ModelResponse.inputItems([], hasMore: false)]
    }()

    package static let completion: [JSONValue] = {
        var full = CompletionChoice(index: 0, text: "a", finish: WireFinish(.stop, stop: "a"))
        full.logprobs = CompletionLogprobs(entries: [
            .init(text: "a", logprob: nil), .init(text: "a", logprob: logprob),
        ])
        full.tokens = [1]
        full.promptTokens = [1]
        let plain = CompletionChoice(index: 0, text: "a", finish: WireFinish(.stop, stop: 2))
        let open = CompletionChoice(index: 0, text: "a", finish: WireFinish(.length))
        return [usage, timedUsage].map {
            CompletionResponse(header: header, choices: [full, plain, open], usage: .counts($0)).json
        }
    }()

    package static let embeddings: [JSONValue] = [EmbeddingRequest.Encoding.float, .base64].map {
        EmbeddingResponse(model: "m", vectors: [[0.5]], encoding: $0, tokenCount: 1).json
    }

    package static let rerank: [JSONValue] = ScoringMethod.allCases.map { method in
        RerankResponse(
            id: "id",
            model: "m",
            results: [.init(index: 0, score: 0.5, document: "a"), .init(index: 1, score: 0.25, document: nil)],
            method: method,
            tokenCount: 1
        ).json
    }

    package static let score: [JSONValue] = ScoringMethod.allCases.map { method in
        ScoreResponse(id: "id", created: 1, model: "m", scores: [0.5], method: method, tokenCount: 1).json
    }

    package static let adapterChange: [JSONValue] = [true, false].map { AdapterChange(id: "m:a", isLoaded: $0).json }

    package static let adapters: [JSONValue] = [AdapterList(items: [.init(name: "a", file: "a.gguf")]).json]

    package static let tokenize: [JSONValue] = [
        TokenizeResponse(tokens: [1], contextLength: 1, tokenTexts: ["a"]).json,
        TokenizeResponse(tokens: [1], contextLength: 1).json,
    ]

    package static let detokenize: [JSONValue] = [DetokenizeResponse(prompt: "a").json]

    private static let card = ModelCard(id: "m", created: 1, contextLength: 1)
    private static let variant = {
        var variant = card
        variant.parent = "m"
        return variant
    }()
    package static let model: [JSONValue] = [card.json, variant.json]
    package static let models: [JSONValue] = [ModelList(models: [card, variant]).json]

    package static let error: [JSONValue] = [
        APIError(status: 400, code: "c", parameter: "p", "message").json, APIError(status: 500, "message").json,
    ]
}
