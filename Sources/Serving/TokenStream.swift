import Deployments
import JSON
import OpenAIAPI
import Synchronization

/// The bytes of one streamed answer: events go in at one end, whatever is ready comes out at the other.
///
/// What a slow client has not read yet is kept here, up to a limit, so that nothing else waits for it; a client beyond the
/// limit counts as gone. Only what piles up during one long write tells that a client is slow: however much comes at once,
/// it says nothing of who reads it. All that became ready since the last write leaves in one write.
final class TokenStream: Sendable {
    /// A write that is younger tells nothing of its client: one step of the engine brings events of all prompts at once.
    static let burst: Duration = .seconds(1)

    private struct State {
        var format: any AnswerFormat
        var answers: AnswerCollector
        var bytes: [UInt8] = []
        /// When the write under way began; nil while none is.
        var writeStart: ContinuousClock.Instant?
        var hasWritten = false
        var isOverfull = false

        mutating func append(_ object: JSONValue) { format.framing.append(object, to: &bytes) }

        mutating func appendKeepAlive() {
            if let object = format.silence { append(object) } else { bytes += ServerSentEvent.keepAlive }
        }
    }

    private let state: Mutex<State>
    private let limit: Int
    private let signal: AsyncStream<Void>
    private let signaller: AsyncStream<Void>.Continuation

    /// - Parameter limit: bytes that may pile up during one write.
    init(format: any AnswerFormat, answers: AnswerCollector, limit: Int) {
        state = Mutex(State(format: format, answers: answers))
        self.limit = limit
        (signal, signaller) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// One element whenever something may be ready; ends after `close`.
    var readiness: AsyncStream<Void> { signal }

    /// Whether the client reads so slowly that it counts as gone.
    var isOverfull: Bool { state.withLock { $0.isOverfull } }

    /// Writes the objects that begin the stream.
    func open() {
        append { state in
            for object in state.format.opening() { state.append(object) }
        }
    }

    func take(_ event: TextEvent, prompt: Int, now: ContinuousClock.Instant = .now) {
        append(now: now) { state in
            state.answers.take(event, prompt: prompt)
            for object in state.format.chunks(for: event, prompt: prompt) { state.append(object) }
        }
    }

    /// The object of the whole answer; nil when it is not complete.
    func whole(_ timing: RunTiming) -> JSONValue? {
        state.withLock { $0.answers.isComplete ? $0.format.whole($0.answers, timing) : nil }
    }

    /// Ends the stream: as its format has it, or with the error that cut it short.
    ///
    /// - Parameter failure: what went wrong after the answer was complete.
    func close(interruption: APIError?, failure: APIError? = nil, timing: RunTiming) {
        append { state in
            if let failure {
                state.append(state.format.failure(failure))
            } else if state.answers.isComplete {
                for object in state.format.closing(state.answers, timing) { state.append(object) }
                state.bytes += state.format.framing.end
            } else {
                state.append(state.format.failure(state.answers.error(interruption)))
            }
        }
        signaller.finish()
    }

    /// Ends the stream without another word: nobody reads it.
    func abandon() { signaller.finish() }

    /// Takes all that is ready; a write of it is under way until `endWrite`.
    func beginWrite(now: ContinuousClock.Instant = .now) -> [UInt8] {
        state.withLock { state in
            state.writeStart = now
            if !state.bytes.isEmpty { state.hasWritten = true }
            defer { state.bytes = [] }
            return state.bytes
        }
    }

    func endWrite() {
        state.withLock { $0.writeStart = nil }
    }

    /// Fills the silence, where nothing was written since the last call.
    func tick() {
        state.withLock { state in
            guard state.writeStart == nil else { return }
            if !state.hasWritten, state.bytes.isEmpty { state.appendKeepAlive() }
            state.hasWritten = false
        }
        signaller.yield()
    }

    private func append(now: ContinuousClock.Instant = .now, _ change: (inout sending State) -> Void) {
        state.withLock { state in
            // What is added now may be large by itself, and could not have been written yet.
            if state.bytes.count > limit, let start = state.writeStart, start.duration(to: now) > Self.burst {
                state.isOverfull = true
            }
            change(&state)
        }
        signaller.yield()
    }
}

extension AnswerCollector {
    /// Why the answers are not complete.
    func error(_ interruption: APIError?) -> APIError {
        if let interruption { return interruption }
        return .generationFailed(failure ?? "The generation ended before the answer was complete.")
    }
}
