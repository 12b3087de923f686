package import JSON

/// A model as `GET /v1/models` shows it.
package struct ModelCard: Sendable, Equatable {
    package var id: String
    /// Seconds since 1970.
    package var created: Int
    /// Most tokens, prompt and answer together.
    package var contextLength: Int
    /// The model that this is a variant of; nil for a model of its own (vLLM's field).
    package var parent: String?

    package init(id: String, created: Int, contextLength: Int) {
        self.id = id
        self.created = created
        self.contextLength = contextLength
    }

    package var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id),
            "object": "model",
            "created": .integer(Int64(created)),
            "owned_by": "hearth",
            "max_model_len": .integer(Int64(contextLength)),
        ]
        object["parent"] = parent.map { .string($0) }
        return .object(object)
    }
}

/// The answer to `GET /v1/models`.
package struct ModelList: Sendable, Equatable {
    package var models: [ModelCard]

    package init(models: [ModelCard]) { self.models = models }

    package var json: JSONValue { ["object": "list", "data": .array(models.map(\.json))] }
}
