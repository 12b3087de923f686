package import JSON

/// A response of `POST /v1/responses`, under way or done.
package struct ModelResponse: Sendable, Equatable {
    /// How far a response has come.
    package enum Status: String, Sendable {
        case inProgress = "in_progress"
        case completed, incomplete, failed, cancelled
    }

    /// Why a response is incomplete, whatever cut it. Of the two reasons that clients know, `content_filter` is the other; a
    /// reason of our own they would take for none, and make the call that was cut.
    private static let cutOff: JSONValue = ["reason": "max_output_tokens"]

    package var id: String
    /// Seconds since 1970.
    package var created: Int
    /// The model's name as the request had it.
    package var model: String
    /// What the response repeats of its request.
    package var echo: JSONObject
    package var status = Status.inProgress
    /// Seconds since 1970; nil while the response is not completed.
    package var completed: Int?
    package var output: [ResponseItem] = []
    /// nil while the tokens are not counted.
    package var usage: Usage?
    /// Why the response failed.
    package var error: APIError?

    package init(id: String, created: Int, model: String, echo: JSONObject) {
        self.id = id
        self.created = created
        self.model = model
        self.echo = echo
    }

    package var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id), "object": "response", "created_at": .integer(Int64(created)),
            "status": .string(status.rawValue),
            "completed_at": completed.map { .integer(Int64($0)) } ?? .null,
            "error": error.map(Self.json(of:)) ?? .null,
            "incomplete_details": status == .incomplete ? Self.cutOff : .null,
            "model": .string(model),
            "output": .array(output.map(\.json)),
        ]
        for (key, value) in echo { object[key] = value }
        object["usage"] = usage?.responsesJSON ?? .null
        return .object(object)
    }

    private static func json(of error: APIError) -> JSONValue {
        let code = error.kind == .rateLimit ? "rate_limit_exceeded" : "server_error"
        return ["code": .string(code), "message": .string(error.message)]
    }
}

extension ModelResponse {
    /// The answer to `DELETE /v1/responses/{id}`.
    package static func deletion(of id: String) -> JSONValue {
        ["id": .string(id), "object": "response", "deleted": true]
    }

    /// The answer to `GET /v1/responses/{id}/input_items`: one page of them.
    package static func inputItems(_ items: [JSONValue], hasMore: Bool) -> JSONValue {
        [
            "object": "list", "data": .array(items), "first_id": items.first?["id"] ?? .null,
            "last_id": items.last?["id"] ?? .null, "has_more": .bool(hasMore),
        ]
    }

    /// The answer to `POST /v1/responses/input_tokens`.
    package static func inputTokens(_ count: Int) -> JSONValue {
        ["object": "response.input_tokens", "input_tokens": .integer(Int64(count))]
    }
}

extension Usage {
    /// The counts as responses name them.
    var responsesJSON: JSONValue {
        var object: JSONObject = [
            "input_tokens": .integer(Int64(promptTokens)),
            "input_tokens_details": ["cached_tokens": .integer(Int64(cachedTokens)), "cache_write_tokens": 0],
            "output_tokens": .integer(Int64(completionTokens)),
            "output_tokens_details": ["reasoning_tokens": .integer(Int64(reasoningTokens))],
            "total_tokens": .integer(Int64(promptTokens + completionTokens)),
        ]
        object["compute_seconds"] = computeSeconds
        return .object(object)
    }
}
