import Models

/// What one line of the report measures.
enum BenchmarkKind: String, Sendable {
    /// Reading prompts.
    case prefill
    /// Answering after them.
    case decode
}

/// Requests of one size, sent together a few times, and what is told of them.
struct BenchmarkCase: Sendable, Equatable {
    /// What is reported.
    var kinds: [BenchmarkKind]
    /// Tokens in each prompt.
    var promptCount: Int
    /// Tokens generated for each.
    var generatedCount: Int
    /// Requests computed together.
    var streamCount: Int
    /// Whether the prompts are in the KV cache when the measured runs begin.
    var isCached: Bool

    /// The cases of a command line, in the order of its lists.
    ///
    /// - Parameter depths: nil measures prefill and decode of every prompt in one case; otherwise prompts are read one at
    ///   a time, and decode starts from these depths.
    static func all(prompts: [Int], depths: [Int]?, streams: [Int], generate: Int) -> [BenchmarkCase] {
        guard let depths else {
            return prompts.flatMap { prompt in
                streams.map {
                    BenchmarkCase(
                        kinds: [.prefill, .decode],
                        promptCount: prompt,
                        generatedCount: generate,
                        streamCount: $0,
                        isCached: false
                    )
                }
            }
        }
        let reading = prompts.map {
            BenchmarkCase(kinds: [.prefill], promptCount: $0, generatedCount: 2, streamCount: 1, isCached: false)
        }
        let answering = depths.flatMap { depth in
            streams.map {
                // A request has at least one token.
                BenchmarkCase(
                    kinds: [.decode],
                    promptCount: max(depth, 1),
                    generatedCount: generate,
                    streamCount: $0,
                    isCached: true
                )
            }
        }
        return reading + answering
    }

    /// Tokens of each request, prompt and answer.
    var tokenCount: Int { promptCount + generatedCount }

    /// The same with prompts of one step and few tokens of answer, to warm up: the first step of its size finds its buffers new.
    func shortened(tokensPerStep: Int) -> BenchmarkCase {
        var short = self
        short.promptCount = min(promptCount, tokensPerStep)
        short.generatedCount = 16
        return short
    }
}

/// The work behind some tokens of a report's line.
struct BenchmarkWork: Sendable, Equatable {
    var work: StepWork
    /// Tokens of all streams that the work brings.
    var tokenCount: Int
    var stepCount: Int

    /// Operations of both kinds.
    var operationCount: Int { work.dotOperations + work.floatOperations }
    /// Bytes of weights and of the KV cache.
    var byteCount: Int { work.weightBytes + work.cacheBytes }

    /// Counts the steps of `kind` in `measured`.
    ///
    /// - Parameter tokensPerStep: how many prompt tokens a step reads at most; several prompts share one.
    init(_ kind: BenchmarkKind, of measured: BenchmarkCase, _ costs: DecoderCosts, tokensPerStep: Int) {
        let steps =
            kind == .prefill
            ? Self.prefillSteps(measured, tokensPerStep: tokensPerStep) : Self.decodeSteps(measured)
        work = steps.reduce(into: StepWork()) { $0 += costs.work(of: $1) }
        tokenCount = steps.joined().reduce(0) { $0 + $1.tokenCount }
        stepCount = steps.count
    }

    /// Prompts one after the other, cut where a step is full.
    private static func prefillSteps(_ measured: BenchmarkCase, tokensPerStep: Int) -> [[DecoderCosts.Row]] {
        var steps: [[DecoderCosts.Row]] = []
        var room = 0
        for _ in 0..<measured.streamCount {
            var position = 0
            while position < measured.promptCount {
                if room == 0 {
                    steps.append([])
                    room = tokensPerStep
                }
                let count = min(room, measured.promptCount - position)
                let isLast = position + count == measured.promptCount
                steps[steps.count - 1].append(
                    .init(firstPosition: position, tokenCount: count, logitCount: isLast ? 1 : 0)
                )
                position += count
                room -= count
            }
        }
        return steps
    }

    /// Every stream's tokens after its first, one in each step.
    private static func decodeSteps(_ measured: BenchmarkCase) -> [[DecoderCosts.Row]] {
        (measured.promptCount..<measured.tokenCount - 1).map { position in
            let row = DecoderCosts.Row(firstPosition: position, tokenCount: 1, logitCount: 1)
            return Array(repeating: row, count: measured.streamCount)
        }
    }
}
