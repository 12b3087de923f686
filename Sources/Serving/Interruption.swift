import OpenAIAPI
import Synchronization

/// What ends a request early, which may happen before there is anything to end.
final class Interruption: Sendable {
    private struct State {
        var error: APIError?
        var action: (@Sendable (APIError) -> Void)?
    }

    private let state = Mutex(State())

    /// Why it was ended; nil while it was not.
    var error: APIError? { state.withLock { $0.error } }

    /// Ends it. The first reason stands.
    func end(_ error: APIError) {
        let (reason, action) = state.withLock { state in
            let reason = state.error ?? error
            state.error = reason
            return (reason, state.action)
        }
        action?(reason)
    }

    /// What to do at the end, which may come more than once; at once when it has come.
    func onEnd(_ action: @escaping @Sendable (APIError) -> Void) {
        let error = state.withLock { state in
            state.action = action
            return state.error
        }
        if let error { action(error) }
    }
}
