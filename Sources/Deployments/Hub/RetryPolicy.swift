/// Decides whether and when a failed exchange is tried again. Pure: the caller waits.
struct RetryPolicy: Sendable {
    /// Failures in a row, without a byte of progress between them, before giving up.
    var failureLimit = 5
    /// Wait after the first failure; doubled with each further one.
    var firstDelay = Duration.milliseconds(500)
    /// Longest wait that is our own choice.
    var longestDelay = Duration.seconds(20)
    /// Longest wait a server may ask for with `Retry-After`.
    var longestRequestedDelay = Duration.seconds(120)

    private var failureCount = 0

    init() {}

    /// What comes after a failure.
    ///
    /// - Parameters:
    ///   - hasProgress: whether the exchange brought something new before it failed, which starts the count anew.
    ///   - requestedDelay: the server's wish, nil when it has none.
    /// - Returns: how long to wait before the next try; nil to give up.
    mutating func delay(hasProgress: Bool, requestedDelay: Duration? = nil) -> Duration? {
        failureCount = hasProgress ? 1 : failureCount + 1
        if failureCount >= failureLimit { return nil }
        if let requestedDelay { return requestedDelay <= longestRequestedDelay ? requestedDelay : nil }
        return min(longestDelay, firstDelay * (1 << (failureCount - 1)))
    }
}
