package import JSON

extension OllamaChatRequest {
    /// Bodies that have every part of a request, for descriptions.
    package static let examples: [JSONValue] = {
        let function: JSONValue = ["name": "weather", "description": "d", "parameters": ["type": "object"]]
        let call: JSONValue = [
            "id": "c", "type": "function", "function": ["index": 0, "name": "weather", "arguments": [:]],
        ]
        return [
            [
                "model": "m", "messages": [["role": "user", "content": "Hello"]], "stream": false, "format": "json",
                "think": false, "keep_alive": "5m", "options": ["num_predict": 1, "stop": ["a"]],
            ],
            [
                "model": "m", "tools": [["type": "function", "function": function]],
                "messages": [
                    ["role": "user", "content": "Weather?"],
                    ["role": "assistant", "content": "", "thinking": "So.", "tool_calls": [call]],
                    ["role": "tool", "content": "sunny", "tool_name": "weather", "tool_call_id": "c"],
                ],
            ],
        ]
    }()
}

extension OllamaGenerateRequest {
    package static let examples: [JSONValue] = [
        [
            "model": "m", "prompt": "Hello", "system": "Be brief.", "stream": false, "format": ["type": "object"],
            "think": "low", "keep_alive": 5, "options": ["num_predict": 1, "stop": ["a"]],
        ],
        ["model": "m", "prompt": "Hello", "raw": true],
    ]
}

extension OllamaShowRequest {
    package static let examples: [JSONValue] = [["model": "m", "verbose": false]]
}

extension OllamaEmbeddingRequest {
    /// Bodies for the path that `kind` names.
    package static func examples(_ kind: Kind) -> [JSONValue] {
        switch kind {
        case .embed: [["model": "m", "input": ["a text"], "options": ["num_ctx": 1], "keep_alive": "5m"]]
        case .legacy: [["model": "m", "prompt": "a text", "options": ["num_ctx": 1], "keep_alive": "5m"]]
        }
    }
}
