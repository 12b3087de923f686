/// Decides which texts are embedded together. Pure: no clock, no tensors, no `await`.
///
/// Requests give in turn, so that a small one is not held up by a large one; each gives its longest text first, so that the
/// texts of a batch are about as long as one another.
struct EmbeddingQueue: Sendable {
    /// One text of a request.
    struct Place: Equatable, Sendable {
        var request: UInt64
        /// Which of the request's texts.
        var index: Int
        /// Its length.
        var tokenCount: Int
    }

    private struct Line {
        var request: UInt64
        /// What waits, the longest last.
        var places: [Place]
    }

    /// Tokens that a batch holds at most, unless its first text alone has more.
    private let tokensPerBatch: Int
    private var lines: [Line] = []
    /// Tokens of all texts that wait.
    private(set) var waitingTokenCount = 0

    init(tokensPerBatch: Int) {
        precondition(tokensPerBatch > 0, "EmbeddingQueue: batches of \(tokensPerBatch) tokens")
        self.tokensPerBatch = tokensPerBatch
    }

    /// Queues texts of these lengths, each at least 1.
    mutating func add(_ request: UInt64, lengths: [Int]) {
        let places = lengths.enumerated().map { Place(request: request, index: $0.offset, tokenCount: $0.element) }
        // Of equal lengths the first comes first.
        let sorted = places.sorted { ($0.tokenCount, -$0.index) < ($1.tokenCount, -$1.index) }
        lines.append(Line(request: request, places: sorted))
        waitingTokenCount += lengths.reduce(0, +)
    }

    /// Forgets what waits of a request.
    mutating func remove(_ request: UInt64) {
        for line in lines where line.request == request {
            waitingTokenCount -= line.places.reduce(0) { $0 + $1.tokenCount }
        }
        lines.removeAll { $0.request == request }
    }

    /// Takes the texts to embed next, the longest first; empty when none wait.
    mutating func takeBatch() -> [Place] {
        var batch: [Place] = []
        var tokenCount = 0
        var hasTaken = true
        while hasTaken {
            hasTaken = false
            for index in lines.indices {
                guard let place = lines[index].places.last else { continue }
                if !batch.isEmpty, tokenCount + place.tokenCount > tokensPerBatch { continue }
                batch.append(place)
                tokenCount += place.tokenCount
                lines[index].places.removeLast()
                hasTaken = true
            }
        }
        waitingTokenCount -= tokenCount
        // Who was first begins last the next time. Who only became first, because that one is done, stays: else small
        // newcomers could keep a text that fits beside nothing waiting for ever.
        if let first = lines.first, !first.places.isEmpty { lines.append(lines.removeFirst()) }
        lines.removeAll { $0.places.isEmpty }
        return batch.sorted { $0.tokenCount > $1.tokenCount }
    }
}
