import Logging
import Tokenization

/// What the engine keeps of a request beside the scheduler's sequence: its sampler, its stream, its times.
///
/// A class, because changing a value of this size inside a dictionary takes eight allocations a token. It belongs to the
/// engine's thread.
final class ActiveRequest {
    let request: GenerationRequest
    var sampler: Sampler
    private let continuation: AsyncStream<GenerationEvent>.Continuation
    private let submitted: ContinuousClock.Instant
    private var admitted: ContinuousClock.Instant?
    private var firstToken: ContinuousClock.Instant?
    private(set) var lastToken: ContinuousClock.Instant?
    private(set) var usage: GenerationUsage
    /// Its part of the time of the steps so far.
    private var computeTime = Duration.zero
    private var computedPromptCount = 0
    /// `[prompt]` as far as they are known; empty when they are not wanted or have been sent.
    private var promptLogprobs: [TokenLogprobs?]

    init(
        _ request: GenerationRequest,
        _ continuation: AsyncStream<GenerationEvent>.Continuation,
        submitted: ContinuousClock.Instant
    ) {
        self.request = request
        self.continuation = continuation
        self.submitted = submitted
        sampler = Sampler(request)
        usage = GenerationUsage(promptTokens: request.prompt.count)
        promptLogprobs = request.promptLogprobCount == nil ? [] : Array(repeating: nil, count: request.prompt.count)
    }

    /// Notes the first admission.
    func start(cachedTokenCount: Int, at instant: ContinuousClock.Instant) {
        // A request whose answer was partly drawn before it was preempted has nothing new to tell.
        if admitted != nil { return }
        admitted = instant
        usage.cachedTokens = min(cachedTokenCount, usage.promptTokens)
        continuation.yield(.started(cachedTokenCount: usage.cachedTokens))
    }

    /// Charges the request with a row of a step and its part of the step's time.
    func charge(_ row: PlannedRow, _ time: Duration) {
        computeTime += time
        computedPromptCount += row.newPromptTokenCount
    }

    func notePreemption() { usage.preemptions += 1 }

    /// Notes the log probabilities of the prompt token at `position`.
    func setPromptLogprobs(_ logprobs: TokenLogprobs, at position: Int) {
        if promptLogprobs.indices.contains(position) { promptLogprobs[position] = logprobs }
    }

    /// Sends the prompt's log probabilities, once.
    func sendPromptLogprobs() {
        if promptLogprobs.isEmpty { return }
        continuation.yield(.promptLogprobs(promptLogprobs))
        promptLogprobs = []
    }

    /// Notes a drawn token, and sends it unless it is what ends the answer.
    func take(_ token: TokenID, _ logprobs: TokenLogprobs?, at instant: ContinuousClock.Instant) {
        usage.completionTokens += 1
        if firstToken == nil { firstToken = instant }
        lastToken = instant
        if !request.ends(with: token) { continuation.yield(.token(token, logprobs)) }
    }

    /// Sends the last event and closes the stream.
    func end(_ event: GenerationEvent) {
        continuation.yield(event)
        continuation.finish()
    }
}

extension ActiveRequest {
    /// Time since the submission and since the token before, for a token drawn at `instant`.
    func latency(at instant: ContinuousClock.Instant) -> (toFirst: Duration?, toNext: Duration?) {
        guard let lastToken else { return (submitted.duration(to: instant), nil) }
        return (nil, lastToken.duration(to: instant))
    }

    /// Time in the queue, known once admitted.
    var queueTime: Duration? { admitted.map { submitted.duration(to: $0) } }

    /// Adds the request's times to the distributions; called once, at its end.
    func record(in statistics: inout EngineStatistics, at instant: ContinuousClock.Instant) {
        statistics.requestTime.observe(submitted.duration(to: instant))
        guard let admitted else { return }
        if let firstToken, let lastToken {
            statistics.prefillTime.observe(admitted.duration(to: firstToken))
            statistics.decodeTime.observe(firstToken.duration(to: lastToken))
        }
    }

    /// Leaves what the request came to where its caller looks for it; called once, at its end.
    func fillReceipt() {
        let report = UsageReport(
            usage: usage,
            computedPromptTokens: computedPromptCount,
            computeTime: computeTime
        )
        request.receipt?.fill(report)
    }

    /// The log line at the request's end; never what was said.
    func logMetadata(_ kind: EngineStatistics.EndingKind) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            LogKeys.requestID: "\(request.name)",
            LogKeys.finishReason: "\(kind.rawValue)",
            LogKeys.promptTokens: "\(usage.promptTokens)",
            LogKeys.cachedTokens: "\(usage.cachedTokens)",
            LogKeys.completionTokens: "\(usage.completionTokens)",
            LogKeys.preemptions: "\(usage.preemptions)",
            LogKeys.computeTime: "\(computeTime)",
        ]
        if let queueTime { metadata[LogKeys.queueTime] = "\(queueTime)" }
        if let firstToken, let lastToken {
            metadata[LogKeys.timeToFirstToken] = "\(submitted.duration(to: firstToken))"
            if usage.completionTokens > 1 {
                let latency = firstToken.duration(to: lastToken) / (usage.completionTokens - 1)
                metadata[LogKeys.interTokenLatency] = "\(latency)"
            }
        }
        return metadata
    }
}
