package import JSON
import OpenAIAPI

extension MessagesRequest {
    /// Bodies that have every part of a request, for descriptions.
    package static let examples: [JSONValue] = CountTokensRequest.examples.map { example in
        var body = example.objectValue ?? JSONObject()
        body["max_tokens"] = 16
        body["stop_sequences"] = ["a"]
        body["lora"] = [["id": 0, "scale": 0.5], ["id": "a", "scale": 1]]
        body["metadata"] = ["user_id": "u"]
        return .object(body)
    }
}

extension CountTokensRequest {
    package static let examples: [JSONValue] = [
        [
            "model": "m", "system": [["type": "text", "text": "Be brief."]],
            "messages": [
                ["role": "user", "content": [["type": "text", "text": "Hello"]]],
                ["role": "assistant", "content": "Hello."], ["role": "user", "content": "And?"],
            ],
        ],
        [
            "model": "m", "thinking": ["type": "adaptive", "display": "summarized"],
            "tools": [["name": "f", "description": "d", "input_schema": ["type": "object"], "strict": true]],
            "tool_choice": ["type": "tool", "name": "f", "disable_parallel_tool_use": true],
            "messages": [
                ["role": "user", "content": "Hello"],
                [
                    "role": "assistant",
                    "content": [
                        ["type": "thinking", "thinking": "So.", "signature": "s"],
                        ["type": "tool_use", "id": "t", "name": "f", "input": [:]],
                    ],
                ],
                [
                    "role": "user",
                    "content": [
                        [
                            "type": "tool_result", "tool_use_id": "t", "content": [["type": "text", "text": "1"]],
                            "is_error": false,
                        ]
                    ],
                ],
            ],
        ],
        [
            "model": "m", "messages": [["role": "user", "content": "Hello"]],
            "tools": [["name": "f", "input_schema": ["type": "object"]]], "tool_choice": ["type": "any"],
            "thinking": ["type": "enabled", "budget_tokens": 8],
            "output_config": ["effort": "high", "format": ["type": "json_schema", "schema": ["type": "object"]]],
        ],
    ]
}

/// Answers with everything that answers may have, as the code that writes answers writes them.
package enum MessagesSamples {
    package static let messages: [JSONValue] = [MessagesStop.endTurn, .stopSequence("a")].map { stop in
        let content: [MessagesBlock] = [.text("a"), .thinking("So."), .toolUse(id: "t", name: "f", input: [:])]
        let usage = MessagesUsage(promptTokens: 1, cachedTokens: 0, outputTokens: 1)
        return MessagesResponse(id: "msg_1", model: "m", content: content, stop: stop, usage: usage).json
    }

    package static let error: [JSONValue] = [
        APIError(status: 400, "message"),
        APIError(status: 400, code: "unsupported_parameter", parameter: "thread", "message"),
    ].map { MessagesError($0).json(requestID: "req_1") }
}
