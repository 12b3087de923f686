/// What requests under one adapter came to since the server started, whether or not they were completed.
package struct AdapterUsage: Sendable, Equatable {
    package var requests: UInt64 = 0
    /// Tokens of prompts, each once however many answers there were; of requests that left the queue.
    package var promptTokens: UInt64 = 0
    /// Prompt tokens that were computed: those found in the cache are not, and others are for every answer.
    package var computedPromptTokens: UInt64 = 0
    /// Prompt tokens found in the prefix cache, by the first answer.
    package var cachedTokens: UInt64 = 0
    package var generatedTokens: UInt64 = 0
    /// Their part of the time of the engine's steps.
    package var computeTime = Duration.zero
    /// Bytes of factors in memory, times the seconds that they were there.
    package var residentByteSeconds = 0.0

    mutating func count(_ usage: TextUsage) {
        requests += 1
        let hasRun = usage.computedPromptTokenCount + usage.cachedTokenCount > 0
        promptTokens += UInt64(hasRun ? usage.promptTokenCount : 0)
        computedPromptTokens += UInt64(usage.computedPromptTokenCount)
        cachedTokens += UInt64(usage.cachedTokenCount)
        generatedTokens += UInt64(usage.completionTokenCount)
        computeTime += usage.computeTime
    }
}
