import HTTPTypes
import Hummingbird
import JSON
import NIOCore

extension HTTPField.Name {
    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("'\(text)' is no header name") }
        return name
    }

    static let requestID = name("x-request-id")
    /// The same where Anthropic's clients look for it.
    static let anthropicRequestID = name("request-id")
    /// A key as Anthropic's clients show it.
    static let apiKey = name("x-api-key")
    /// What Anthropic's clients send with everything.
    static let anthropicVersion = name("anthropic-version")
    static let processingMilliseconds = name("openai-processing-ms")
    static let apiVersion = name("openai-version")
    /// Whom the caller asks for.
    static let organization = name("openai-organization")
    /// The caller's name for the request, beside the server's.
    static let clientRequestID = name("x-client-request-id")
    /// Milliseconds after which asking again makes sense, and whether it makes sense at all, for OpenAI's clients.
    static let retryAfterMilliseconds = name("retry-after-ms")
    static let shouldRetry = name("x-should-retry")
    /// Requests with different values share no cached prefix; as the field `prompt_cache_isolation_key`.
    static let cacheIsolation = name("x-prompt-cache-isolation-key")
    /// What an answer in one piece took, as Fireworks tells it; times in seconds.
    static let promptTokens = name("fireworks-prompt-tokens")
    static let cachedPromptTokens = name("fireworks-cached-prompt-tokens")
    static let timeToFirstToken = name("fireworks-server-time-to-first-token")
    static let processingTime = name("fireworks-server-processing-time")
    /// How an answer is sampled, as Fireworks tells it: an object of JSON.
    static let samplingOptions = name("fireworks-sampling-options")
    /// Whence a browser sends a request: `same-origin`, `same-site`, `cross-site`, or `none` for its user's own doing.
    static let secFetchSite = name("sec-fetch-site")
    /// Asks proxies such as nginx to pass a stream on as it comes.
    static let accelBuffering = name("x-accel-buffering")
}

extension Response {
    /// A response with a JSON body.
    static func json(_ value: JSONValue, status: Int = 200) -> Response {
        Response(
            status: HTTPResponse.Status(code: status),
            headers: [.contentType: "application/json; charset=utf-8"],
            body: .whole(ByteBuffer(bytes: value.serializedBytes()))
        )
    }

    static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type],
            body: .whole(ByteBuffer(string: text))
        )
    }
}

extension ResponseBody {
    /// A body in one piece.
    ///
    /// The HTTP library takes a request for done, and its connection for idle, when the answer's end has been handed over. So
    /// the end of a large one waits until most of it has left.
    fileprivate static func whole(_ bytes: ByteBuffer) -> ResponseBody {
        let count = bytes.readableBytes
        if count <= 16 << 10 { return ResponseBody(byteBuffer: bytes) }
        return ResponseBody(contentLength: count) { writer in
            try await writer.write(bytes)
            try await writer.finish(nil)
        }
    }
}
