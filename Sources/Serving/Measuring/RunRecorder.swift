import Deployments
import Synchronization

/// Takes down what one request came to, for its line in the log.
final class RunRecorder: Sendable {
    struct Summary: Sendable {
        var promptTokenCount = 0
        var completionTokenCount = 0
        var cachedTokenCount = 0
        /// When the first token came; nil when none did.
        var firstToken: ContinuousClock.Instant?
        /// How the answers ended.
        var finishes: [String] = []
    }

    private let state = Mutex(Summary())

    var summary: Summary { state.withLock { $0 } }

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
            }
        case .failed: state.withLock { $0.finishes.append("error") }
        case .started, .part, .promptLogprobs: break
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
