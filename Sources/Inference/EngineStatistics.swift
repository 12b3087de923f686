/// A count of observations in fixed ranges, as Prometheus wants them.
package struct Histogram: Sendable, Equatable {
    /// Upper bounds of the ranges, inclusive and ascending, in seconds or tokens; one more range has none.
    package let bounds: [Double]
    /// `[bounds + 1]`: observations in each range, not cumulative.
    package private(set) var counts: [UInt64]
    /// Sum of all observations.
    package private(set) var sum = 0.0

    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Number of observations.
    package var count: UInt64 { counts.reduce(0, +) }

    /// Observations up to each bound, and all of them last: Prometheus' `le` buckets.
    package var cumulativeCounts: [UInt64] {
        var total: UInt64 = 0
        return counts.map { count in
            total += count
            return total
        }
    }

    /// Adds one observation.
    package mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }

    /// Calls `visit` for every number that changes; what it leaves there is taken over.
    mutating func visitWords(_ visit: (inout UInt64) -> Void) {
        for index in counts.indices { visit(&counts[index]) }
        var word = sum.bitPattern
        visit(&word)
        sum = Double(bitPattern: word)
    }

    /// Adds one observation, in seconds.
    package mutating func observe(_ duration: Duration) { observe(duration.seconds) }

    /// Bounds of vLLM's time to first token, in seconds.
    static let firstTokenBounds = [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
        2560,
    ]
    /// Bounds of vLLM's inter-token latency, in seconds.
    static let interTokenBounds = [
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
    ]
    /// Bounds of vLLM's request latencies, in seconds.
    static let requestBounds = [
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ]
    /// Bounds of vLLM's tokens per step.
    static let stepTokenBounds = [1.0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]
}

extension Duration {
    /// For histograms and logs, whose formats know seconds only.
    package var seconds: Double {
        let (whole, attoseconds) = components
        return Double(whole) + Double(attoseconds) * 1e-18
    }
}

/// What an engine has done and holds, at one moment between two steps.
package struct EngineStatistics: Sendable, Equatable {
    // Present state.
    /// Requests that hold blocks.
    package var runningCount = 0
    /// Requests that wait, preempted ones among them.
    package var waitingCount = 0
    /// Blocks of the KV cache.
    package var blockCount = 0
    /// Tokens in a block.
    package var blockSize = 0
    /// Blocks that nobody holds; some of them can still be hit.
    package var freeBlockCount = 0
    /// Blocks the prefix cache can hit, held or free.
    package var cachedBlockCount = 0

    // Counters, since the engine was made.
    /// Prompt tokens of admitted requests.
    package var promptTokens: UInt64 = 0
    /// Those of them that the prefix cache supplied.
    package var cachedPromptTokens: UInt64 = 0
    /// Those of them that came from disk.
    package var restoredPromptTokens: UInt64 = 0
    /// Tokens drawn.
    package var generatedTokens: UInt64 = 0
    package var preemptions: UInt64 = 0
    package var steps: UInt64 = 0
    /// Tokens computed, prefill, decode and what was computed again after a preemption.
    package var computedTokens: UInt64 = 0
    /// Rows that were computed with guessed tokens.
    package var drafts: UInt64 = 0
    /// Tokens guessed and computed.
    package var draftTokens: UInt64 = 0
    /// Those of them that were drawn.
    package var acceptedDraftTokens: UInt64 = 0
    /// Requests refused at submission.
    package var refusedRequests: UInt64 = 0
    /// Leaked blocks, forgotten requests and broken invariants found whenever the engine fell idle; 0 unless we erred.
    package var invariantViolations: UInt64 = 0
    /// Requests done, by how they ended.
    package var finishedRequests: [EndingKind: UInt64] = [:]

    /// What the disk cache has done and holds; nil without one.
    package var disk: DiskCacheStatistics?

    // Distributions, in seconds unless they say otherwise.
    package var stepTime = Histogram(bounds: Histogram.interTokenBounds)
    /// Tokens computed in one step.
    package var stepTokens = Histogram(bounds: Histogram.stepTokenBounds)
    /// From submission to the first token.
    package var timeToFirstToken = Histogram(bounds: Histogram.firstTokenBounds)
    /// Between two tokens of a request.
    package var interTokenLatency = Histogram(bounds: Histogram.interTokenBounds)
    /// From submission to the first admission.
    package var queueTime = Histogram(bounds: Histogram.requestBounds)
    /// From the first admission to the first token.
    package var prefillTime = Histogram(bounds: Histogram.requestBounds)
    /// From the first token to the last.
    package var decodeTime = Histogram(bounds: Histogram.requestBounds)
    /// From submission to the end.
    package var requestTime = Histogram(bounds: Histogram.requestBounds)

    package init() {}

    /// Blocks that running requests hold.
    package var usedBlockCount: Int { blockCount - freeBlockCount }

    /// How a request ended, as metrics and logs name it.
    package enum EndingKind: String, Sendable, CaseIterable {
        case stop
        case length
        /// The caller went away or cancelled.
        case abort
        case error
    }
}

/// What `Engine.verifyIdle` found.
package struct IdleReport: Sendable, Equatable {
    /// Whether there was nothing to do; the rest is only telling when so.
    package var isIdle: Bool
    /// Blocks held although nothing runs.
    package var leakedBlockCount: Int
    /// Streams still open although nothing runs or waits.
    package var openRequestCount: Int
    /// What is wrong with the scheduler's books, in words.
    package var violations: [String]

    /// Whether the engine is idle and holds nothing it should not.
    package var isClean: Bool { isIdle && leakedBlockCount == 0 && openRequestCount == 0 && violations.isEmpty }
}

extension EngineStatistics.EndingKind {
    init(_ reason: FinishReason) {
        switch reason {
        case .stop: self = .stop
        case .length: self = .length
        case .cancelled: self = .abort
        }
    }
}
