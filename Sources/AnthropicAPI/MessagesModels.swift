package import Foundation
package import JSON

/// A model as Anthropic's clients list it.
package struct MessagesModel: Sendable, Equatable {
    package var id: String
    package var created: Date
    /// Most tokens, prompt and answer together.
    package var contextLength: Int

    package init(id: String, created: Date, contextLength: Int) {
        self.id = id
        self.created = created
        self.contextLength = contextLength
    }

    package var json: JSONValue {
        [
            "type": "model",
            "id": .string(id),
            "display_name": .string(id),
            "created_at": .string(created.formatted(.iso8601)),
            "lifecycle": "active",
            "max_input_tokens": .integer(Int64(contextLength)),
            "max_tokens": .integer(Int64(contextLength)),
        ]
    }
}

/// The answer to `GET /v1/models` for Anthropic's clients: all models on one page.
package struct MessagesModelList: Sendable, Equatable {
    package var models: [MessagesModel]

    package init(models: [MessagesModel]) { self.models = models }

    package var json: JSONValue {
        [
            "data": .array(models.map(\.json)),
            "has_more": false,
            "first_id": models.first.map { .string($0.id) } ?? .null,
            "last_id": models.last.map { .string($0.id) } ?? .null,
        ]
    }
}
