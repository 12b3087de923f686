import Deployments
import Synchronization

/// How long the parts of a request took.
struct RunTiming: Sendable, Equatable {
    /// From the request's arrival to its admission by the engine: reading, encoding, queueing.
    var waiting: Duration
    /// From admission to the first token.
    var prefill: Duration
    /// From the first token to the end.
    var decode: Duration

    var total: Duration { waiting + prefill + decode }
}

/// Takes down what one request came to, for its line in the log and for answers that report times.
final class RunRecorder: Sendable {
    struct Summary: Sendable {
        var promptTokenCount = 0
        var completionTokenCount = 0
        var cachedTokenCount = 0
        var computeTime = Duration.zero
        /// When the first answer was admitted by the engine; nil when none was.
        var admission: ContinuousClock.Instant?
        /// When the first token came; nil when none did.
        var firstToken: ContinuousClock.Instant?
        /// How the answers ended.
        var finishes: [String] = []
    }

    private let state = Mutex(Summary())
    private let start: ContinuousClock.Instant

    /// - Parameter start: when the request came.
    init(start: ContinuousClock.Instant) { self.start = start }

    var summary: Summary { state.withLock { $0 } }

    /// How long each part of the request took, up to now.
    func timing(now: ContinuousClock.Instant = .now) -> RunTiming {
        let summary = summary
        let firstToken = summary.firstToken ?? now
        let admission = min(summary.admission ?? firstToken, firstToken)
        return RunTiming(
            waiting: start.duration(to: admission),
            prefill: admission.duration(to: firstToken),
            decode: firstToken.duration(to: now)
        )
    }

    func take(_ event: TextEvent) {
        switch event {
        case .text(_, _, let tokens, _):
            if !tokens.isEmpty { state.withLock { $0.firstToken = $0.firstToken ?? .now } }
        case .finished(_, let finish): state.withLock { $0.finishes.append(finish.name) }
        case .usage(let usage):
            state.withLock { summary in
                summary.promptTokenCount += usage.promptTokenCount
                summary.completionTokenCount += usage.completionTokenCount
                summary.cachedTokenCount += usage.cachedTokenCount
                summary.computeTime += usage.computeTime
            }
        case .failed: state.withLock { $0.finishes.append("error") }
        case .started: state.withLock { $0.admission = $0.admission ?? .now }
        case .part, .promptLogprobs: break
        }
    }
}

extension TextFinish {
    /// The reason as logs name it.
    fileprivate var name: String {
        switch self {
        case .endOfSequence, .stopString, .stopToken: "stop"
        case .length: "length"
        case .cancelled: "abort"
        }
    }
}
