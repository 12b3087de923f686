import OpenAIAPI
import Synchronization

/// The responses that are computed while nobody waits.
final class BackgroundResponses: Sendable {
    private struct Entry {
        let run: GenerationRun
        var isCancelled = false
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// Notes that the response called `id` is computed by `run`.
    func begin(_ id: String, _ run: GenerationRun) {
        entries.withLock { $0[id] = Entry(run: run) }
    }

    /// Whether the response called `id` is being computed.
    func isRunning(_ id: String) -> Bool { entries.withLock { $0[id] != nil } }

    /// Whether somebody asked that the response called `id` be given up.
    func isCancelled(_ id: String) -> Bool { entries.withLock { $0[id]?.isCancelled ?? false } }

    /// Notes that the response called `id` has ended, and is stored.
    func end(_ id: String) {
        let entry = entries.withLock { $0.removeValue(forKey: id) }
        for waiter in entry?.waiters ?? [] { waiter.finish() }
    }

    /// Gives up the response called `id` and returns once that is stored; at once when it is not being computed.
    func cancel(_ id: String) async {
        let (ended, waiter) = AsyncStream<Void>.makeStream()
        let run = entries.withLock { entries in
            entries[id]?.isCancelled = true
            entries[id]?.waiters.append(waiter)
            return entries[id]?.run
        }
        guard let run else { return }
        run.interrupt(.cancelledResponse)
        for await _ in ended {}
    }
}

extension APIError {
    /// Somebody gave the response up.
    fileprivate static let cancelledResponse = APIError(status: 409, code: "cancelled", "The response was cancelled.")
}
