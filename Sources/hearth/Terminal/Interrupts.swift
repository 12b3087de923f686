import Foundation
import Synchronization

/// Ctrl-C as an event instead of an end.
///
/// On Linux, Dispatch sets a signal's handler for the first source that there ever is, and blocks the signal in threads that
/// receive it: a later source hears nothing once somebody else has set what the signal does, and neither may the process.
/// So one source hears all interrupts, also those that are to end the process.
enum Interrupts {
    private struct State {
        /// Made at the first watch; it listens until the process ends.
        var source: (any DispatchSourceSignal)?
        /// What the next interrupt does; nil lets it end the process.
        var action: (@Sendable () -> Void)?
    }

    private static let state = Mutex(State())

    /// Runs `operation`; an interrupt cancels it, a second one ends the process.
    static func cancelling<Value: Sendable>(
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task { try await operation() }
        watch { task.cancel() }
        defer { release() }
        return try await task.value
    }

    /// Calls `action` at the next interrupt, instead of what was watched before. Whatever it does not end, the one after
    /// that will.
    static func watch(_ action: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.action = action
            if state.source == nil { state.source = makeSource() }
        }
    }

    /// Gives the signal its usual meaning back.
    static func release() { state.withLock { $0.action = nil } }

    private static func makeSource() -> any DispatchSourceSignal {
        signal(SIGINT, SIG_IGN)
        // A queue of its own has a thread at once, however busy the shared ones are.
        let queue = DispatchQueue(label: "interrupts")
        let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: queue)
        source.setEventHandler { handle() }
        source.resume()
        return source
    }

    private static func handle() {
        let action = state.withLock { state in
            let action = state.action
            state.action = nil
            return action
        }
        if let action { action() } else { end() }
    }

    /// Ends the process by the signal, so that a shell sees what happened.
    private static func end() {
        signal(SIGINT, SIG_DFL)
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        raise(SIGINT)
    }
}
