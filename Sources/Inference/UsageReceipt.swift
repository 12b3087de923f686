import Synchronization

/// What a request came to, however it ended: what is billed, counted and told is read from this.
package struct UsageReport: Sendable, Equatable {
    package var usage: GenerationUsage
    /// Tokens of the prompt that were computed, each once, however often a preemption made it necessary.
    package var computedPromptTokens: Int
    /// The request's part of the time of the steps that computed it: each step's time is shared among its rows by what
    /// they are estimated to cost (`RowCost`), so the parts of all requests add up to the time of all steps.
    package var computeTime: Duration

    package init(usage: GenerationUsage, computedPromptTokens: Int = 0, computeTime: Duration = .zero) {
        self.usage = usage
        self.computedPromptTokens = computedPromptTokens
        self.computeTime = computeTime
    }
}

/// Where the engine leaves the report of a request once it is over, also for callers who have left its stream before.
package final class UsageReceipt: Sendable {
    private let state = Mutex<UsageReport?>(nil)

    package init() {}

    /// nil while the request is under way.
    package var report: UsageReport? { state.withLock { $0 } }

    /// Leaves the report; called once, before the stream's last event.
    func fill(_ report: UsageReport) { state.withLock { $0 = report } }
}
