import AnthropicAPI
import Foundation
import JSON
import OllamaAPI
import OpenAIAPI

/// The OpenAPI document (version 3.1) of this server.
///
/// Its requests are what the code that reads requests asked examples for, its answers what the code that writes answers
/// wrote; so it changes with them and cannot say anything else.
enum OpenAPIDocument {
    static let json: JSONValue = {
        var paths = JSONObject()
        for operation in Operation.all {
            var methods = paths[operation.path]?.objectValue ?? JSONObject()
            methods[operation.method] = operation.json
            paths[operation.path] = .object(methods)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Hearth", "version": "1",
                "description": "Serves open models with OpenAI's, Anthropic's and Ollama's APIs.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "security": [["key": []], [:]],
            "paths": .object(paths),
            "components": [
                "securitySchemes": ["key": ["type": "http", "scheme": "bearer"]],
                "schemas": [
                    "Error": SampleSchema.of(ResponseSamples.error),
                    "AnthropicError": SampleSchema.of(MessagesSamples.error),
                    "OllamaError": SampleSchema.of(OllamaSamples.error),
                ],
            ],
        ]
    }()
}

/// One method of one path.
struct Operation: Sendable {
    var path: String
    var method = "post"
    var summary: String
    /// The schema of the request's body; nil for a request without one.
    var request: JSONValue?
    /// The schema of the answer.
    var answer: JSONValue
    /// The type of answers that come in pieces; nil where none do.
    var streamType: String?
    /// Parameters of the URL's query: names and schemas.
    var query: JSONObject = [:]

    var json: JSONValue {
        var object: JSONObject = ["summary": .string(summary), "operationId": .string(name)]
        if !parameters.isEmpty { object["parameters"] = .array(parameters) }
        if let request {
            object["requestBody"] = ["required": true, "content": ["application/json": ["schema": request]]]
        }
        var content: JSONObject = ["application/json": ["schema": answer]]
        if let streamType { content[streamType] = ["schema": ["type": "string"]] }
        object["responses"] = [
            "200": ["description": "The answer.", "content": .object(content)],
            "default": ["description": "An error.", "content": ["application/json": ["schema": error]]],
        ]
        return .object(object)
    }

    /// Anthropic's and Ollama's errors have shapes of their own.
    private var error: JSONValue {
        switch Surface(path: path) {
        case .openAI: ["$ref": "#/components/schemas/Error"]
        case .anthropic: ["$ref": "#/components/schemas/AnthropicError"]
        case .ollama: ["$ref": "#/components/schemas/OllamaError"]
        }
    }

    private var parameters: [JSONValue] {
        let inPath = ["model", "response"].filter { path.contains("{\($0)}") }.map { name -> JSONValue in
            ["name": .string(name), "in": "path", "required": true, "schema": ["type": "string"]]
        }
        return inPath + query.map { ["name": .string($0.key), "in": "query", "schema": $0.value] }
    }

    private var name: String {
        method + path.split { "/{}_-".contains($0) }.map(\.capitalized).joined()
    }
}
