import Deployments
import Foundation
import HTTPTypes
import Hummingbird
import Inference
import OpenAIAPI

extension Exchange {
    /// Longest isolation key, in bytes, as that of the field.
    private static let isolationBytes = 1024

    /// `texts` with their cached prefixes kept apart by what the caller's header says; throws when a body asks for another.
    func isolated(_ texts: [TextRequest]) throws(APIError) -> [TextRequest] {
        let header = HTTPField.Name.cacheIsolation
        guard let key = request.headers[header] else { return texts }
        guard (1...Self.isolationBytes).contains(key.utf8.count) else {
            throw .invalidValue(
                header.canonicalName,
                "the header has \(key.utf8.count) bytes; 1 to \(Self.isolationBytes) are allowed."
            )
        }
        var texts = texts
        for index in texts.indices {
            if let salt = texts[index].parameters.cacheSalt, salt != key {
                throw .invalidValue("cache_salt", "it differs from the header '\(header.canonicalName)'.")
            }
            texts[index].parameters.cacheSalt = key
        }
        return texts
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
