/// Whatever turns requests into token streams: the seam at which a deployment may reach another machine.
///
/// `Engine` runs a model in this process. `Deployments` holds its backend by this protocol only, so that a remote
/// endpoint can stand in its place without a change above or below; that second implementation belongs in
/// `Deployments`, since nothing under the seam knows of networks.
package protocol GenerationBackend: Sendable {
    /// Queues requests of one client, all of them or none. The receipt of each is filled in once it is over, before the last
    /// event and before `cancel` or `complete` of it return.
    ///
    /// - Returns: the events of each. Dropping a stream, or ending its iteration early, cancels its request.
    func submit(_ requests: [GenerationRequest]) async throws(SubmissionError) -> [AsyncStream<GenerationEvent>]

    /// Ends a request; its stream gets `finished(.cancelled, …)`. Ids that are unknown or done already are ignored.
    func cancel(_ id: RequestID) async

    /// Ends a request whose caller has all it wanted, because a text it was to stop at has appeared. Like `cancel`, but
    /// counted as an answer that came to its natural end.
    func complete(_ id: RequestID) async

    /// A snapshot of the counters. Answers at once, also while a step runs.
    func statistics() async -> EngineStatistics

    /// Takes no new requests, lets those it holds run for `gracePeriod`, then fails the rest. Returns when none is
    /// left.
    func shutdown(gracePeriod: Duration) async
}
