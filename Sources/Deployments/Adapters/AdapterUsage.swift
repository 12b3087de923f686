/// What requests under one adapter came to since the server started, whether or not they were completed.
package struct AdapterUsage: Sendable, Equatable {
    package var requests: UInt64 = 0
    package var promptTokens: UInt64 = 0
    /// Prompt tokens found in the prefix cache.
    package var cachedTokens: UInt64 = 0
    package var generatedTokens: UInt64 = 0
    /// Their part of the time of the engine's steps.
    package var computeTime = Duration.zero
    /// Bytes of factors in memory, times the seconds that they were there.
    package var residentByteSeconds = 0.0

    mutating func count(_ usage: TextUsage) {
        requests += 1
        promptTokens += UInt64(usage.promptTokenCount)
        cachedTokens += UInt64(usage.cachedTokenCount)
        generatedTokens += UInt64(usage.completionTokenCount)
        computeTime += usage.computeTime
    }
}
