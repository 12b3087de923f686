import Deployments
import Foundation
import HTTPTypes
import Hummingbird
import Inference
import JSON
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

    /// Says how the answer is sampled once the model's own defaults are filled in, in Fireworks' header. Biases of tokens are
    /// left out: they may be more than a header can hold.
    mutating func tell(_ parameters: GenerationParameters) {
        let sampling = parameters.sampling
        var options: JSONObject = [
            "temperature": .shortest(sampling.temperature), "top_p": .shortest(sampling.topP),
            "top_k": .integer(Int64(sampling.topK)), "min_p": .shortest(sampling.minP),
            "typical_p": .shortest(sampling.typicalP),
            "repetition_penalty": .shortest(sampling.repetitionPenalty),
            "presence_penalty": .shortest(sampling.presencePenalty),
            "frequency_penalty": .shortest(sampling.frequencyPenalty),
        ]
        options["max_tokens"] = parameters.maxTokens.map { .integer(Int64($0)) }
        options["seed"] = sampling.seed.map { .integer(Int64(bitPattern: $0)) }
        headers[.samplingOptions] = JSONValue.object(options).serialized()
    }

    private static func seconds(_ duration: Duration) -> String {
        String(format: "%.3f", duration.seconds)
    }
}
