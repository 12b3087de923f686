import Synchronization

/// What the server has answered since it started; what its engines did, they count themselves.
final class ServingMetrics: Sendable {
    /// What a response was, for counting.
    struct ResponseClass: Hashable, Sendable {
        var route: String
        var status: Int
    }

    /// Everything counted, at one moment.
    struct Snapshot: Sendable {
        var responses: [ResponseClass: Int] = [:]
        /// Generations whose client left before their end.
        var disconnectCount = 0
    }

    private let state = Mutex(Snapshot())

    /// Everything counted so far.
    var snapshot: Snapshot { state.withLock { $0 } }

    func countResponse(_ route: String, status: Int) {
        state.withLock { $0.responses[ResponseClass(route: route, status: status), default: 0] += 1 }
    }

    func countDisconnect() {
        state.withLock { $0.disconnectCount += 1 }
    }
}
