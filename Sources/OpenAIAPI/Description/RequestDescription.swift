package import JSON

/// The bodies of requests as JSON Schema, found by reading examples with the code that reads requests.
package enum RequestDescription {
    /// The schema of what `read` takes.
    ///
    /// - Parameter examples: valid bodies that together have every object and array that a request may hold.
    package static func schema(
        of examples: [JSONValue],
        reading read: (JSONValue) throws(APIError) -> Void
    ) -> JSONValue {
        let recorder = FieldRecorder()
        for example in examples {
            FieldRecorder.$current.withValue(recorder) {
                do { try read(example) } catch { assertionFailure("an example is refused: \(error)") }
            }
        }
        return recorder.schema()
    }
}

extension ChatCompletionRequest {
    /// Bodies that have every part of a request.
    package static let examples: [JSONValue] = {
        let function: JSONValue = [
            "name": "weather", "description": "Weather of a city.", "parameters": ["type": "object"], "strict": true,
        ]
        let call: JSONValue = ["id": "call_1", "type": "function", "function": ["name": "weather", "arguments": "{}"]]
        let messages: JSONValue = [
            ["role": "system", "content": "Be brief."],
            ["role": "user", "content": [["type": "text", "text": "What is the weather?"]]],
            ["role": "assistant", "content": .null, "tool_calls": [call]],
            ["role": "tool", "tool_call_id": "call_1", "content": "sunny"],
        ]
        let question: JSONValue = [["role": "user", "content": "Hello"]]
        return [
            [
                "model": "m", "messages": messages, "tools": [["type": "function", "function": function]],
                "tool_choice": ["type": "function", "function": ["name": "weather"]], "stream": true,
                "stream_options": ["include_usage": true],
            ],
            [
                "model": "m", "messages": question, "tools": [["type": "function", "function": function]],
                "tool_choice": [
                    "type": "allowed_tools",
                    "allowed_tools": [
                        "mode": "auto", "tools": [["type": "function", "function": ["name": "weather"]]],
                    ],
                ],
            ],
            [
                "model": "m", "messages": question,
                "response_format": [
                    "type": "json_schema", "json_schema": ["name": "n", "schema": ["type": "object"]],
                ],
            ],
            ["model": "m", "messages": question, "response_format": ["type": "text"]],
            ["model": "m", "messages": question, "thinking": ["type": "enabled", "budget_tokens": 1]],
            ["model": "m", "messages": question, "functions": [function], "function_call": ["name": "weather"]],
            ["model": "m", "messages": question, "structured_outputs": ["choice": ["yes", "no"]]],
            [
                "model": "m", "messages": question, "stop": ["a"], "stop_token_ids": [1],
                "lora": AdapterSelection.example,
            ],
        ]
    }()
}

extension ResponsesRequest {
    package static let examples: [JSONValue] = {
        let function: JSONValue = [
            "type": "function", "name": "weather", "description": "Weather of a city.",
            "parameters": ["type": "object"], "strict": true,
        ]
        let named: JSONValue = ["type": "function", "name": "weather"]
        let schema: JSONValue = [
            "type": "json_schema", "name": "n", "description": "d", "schema": ["type": "object"], "strict": true,
        ]
        let input: JSONValue = [
            ["role": "user", "content": [["type": "input_text", "text": "What is the weather?"]]],
            ["type": "reasoning", "id": "rs_1", "content": [["type": "reasoning_text", "text": "Hm."]]],
            ["type": "reasoning", "id": "rs_2", "summary": [["type": "summary_text", "text": "Hm."]]],
            ["type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"],
            ["type": "function_call_output", "call_id": "c", "output": "sunny"],
            ["type": "function_call_output", "call_id": "c", "output": [["type": "input_text", "text": "sunny"]]],
            ["type": "item_reference", "id": "msg_1"],
        ]
        return [
            [
                "model": "m", "input": "Hello", "metadata": ["a": "b"],
                "reasoning": ["effort": "low", "summary": "auto"],
            ],
            ["model": "m", "input": input, "tools": [function], "tool_choice": named],
            [
                "model": "m", "input": "Hello", "tools": [function],
                "tool_choice": ["type": "allowed_tools", "mode": "auto", "tools": [named]],
            ],
            ["model": "m", "input": "Hello", "text": ["format": schema, "verbosity": "medium"]],
            ["model": "m", "input": "Hello", "text": ["format": ["type": "text"]], "reasoning": ["effort": 5]],
            ["model": "m", "input": "Hello", "stream": true, "stream_options": ["include_obfuscation": false]],
            ["model": "m", "input": "Hello", "stop": ["a"], "stop_token_ids": [1], "include": []],
            ["model": "m", "input": "Hello", "lora": AdapterSelection.example],
        ]
    }()
}

extension CompletionRequest {
    package static let examples: [JSONValue] = [
        ["model": "m", "prompt": "Once", "stop": ["a"], "stop_token_ids": [1], "lora": AdapterSelection.example],
        ["model": "m", "prompt": "Once", "stream": true, "stream_options": ["include_usage": true]],
        ["model": "m", "prompt": "Once", "structured_outputs": ["choice": ["yes", "no"]]],
        ["model": "m", "prompt": "Once", "response_format": ["type": "text"]],
        [
            "model": "m", "prompt": "Once",
            "response_format": ["type": "json_schema", "json_schema": ["name": "n", "schema": ["type": "object"]]],
        ],
    ]
}

extension EmbeddingRequest {
    package static let examples: [JSONValue] = [["model": "m", "input": "a text"]]
}

extension RerankRequest {
    package static let examples: [JSONValue] = [["model": "m", "query": "q", "documents": ["a", ["text": "b"]]]]
}

extension ScoreRequest {
    package static let examples: [JSONValue] = [["model": "m", "text_1": "a", "text_2": ["b"]]]
}

extension AdapterSelection {
    fileprivate static let example: JSONValue = [["id": 0, "scale": 0.5], ["id": "a", "scale": 1]]
}

extension AdapterLoadRequest {
    package static let examples: [JSONValue] = [["lora_name": "a", "lora_path": "/adapters/a"]]
}

extension AdapterUnloadRequest {
    package static let examples: [JSONValue] = [["lora_name": "a"]]
}

extension TokenizeRequest {
    package static let examples: [JSONValue] = [
        ["prompt": "a text"], ["messages": [["role": "user", "content": "Hello"]]],
    ]
}

extension DetokenizeRequest {
    package static let examples: [JSONValue] = [["tokens": [1, 2]]]
}
