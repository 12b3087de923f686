import Foundation

/// Ctrl-C as an event instead of an end.
enum Interrupts {
    /// Runs `operation`; an interrupt cancels it, a second one ends the process.
    static func cancelling<Value: Sendable>(
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task { try await operation() }
        let source = watch { task.cancel() }
        defer { release(source) }
        return try await task.value
    }

    /// Calls `action` on every interrupt until the source is released. A second interrupt within the same action's
    /// second is taken for impatience by the caller, not here.
    static func watch(_ action: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
        signal(SIGINT, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            action()
            // Whatever the action does not end, the next interrupt will.
            signal(SIGINT, SIG_DFL)
        }
        source.resume()
        return source
    }

    /// Gives the signal its usual meaning back.
    static func release(_ source: any DispatchSourceSignal) {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }
}
