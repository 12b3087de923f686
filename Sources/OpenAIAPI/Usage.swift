package import JSON

/// What one request came to.
package struct Usage: Sendable, Equatable {
    package var promptTokens: Int
    package var completionTokens: Int
    /// Prompt tokens that came from the prefix cache.
    package var cachedTokens: Int
    /// Tokens of the answer that were thought, not said.
    package var reasoningTokens = 0
    /// The request's part of the time of the engine's steps; nil where it was not asked for.
    package var computeTime: Duration?

    package init(promptTokens: Int = 0, completionTokens: Int = 0, cachedTokens: Int = 0) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.cachedTokens = cachedTokens
    }

    package var json: JSONValue {
        var object: JSONObject = [
            "prompt_tokens": .integer(Int64(promptTokens)),
            "completion_tokens": .integer(Int64(completionTokens)),
            "total_tokens": .integer(Int64(promptTokens + completionTokens)),
            "prompt_tokens_details": ["cached_tokens": .integer(Int64(cachedTokens))],
            "completion_tokens_details": ["reasoning_tokens": .integer(Int64(reasoningTokens))],
        ]
        object["compute_seconds"] = computeSeconds
        return .object(object)
    }

    /// In whole microseconds.
    var computeSeconds: JSONValue? {
        computeTime.map { .number(Double($0 / .microseconds(1)).rounded() / 1e6) }
    }
}
