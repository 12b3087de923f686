import Models
import Tensors

/// One line of the report: how fast, and how fast it could be.
struct BenchmarkRow: Sendable {
    var kind: BenchmarkKind
    var measured: BenchmarkCase
    /// Tokens a second of all streams together, one for each repetition.
    var rates: [Double]
    /// What `work.tokenCount` tokens take.
    var work: BenchmarkWork
    /// What the machine did at best between the repetitions.
    var ceilings: CeilingSample

    /// What holds a computation back first.
    enum Limit: String, Sendable {
        case dotProducts = "8-bit products"
        case multiplyAdds = "float32 products"
        case reading
    }

    /// Tokens a second.
    var rate: Double { rates.median }

    private var seconds: Double { Double(work.tokenCount) / rate }
    private var dotSeconds: Double { Double(work.work.dotOperations) / ceilings.dotRate }
    private var floatSeconds: Double { Double(work.work.floatOperations) / ceilings.multiplyAddRate }
    /// Time that the operations take at the ceilings: both kinds share the same units, so one waits for the other.
    private var arithmeticSeconds: Double { dotSeconds + floatSeconds }
    private var readingSeconds: Double { Double(work.byteCount) / ceilings.readRate }

    /// Operations a second, of both kinds.
    var operationRate: Double { Double(work.operationCount) / seconds }
    /// Bytes a second.
    var byteRate: Double { Double(work.byteCount) / seconds }
    /// Share of the time that the operations alone would take, 0 to 1.
    var arithmeticShare: Double { arithmeticSeconds / seconds }
    /// Share of the time that reading alone would take.
    var readingShare: Double { readingSeconds / seconds }
    /// Operations for every byte.
    var intensity: Double { Double(work.operationCount) / Double(work.byteCount) }
    /// Operations a second at the ceilings, in the row's mixture of both kinds.
    var operationCeiling: Double { Double(work.operationCount) / arithmeticSeconds }
    /// Where the roof's two sides meet: with more operations for every byte than this, arithmetic is the limit.
    var ridge: Double { operationCeiling / ceilings.readRate }

    /// Which ceiling is the lowest.
    var limit: Limit {
        if readingSeconds > arithmeticSeconds { return .reading }
        return dotSeconds >= floatSeconds ? .dotProducts : .multiplyAdds
    }

    /// Tokens a second if reading and arithmetic went on side by side, each at its ceiling: the roof over the row.
    var bound: Double { Double(work.tokenCount) / max(arithmeticSeconds, readingSeconds) }
    /// Share of the bound that was reached.
    var boundShare: Double { rate / bound }

    /// What was measured, in words: `prefill 512`, `decode at 4096, 8 streams`.
    var name: String {
        let size = kind == .prefill ? "prefill \(measured.promptCount)" : "decode at \(measured.promptCount)"
        return measured.streamCount == 1 ? size : "\(size), \(measured.streamCount) streams"
    }
}

extension [Double] {
    /// The middle one, or the mean of the two; not a number when there is none.
    var median: Double {
        if isEmpty { return .nan }
        let sorted = sorted()
        let middle = count / 2
        return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension CeilingSample {
    /// The medians of several.
    init(medianOf samples: [CeilingSample]) {
        self.init(
            dotRate: samples.map(\.dotRate).median,
            multiplyAddRate: samples.map(\.multiplyAddRate).median,
            readRate: samples.map(\.readRate).median
        )
    }
}
