/// What an embedding engine has done and holds, at one moment between two passes.
package struct EmbeddingStatistics: Sendable, Equatable {
    // Present state.
    /// Requests whose vectors are not all there yet.
    package var runningCount = 0
    /// Tokens of texts that no pass has taken yet.
    package var waitingTokenCount = 0

    // Counters, since the engine was made.
    /// Requests that got their vectors.
    package var finishedRequests: UInt64 = 0
    /// Requests refused at submission.
    package var refusedRequests: UInt64 = 0
    /// Texts embedded, those of requests that were given up later among them.
    package var texts: UInt64 = 0
    /// Their tokens.
    package var tokens: UInt64 = 0

    // Distributions, in seconds unless they say otherwise.
    package var passTime = Histogram(bounds: Histogram.interTokenBounds)
    /// Tokens computed in one pass.
    package var passTokens = Histogram(bounds: Histogram.stepTokenBounds)
    /// From submission to the last vector.
    package var requestTime = Histogram(bounds: Histogram.firstTokenBounds)
}
