package import Models
import Tokenization

/// Embeds the texts of many requests over one model, on a thread of its own.
///
/// A pass of the model has no `await` in it; between two passes requests come and go. With nothing to do the thread sleeps.
package actor EmbeddingEngine {
    /// What the model is and can.
    package nonisolated let traits: EmbedderTraits

    private struct OpenRequest {
        var texts: [EmbedderText]
        var vectors: [[Float]]
        var missingCount: Int
        let start: ContinuousClock.Instant
        let continuation: CheckedContinuation<Result<[[Float]], EmbeddingError>, Never>
    }

    private let thread: EngineThread
    private let model: any TextEmbedder
    private let waitingTokenLimit: Int
    private let heldFloatLimit: Int
    /// Floats of the vectors of all open requests, made or to be made.
    private var heldFloatCount = 0
    private var queue: EmbeddingQueue
    private var open: [UInt64: OpenRequest] = [:]
    private var nextRequest: UInt64 = 0
    private var counted = EmbeddingStatistics()
    private var isLooping = false
    private var isDraining = false

    /// Tokens of a pass: enough for the products to be worth their weights, few enough that newcomers need not wait long.
    package static let standardTokensPerBatch = 1024
    /// Tokens that may wait: some ten of the largest requests.
    package static let standardWaitingTokenLimit = 1 << 22
    /// Floats of vectors that may be held, half a gigabyte: texts of a token each have vectors as wide as any. One request has
    /// at most some 8 million.
    package static let standardHeldFloatLimit = 1 << 27

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - model: used by this engine only from here on.
    ///   - tokensPerBatch: most tokens of one pass, unless one text alone has more.
    ///   - waitingTokenLimit: a request that would let more wait is refused.
    ///   - heldFloatLimit: so is one whose vectors would let more floats be held.
    package init(
        model: sending any TextEmbedder,
        tokensPerBatch: Int = EmbeddingEngine.standardTokensPerBatch,
        waitingTokenLimit: Int = EmbeddingEngine.standardWaitingTokenLimit,
        heldFloatLimit: Int = EmbeddingEngine.standardHeldFloatLimit
    ) {
        traits = model.traits
        self.model = model
        self.waitingTokenLimit = waitingTokenLimit
        self.heldFloatLimit = heldFloatLimit
        queue = EmbeddingQueue(tokensPerBatch: tokensPerBatch)
        thread = EngineThread(name: "hearth-embed")
    }

    /// What the model makes of `texts`, in order. Cancelling the caller's task gives them up.
    package func embed(_ texts: [EmbedderText]) async throws(EmbeddingError) -> [[Float]] {
        do throws(EmbeddingError) {
            try admit(texts)
        } catch {
            counted.refusedRequests += 1
            throw error
        }
        if texts.isEmpty { return [] }
        let id = nextRequest
        nextRequest += 1
        let result: Result<[[Float]], EmbeddingError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                open[id] = OpenRequest(
                    texts: texts,
                    vectors: Array(repeating: [], count: texts.count),
                    missingCount: texts.count,
                    start: .now,
                    continuation: continuation
                )
                heldFloatCount += floatCount(texts)
                queue.add(id, lengths: texts.map(\.tokens.count))
                startLoop()
            }
        } onCancel: {
            Task { await self.close(id, .failure(.cancelled)) }
        }
        return try result.get()
    }

    /// What the engine has done and holds.
    package func statistics() -> EmbeddingStatistics {
        var statistics = counted
        statistics.runningCount = open.count
        statistics.waitingTokenCount = queue.waitingTokenCount
        return statistics
    }

    /// Refuses new requests and gives up those at hand.
    package func shutdown() {
        isDraining = true
        for id in Array(open.keys) { close(id, .failure(.draining)) }
    }

    /// Throws for what cannot be embedded, or not now.
    private func admit(_ texts: [EmbedderText]) throws(EmbeddingError) {
        if isDraining { throw .draining }
        try check(texts)
        let tokenCount = texts.reduce(0) { $0 + $1.tokens.count }
        if queue.waitingTokenCount > 0, queue.waitingTokenCount + tokenCount > waitingTokenLimit {
            throw .queueFull(waiting: queue.waitingTokenCount)
        }
        if heldFloatCount > 0, heldFloatCount + floatCount(texts) > heldFloatLimit {
            throw .tooManyVectors(held: heldFloatCount / traits.dimensionCount)
        }
    }

    private func floatCount(_ texts: [EmbedderText]) -> Int { texts.count * traits.dimensionCount }

    private func check(_ texts: [EmbedderText]) throws(EmbeddingError) {
        for (index, text) in texts.enumerated() {
            if text.tokens.isEmpty { throw .emptyText(index: index) }
            if text.tokens.count > traits.contextLength {
                throw .textTooLong(index: index, tokens: text.tokens.count, limit: traits.contextLength)
            }
            for token in text.tokens where token.rawValue < 0 || Int(token.rawValue) >= traits.vocabularySize {
                throw .tokenOutOfRange(
                    index: index,
                    token: Int(token.rawValue),
                    vocabularySize: traits.vocabularySize
                )
            }
        }
    }

    private func startLoop() {
        if isLooping { return }
        isLooping = true
        Task { await self.loop() }
    }

    private func loop() async {
        while true {
            let batch = queue.takeBatch()
            if batch.isEmpty { break }
            let texts = batch.map { open[$0.request]?.texts[$0.index] ?? EmbedderText([]) }
            let start = ContinuousClock.now
            let vectors = model.embed(texts)
            count(texts, since: start)
            deliver(vectors, to: batch)
            await Task.yield()
        }
        isLooping = false
    }

    private func count(_ texts: [EmbedderText], since start: ContinuousClock.Instant) {
        let tokenCount = texts.reduce(0) { $0 + $1.tokens.count }
        counted.texts += UInt64(texts.count)
        counted.tokens += UInt64(tokenCount)
        counted.passTokens.observe(Double(tokenCount))
        counted.passTime.observe(start.duration(to: .now))
    }

    private func deliver(_ vectors: [[Float]], to batch: [EmbeddingQueue.Place]) {
        for (vector, place) in zip(vectors, batch) {
            open[place.request]?.vectors[place.index] = vector
            open[place.request]?.missingCount -= 1
            guard let request = open[place.request], request.missingCount == 0 else { continue }
            let broken = request.vectors.firstIndex { $0.contains { !$0.isFinite } }
            if broken == nil {
                counted.finishedRequests += 1
                counted.requestTime.observe(request.start.duration(to: .now))
            }
            close(place.request, broken.map { .failure(.notFinite(index: $0)) } ?? .success(request.vectors))
        }
    }

    private func close(_ id: UInt64, _ result: Result<[[Float]], EmbeddingError>) {
        queue.remove(id)
        guard let request = open.removeValue(forKey: id) else { return }
        heldFloatCount -= floatCount(request.texts)
        request.continuation.resume(returning: result)
    }
}
