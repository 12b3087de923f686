import Deployments
import Foundation
import HTTPTypes
import Hummingbird
import Inference
import OpenAIAPI

extension Exchange {
    /// Longest isolation key, in bytes, as that of the field.
    private static let isolationBytes = 1024

    /// What the caller's header keeps this request's cached prefixes apart by; nil without the header.
    func cacheIsolation() throws(APIError) -> String? {
        guard let key = request.headers[.cacheIsolation] else { return nil }
        let name = HTTPField.Name.cacheIsolation.canonicalName
        guard (1...Self.isolationBytes).contains(key.utf8.count) else {
            throw .invalidValue(
                name,
                "the header has \(key.utf8.count) bytes; 1 to \(Self.isolationBytes) are allowed."
            )
        }
        return key
    }
}

extension TextRequest {
    /// Keeps the request's cached prefixes apart by `key`; throws when its body asks for another one.
    mutating func isolate(_ key: String) throws(APIError) {
        if let salt = parameters.cacheSalt, salt != key {
            throw .invalidValue("cache_salt", "it differs from the header 'x-prompt-cache-isolation-key'.")
        }
        parameters.cacheSalt = key
    }
}

extension Response {
    /// Says what the answer took, in Fireworks' headers.
    mutating func tell(_ usage: Usage, _ timing: RunTiming) {
        headers[.promptTokens] = String(usage.promptTokens)
        headers[.cachedPromptTokens] = String(usage.cachedTokens)
        headers[.timeToFirstToken] = Self.seconds(timing.waiting + timing.prefill)
        headers[.processingTime] = Self.seconds(timing.total)
    }

    private static func seconds(_ duration: Duration) -> String {
        String(format: "%.3f", duration.seconds)
    }
}
