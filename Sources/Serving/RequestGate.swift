import OpenAIAPI
import Synchronization

/// Counts the generations under way, bounds them, and turns newcomers away once the server is told to stop.
package final class RequestGate: Sendable {
    private struct State {
        var isDraining = false
        /// What cancels each generation.
        var running: [UInt64: @Sendable (APIError) -> Void] = [:]
        var nextID: UInt64 = 0
        var drainWaiters: [AsyncStream<Void>.Continuation] = []
        var idleWaiters: [AsyncStream<Void>.Continuation] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: most generations at a time.
    package init(limit: Int) { self.limit = limit }

    /// Whether newcomers are turned away.
    package var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Generations under way.
    package var runningCount: Int { state.withLock { $0.running.count } }

    /// Lets a generation in. `cancel` is called when the server cannot wait for it any longer.
    func enter(cancel: @escaping @Sendable (APIError) -> Void) throws(APIError) -> Permit {
        let admitted: Result<UInt64, APIError> = state.withLock { state in
            if state.isDraining { return .failure(.draining) }
            if state.running.count >= limit {
                return .failure(.overloaded("The server is busy with \(limit) requests. Try again shortly."))
            }
            let id = state.nextID
            state.nextID += 1
            state.running[id] = cancel
            return .success(id)
        }
        return Permit(gate: self, id: try admitted.get())
    }

    /// Turns newcomers away from now on.
    package func beginDraining() {
        let waiters = state.withLock { state in
            state.isDraining = true
            defer { state.drainWaiters = [] }
            return state.drainWaiters
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Ends every generation under way with the error that the server is shutting down.
    func cancelAll() {
        let cancels = state.withLock { Array($0.running.values) }
        for cancel in cancels { cancel(.draining) }
    }

    /// Returns once `beginDraining` was called, or when the task is cancelled.
    func waitForDraining() async {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let isDone = state.withLock { state in
            if !state.isDraining { state.drainWaiters.append(continuation) }
            return state.isDraining
        }
        if isDone { return }
        for await _ in stream {}
    }

    /// Returns once no generation is under way, or when the task is cancelled.
    func waitUntilIdle() async {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let isDone = state.withLock { state in
            if !state.running.isEmpty { state.idleWaiters.append(continuation) }
            return state.running.isEmpty
        }
        if isDone { return }
        for await _ in stream {}
    }

    fileprivate func leave(_ id: UInt64) {
        let waiters: [AsyncStream<Void>.Continuation] = state.withLock { state in
            state.running[id] = nil
            guard state.running.isEmpty else { return [] }
            defer { state.idleWaiters = [] }
            return state.idleWaiters
        }
        for waiter in waiters { waiter.finish() }
    }
}

/// A generation's place in the gate, given back at its end, at the latest when nobody holds it any more.
final class Permit: Sendable {
    private let gate: RequestGate
    private let id: UInt64

    fileprivate init(gate: RequestGate, id: UInt64) {
        self.gate = gate
        self.id = id
    }

    /// Gives the place back; further calls do nothing.
    func leave() { gate.leave(id) }

    deinit { gate.leave(id) }
}
