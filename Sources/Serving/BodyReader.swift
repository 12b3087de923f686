import Hummingbird
import JSON
import NIOCore
import OpenAIAPI

/// Reads request bodies within their bounds of size, time and depth.
struct BodyReader: Sendable {
    let limit: Int
    let timeout: Duration
    let clock: any Clock<Duration>

    /// Objects and arrays deeper than this are refused: no request needs them.
    static let depthLimit = 64

    /// The JSON value that the request's body holds.
    func json(_ request: Request) async throws(APIError) -> JSONValue {
        try checkMediaType(request.headers)
        let bytes = try await collect(request)
        let limits = JSONLimits(maximumDepth: Self.depthLimit, maximumBytes: limit, duplicateKeys: .reject)
        do {
            return try bytes.withUnsafeReadableBytes { (buffer) throws(JSONError) in
                try JSONValue(parsing: buffer, limits: limits)
            }
        } catch {
            throw APIError.invalidJSON(error)
        }
    }

    /// JSON is taken from whatever calls itself text or nothing: curl's default is a form. What cannot be JSON is refused.
    private func checkMediaType(_ headers: HTTPFields) throws(APIError) {
        if let encoding = headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw .mediaType("The content encoding '\(encoding)' is not supported. Send the JSON uncompressed.")
        }
        if let type = headers[.contentType], type.lowercased().hasPrefix("multipart/") {
            throw .mediaType("The content type '\(type)' is not supported. Send 'application/json'.")
        }
    }

    private func collect(_ request: Request) async throws(APIError) -> ByteBuffer {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw .bodyTooLarge(limit: limit)
        }
        let body = request.body
        let limit = limit
        let clock = clock
        let timeout = timeout
        do {
            return try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
                group.addTask { try await body.collect(upTo: limit) }
                group.addTask {
                    try await clock.sleep(for: timeout)
                    return nil
                }
                defer { group.cancelAll() }
                guard let bytes = try await group.next() ?? nil else { throw APIError.bodyTimedOut(after: timeout) }
                return bytes
            }
        } catch let error as APIError {
            throw error
        } catch is NIOTooManyBytesError {
            throw .bodyTooLarge(limit: limit)
        } catch {
            throw APIError(code: "incomplete_body", "The body of the request ended early.")
        }
    }
}
