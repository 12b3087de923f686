package import Logging
package import Models
import Tensors
import Tokenization

/// Runs many requests over one model: one batch per step, one stream of events per request.
///
/// The engine lives on a thread of its own and a step has no `await` in it, so nothing changes while a step runs.
/// Between two steps submissions and cancellations enter. With nothing to do the thread sleeps.
package actor Engine: GenerationBackend {
    /// What the model is and can.
    package nonisolated let traits: ModelTraits
    /// Blocks of the KV cache.
    package nonisolated let blockCount: Int

    private let thread: EngineThread
    private let configuration: EngineConfiguration
    private let logger: Logger
    let clock = ContinuousClock()
    private let model: any LanguageModel
    private let rowCost: RowCost
    var scheduler: Scheduler
    /// Where blocks outlive the process; nil when they do not.
    let disk: EngineDisk?
    private let draws: RowDraws
    private let preparation = ConstraintPreparation()
    /// Nil where steps may take as long as they take.
    private var pacer: StepPacer?
    /// Guesses tokens so that a step can bring several of them; nil draws one a step.
    private var speculator: Speculator?
    private var active: [RequestID: ActiveRequest] = [:]
    private var isLooping = false
    /// When the requests at hand must be done; nil as long as new ones are welcome.
    private var deadline: ContinuousClock.Instant?
    private var drainWaiters: [CheckedContinuation<Void, Never>] = []
    /// Those who wait until everything is on disk.
    var saveWaiters: [CheckedContinuation<Void, Never>] = []
    /// The figures, and where others read them while a step runs.
    private var figures: EngineStatistics
    private nonisolated let board: StatisticsBoard
    /// Memory of the step before, for the next.
    private var spentPlan = StepPlan()
    private var openRows: [OpenRow] = []
    private var outcomes: [RowOutcome] = []
    private var failures: [(id: RequestID, error: GenerationError)] = []

    /// Drops every line: for engines that nobody watches.
    package static let silentLogger = Logger(label: "hearth.engine") { _ in SwiftLogNoOpLogHandler() }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Makes an engine and reserves the model's KV cache.
    ///
    /// - Parameters:
    ///   - model: used by this engine only from here on.
    ///   - drafter: guesses tokens, which changes the speed of answers and nothing else; nil guesses none.
    ///   - disk: opened for this model's form; nil keeps blocks in memory only.
    ///   - logger: gets one line per request at debug level, beside the caller's own, and one per step at trace level.
    package init(
        model: sending any LanguageModel,
        drafter: sending (any Drafter)? = nil,
        configuration: EngineConfiguration = .standard,
        disk: DiskCache? = nil,
        logger: Logger = Engine.silentLogger
    ) throws(ConfigurationError) {
        let traits = model.traits
        let blockCount = try configuration.blockCount(for: traits)
        let cacheBytes = blockCount * configuration.blockSize * traits.cacheBytesPerToken
        guard ReservedMemory.isAvailable(bytes: cacheBytes) else {
            throw ConfigurationError.cacheNotReserved(bytes: cacheBytes)
        }
        model.allocateCache(blockCount: blockCount, blockSize: configuration.blockSize)
        let connection = EngineDisk(disk, model.cacheBlocks)
        self.disk = connection
        self.model = model
        draws = RowDraws(workers: model.workers, instructionSet: model.instructionSet)
        self.traits = traits
        let rowCost = RowCost(traits.costs)
        self.rowCost = rowCost
        self.blockCount = blockCount
        self.configuration = configuration
        self.logger = logger
        pacer = configuration.tokenGapLimit.map { StepPacer(limit: $0, rowCost: rowCost) }
        speculator = drafter.map { Speculator($0, draftLimit: configuration.draftLimit) }
        scheduler = Scheduler(
            limits: configuration.limits,
            blockCount: blockCount,
            blockSize: configuration.blockSize,
            scheduling: configuration.scheduling,
            hasher: connection?.cache.hasher ?? BlockHasher(),
            usesDisk: connection != nil
        )
        thread = EngineThread(name: "hearth-engine")
        var statistics = EngineStatistics()
        statistics.blockCount = blockCount
        statistics.freeBlockCount = blockCount
        statistics.blockSize = configuration.blockSize
        figures = statistics
        board = StatisticsBoard(statistics)
    }

    /// Queues requests after checking them against the model, the configuration and the queue. They come into the same step:
    /// handed over one by one, each would wait for the step that the one before it runs in.
    package func submit(
        _ requests: [GenerationRequest]
    ) async throws(SubmissionError) -> [AsyncStream<GenerationEvent>] {
        do throws(SubmissionError) {
            if deadline != nil { throw SubmissionError.draining }
            for request in requests {
                if active[request.id] != nil { throw SubmissionError.duplicateRequest(request.id) }
                try request.check(traits, logprobLimit: configuration.logprobLimit)
            }
            try scheduler.submit(requests)
        } catch {
            figures.refusedRequests += UInt64(requests.count)
            board.write(&figures)
            throw error
        }
        let streams = requests.map(open)
        publish()
        startLoop()
        return streams
    }

    /// Queues one request.
    package func submit(_ request: GenerationRequest) async throws(SubmissionError) -> AsyncStream<GenerationEvent> {
        try await submit([request])[0]
    }

    /// Ends a request between two steps, wherever it is.
    package func cancel(_ id: RequestID) {
        end(id, countedAs: nil)
    }

    /// Like `cancel`, for an answer that its caller has found complete: counted under `stop`.
    package func complete(_ id: RequestID) {
        end(id, countedAs: .stop)
    }

    private func end(_ id: RequestID, countedAs kind: EngineStatistics.EndingKind?) {
        guard scheduler.cancel(id) else { return }
        publish()
        finish(id, .cancelled, countedAs: kind, at: clock.now)
        // Where the loop rests until the disk has reported, others may have room now.
        if scheduler.hasWork { startLoop() }
    }

    /// The counters as the last step left them; does not wait for a step that runs.
    package nonisolated func statistics() -> EngineStatistics {
        var statistics = board.read()
        statistics.disk = disk?.cache.statistics
        return statistics
    }

    /// Refuses new requests from now on, and brings what is in memory to disk in the end. A later call can shorten the
    /// grace period, not lengthen it.
    package func shutdown(gracePeriod: Duration) async {
        let end = clock.now.advanced(by: gracePeriod)
        deadline = deadline.map { min($0, end) } ?? end
        failOverdue()
        if !active.isEmpty { await withCheckedContinuation { drainWaiters.append($0) } }
        await saveAll()
    }

    /// Looks for blocks and streams that nobody needs; telling only while nothing runs.
    package func verifyIdle() -> IdleReport {
        IdleReport(
            isIdle: !scheduler.hasWork,
            leakedBlockCount: scheduler.hasWork ? 0 : scheduler.blocks.pool.usedCount - scheduler.diskHeldBlockCount,
            openRequestCount: scheduler.hasWork ? 0 : active.count,
            violations: scheduler.invariantViolations()
        )
    }
}

// MARK: - The loop

extension Engine {
    func startLoop() {
        if isLooping { return }
        isLooping = true
        Task { turn() }
    }

    /// Whether somebody waits for the step that runs to end.
    nonisolated var hasWaitingCalls: Bool { thread.hasWaitingJobs }

    /// Runs steps until somebody waits, and goes on behind the submissions and cancellations that wait: they enter between
    /// steps, never inside one.
    ///
    /// A task of its own each time, because it goes straight to the engine's thread; `Task.yield` would go round by the
    /// shared pool and wake a thread there.
    private func turn() {
        while scheduler.hasWork, step() {
            failOverdue()
            if hasWaitingCalls {
                Task { turn() }
                return
            }
        }
        isLooping = false
        if !scheduler.hasWork { rest() }
        checkIdle()
    }

    /// Lets go of what the last step was of: an adapter that is unloaded from an idle server is to give back its memory.
    private func rest() {
        spentPlan = StepPlan()
        model.rest()
    }

    /// Counts and logs what should not be there once nothing runs. Costs some microseconds per thousand blocks.
    private func checkIdle() {
        let report = verifyIdle()
        if report.isClean || !report.isIdle { return }
        let count = report.violations.count + report.leakedBlockCount + report.openRequestCount
        figures.invariantViolations += UInt64(count)
        board.write(&figures)
        logger.error("the engine is idle but not clean", metadata: [LogKeys.error: "\(report)"])
        assertionFailure("Engine: \(report)")
    }

    /// Plans, computes and commits one step; false when there is nothing to compute before the disk has reported.
    private func step() -> Bool {
        var plan = spentPlan
        // The memory has one holder at any time, so that it can be used in place.
        spentPlan = StepPlan()
        defer { spentPlan = plan }
        let begin = clock.now
        let most = configuration.limits.tokensPerStep
        let tokenLimit = pacer?.tokenLimit(scheduler.outlook, most: most) ?? most
        planStep(into: &plan, tokenLimit: tokenLimit)
        for id in plan.preempted { active[id]?.notePreemption() }
        if plan.isEmpty {
            // What gave way frees its blocks for those that come before it.
            if !plan.preempted.isEmpty, scheduler.diskHeldBlockCount == 0 { return true }
            precondition(scheduler.diskHeldBlockCount > 0, "Engine: \(scheduler.waitingCount) requests cannot run")
            publish()
            return false
        }
        for admission in plan.admitted { start(admission, at: begin) }
        if !plan.admitted.isEmpty { publish() }
        speculate(&plan, tokenLimit: tokenLimit)
        let isPreparing = beginConstraints(plan)
        let logits = model.forward(plan.batch)
        if isPreparing { endConstraints() }
        draw(plan, logits)
        let endings = scheduler.commit(outcomes)
        record(plan, duration: begin.duration(to: clock.now))
        sendDiskWork()
        if let block = scheduler.nextFreeBlock() { model.commitCache(ahead: block) }
        publish()
        // Last, so that whoever sees the end of a stream sees its blocks free and its step counted.
        for failure in failures { fail(failure.id, failure.error, at: clock.now) }
        for ending in endings { finish(ending.id, ending.reason, at: clock.now) }
        pacer?.learn(plan, duration: begin.duration(to: clock.now))
        return true
    }

    /// Adds guessed tokens to the plan.
    private func speculate(_ plan: inout StepPlan, tokenLimit: Int) {
        if speculator == nil { return }
        scheduler.appendOpenRows(of: plan, to: &openRows)
        let tokenCount = plan.batch.tokens.count
        let candidates = speculator?.candidates(for: openRows, tokenCount: tokenCount) { active[$0]?.sampler }
        openRows.removeAll(keepingCapacity: true)
        if let candidates, !candidates.isEmpty { scheduler.extend(&plan, by: candidates, tokenLimit: tokenLimit) }
    }

    func start(_ admission: Admission, at instant: ContinuousClock.Instant) {
        active[admission.id]?.start(cachedTokenCount: admission.cachedTokenCount, at: instant)
        guard !admission.isResumption, let request = active[admission.id] else { return }
        figures.promptTokens += UInt64(request.usage.promptTokens)
        figures.cachedPromptTokens += UInt64(request.usage.cachedTokens)
        figures.restoredPromptTokens += UInt64(admission.restoredTokenCount)
        if let queueTime = request.queueTime { figures.queueTime.observe(queueTime) }
    }

    /// Starts on what the constrained rows may say next; false where there are none.
    private func beginConstraints(_ plan: StepPlan) -> Bool {
        var rows: [ConstraintPreparation.Row] = []
        for row in plan.rows where row.logits.draws {
            guard let constraint = active[row.id]?.sampler.lendConstraint() else { continue }
            rows.append(ConstraintPreparation.Row(id: row.id, constraint: constraint))
        }
        if rows.isEmpty { return false }
        preparation.begin(rows)
        return true
    }

    /// Gives the rows their constraints back.
    private func endConstraints() {
        for row in preparation.end() { active[row.id]?.sampler.takeBack(row.constraint) }
    }

    /// Turns the step's logits into one of `outcomes` per row, and sends the tokens to the rows' callers.
    private func draw(_ plan: StepPlan, _ logits: Logits) {
        outcomes.removeAll(keepingCapacity: true)
        failures.removeAll(keepingCapacity: true)
        drawFirst(plan, logits)
        defer { draws.removeAll() }
        var logitIndex = 0
        for (row, forward) in zip(plan.rows, plan.batch.rows) {
            do throws(GenerationError) {
                outcomes.append(try outcome(of: row, logits, from: logitIndex))
            } catch {
                failures.append((row.id, error))
                outcomes.append(.failed(isSuspect: error.comesFromModel))
            }
            logitIndex += forward.logitCount
        }
    }

    /// Draws the first token of every row that draws and has no prompt to score before.
    private func drawFirst(_ plan: StepPlan, _ logits: Logits) {
        var logitIndex = 0
        for (row, forward) in zip(plan.rows, plan.batch.rows) {
            if row.logits == .draw { draws.append(request(of: row), logits.row(logitIndex)) }
            logitIndex += forward.logitCount
        }
        draws.run()
    }

    private func outcome(
        of row: PlannedRow,
        _ logits: Logits,
        from logitIndex: Int
    ) throws(GenerationError) -> RowOutcome {
        var lastIndex = logitIndex
        if case .promptLogprobs = row.logits {
            lastIndex += row.tokenCount - 1
            try scorePrompt(row, logits, from: logitIndex)
        }
        guard row.logits.draws else { return .computed }
        let first = try drawToken(of: row, logits, at: lastIndex, offset: 0)
        if row.candidates.isEmpty {
            if speculator != nil { speculator?.learn([first], of: row.id) }
            return .token(first)
        }
        return .tokens(try drawRun(of: row, logits, after: first, from: lastIndex))
    }

    /// Draws on after `first` as long as what is drawn is the candidate that the next logits come from.
    private func drawRun(
        of row: PlannedRow,
        _ logits: Logits,
        after first: TokenID,
        from logitIndex: Int
    ) throws(GenerationError) -> [TokenID] {
        var drawn = [first]
        for (offset, candidate) in row.candidates.enumerated() {
            if drawn[offset] != candidate || active[row.id]?.request.ends(with: candidate) == true { break }
            drawn.append(try drawToken(of: row, logits, at: logitIndex + offset + 1, offset: offset + 1))
        }
        speculator?.learn(drawn, of: row.id)
        figures.drafts += 1
        figures.draftTokens += UInt64(row.candidates.count)
        figures.acceptedDraftTokens += UInt64(drawn.count - 1)
        return drawn
    }

    /// Draws the token that comes `offset` tokens after the row's last one, and sends it.
    private func drawToken(
        of row: PlannedRow,
        _ logits: Logits,
        at logitIndex: Int,
        offset: Int
    ) throws(GenerationError) -> TokenID {
        let position = row.firstPosition + row.tokenCount + offset
        do throws(SamplingFailure) {
            let (token, logprobs) = try drawn(by: row, logits.row(logitIndex), isFirst: offset == 0)
            take(token, logprobs, for: row.id)
            return token
        } catch {
            switch error {
            case .notFinite: throw .logitsNotFinite(position: position)
            case .nothingAllowed: throw .noTokenAllowed(position: position)
            }
        }
    }

    /// What the row draws from `logits`, unless `drawFirst` did already.
    private func drawn(
        by row: PlannedRow,
        _ logits: UnsafeMutableBufferPointer<Float>,
        isFirst: Bool
    ) throws(SamplingFailure) -> (token: TokenID, logprobs: TokenLogprobs?) {
        if isFirst, row.logits == .draw { return try draws.next().get() }
        let request = request(of: row)
        return try draws.withScratch { scratch throws(SamplingFailure) in
            try request.sampler.draw(from: logits, scratch: &scratch)
        }
    }

    private func request(of row: PlannedRow) -> ActiveRequest {
        guard let request = active[row.id] else { preconditionFailure("Engine: row of unknown request \(row.id)") }
        return request
    }

    /// Notes the log probabilities of the prompt tokens that a chunk's logits predict; sends them after the last chunk.
    private func scorePrompt(_ row: PlannedRow, _ logits: Logits, from logitIndex: Int) throws(GenerationError) {
        guard let request = active[row.id]?.request, let count = request.promptLogprobCount else { return }
        for offset in 0..<row.tokenCount {
            let position = row.firstPosition + offset + 1
            if position >= request.prompt.count { break }
            do throws(SamplingFailure) {
                let logprobs = try draws.withScratch { scratch throws(SamplingFailure) in
                    try scratch.promptLogprobs(
                        of: request.prompt[position],
                        in: logits.row(logitIndex + offset),
                        count: count
                    )
                }
                active[row.id]?.setPromptLogprobs(logprobs, at: position)
            } catch {
                throw .logitsNotFinite(position: position)
            }
        }
        if row.firstPosition + row.tokenCount >= request.prompt.count { active[row.id]?.sendPromptLogprobs() }
    }

    private func take(_ token: TokenID, _ logprobs: TokenLogprobs?, for id: RequestID) {
        let instant = clock.now
        guard let latency = active[id]?.latency(at: instant) else { return }
        active[id]?.take(token, logprobs, at: instant)
        figures.generatedTokens += 1
        if let first = latency.toFirst { figures.timeToFirstToken.observe(first) }
        if let next = latency.toNext { figures.interTokenLatency.observe(next) }
    }
}

// MARK: - Ends

extension Engine {
    /// Opens the stream of a request that the scheduler took.
    private func open(_ request: GenerationRequest) -> AsyncStream<GenerationEvent> {
        // Room for every event the request can cause, so that none is dropped and memory stays bounded.
        let (stream, continuation) = AsyncStream.makeStream(
            of: GenerationEvent.self,
            bufferingPolicy: .bufferingOldest(request.maxTokens + 3)
        )
        let id = request.id
        continuation.onTermination = { [weak self] termination in
            guard case .cancelled = termination else { return }
            Task { await self?.cancel(id) }
        }
        active[id] = ActiveRequest(request, continuation, submitted: clock.now)
        return stream
    }

    private func finish(
        _ id: RequestID,
        _ reason: FinishReason,
        countedAs kind: EngineStatistics.EndingKind? = nil,
        at instant: ContinuousClock.Instant
    ) {
        guard let request = close(id, kind ?? .init(reason), at: instant) else { return }
        request.end(.finished(reason, request.usage))
    }

    private func fail(_ id: RequestID, _ error: GenerationError, at instant: ContinuousClock.Instant) {
        guard let request = close(id, .error, at: instant) else { return }
        logger.error(
            "request failed",
            metadata: [LogKeys.requestID: "\(request.request.name)", LogKeys.error: "\(error)"]
        )
        request.end(.failed(error))
    }

    /// Takes a request from the books and writes its log line.
    private func close(
        _ id: RequestID,
        _ kind: EngineStatistics.EndingKind,
        at instant: ContinuousClock.Instant
    ) -> ActiveRequest? {
        guard let request = active.removeValue(forKey: id) else { return nil }
        speculator?.forget(id)
        figures.finishedRequests[kind, default: 0] += 1
        request.record(in: &figures, at: instant)
        request.fillReceipt()
        board.write(&figures)
        logger.debug("request left the engine", metadata: request.logMetadata(kind))
        if active.isEmpty {
            for waiter in drainWaiters { waiter.resume() }
            drainWaiters = []
        }
        return request
    }

    /// Ends what is left once the grace period of a shutdown is over.
    private func failOverdue() {
        guard let deadline, clock.now >= deadline else { return }
        for id in active.keys.sorted(by: { $0.rawValue < $1.rawValue }) where scheduler.cancel(id) {
            publish()
            fail(id, .engineStopped, at: clock.now)
        }
    }
}

// MARK: - Figures

extension Engine {
    private func record(_ plan: StepPlan, duration: Duration) {
        figures.steps += 1
        figures.computedTokens += UInt64(plan.batch.tokens.count)
        figures.preemptions += UInt64(plan.preempted.count)
        figures.stepTime.observe(duration)
        figures.stepTokens.observe(Double(plan.batch.tokens.count))
        shareTime(of: plan, duration)
        logger.trace(
            "step",
            metadata: [
                LogKeys.stepRows: "\(plan.rows.count)",
                LogKeys.stepTokens: "\(plan.batch.tokens.count)",
                LogKeys.stepPreempted: "\(plan.preempted.count)",
                LogKeys.stepDuration: "\(duration)",
                LogKeys.running: "\(scheduler.runningCount)",
                LogKeys.waiting: "\(scheduler.waitingCount)",
                LogKeys.freeBlocks: "\(scheduler.blocks.pool.freeCount)",
            ]
        )
    }

    /// Charges the requests of a step with its time, by what their rows are estimated to cost.
    private func shareTime(of plan: StepPlan, _ duration: Duration) {
        var total = 0.0
        for index in plan.batch.rows.indices { total += rowCost(plan.batch.rows[index]) }
        for index in plan.rows.indices {
            let row = plan.rows[index]
            active[row.id]?.charge(row, duration * (rowCost(plan.batch.rows[index]) / total))
        }
    }

    /// Shows the present state to readers of the statistics.
    func publish() {
        figures.runningCount = scheduler.runningCount
        figures.waitingCount = scheduler.waitingCount
        figures.freeBlockCount = scheduler.blocks.pool.freeCount
        figures.cachedBlockCount = scheduler.blocks.cache.count
        board.write(&figures)
    }
}
