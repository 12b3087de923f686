import Models
package import Tokenization

/// Decides what the next step computes. Pure: no clock, no tensors, no `await`.
///
/// There is no prefill phase and no decode phase. Every sequence has tokens and a count of those that are computed,
/// and a step lets the count catch up: by a chunk of a long prompt, by one drawn token, or by what was lost in a
/// preemption.
///
/// A step is `planStep`, then the model, then `commit`. Submissions and cancellations come between steps. Running
/// sequences are planned in the order of their admission, and when blocks run out the one admitted last gives way; it
/// has no row in the plan yet, so nothing ever has to be taken back. The oldest is never preempted, so each step
/// brings somebody nearer to the end. Who enters next, and whose prompt is read first, hangs on what clients have been
/// served (`ServiceCounters`). `docs/design/0003-scheduling.md` has worked examples.
///
/// Not copyable: two copies would write to the same blocks.
package struct Scheduler: ~Copyable {
    package let limits: StepLimits
    /// The KV cache's blocks and who holds them.
    package internal(set) var blocks: BlockLedger
    /// By priority, then in the order in which they came.
    private(set) var waiting: [TokenSequence] = []
    /// In the order in which they were admitted.
    var running: [TokenSequence] = []
    /// What their clients have been served.
    private(set) var counters: ServiceCounters
    /// The rows of a plan that has not been committed.
    private var planned: [PlannedRow] = []
    private var nextArrival: UInt64 = 0

    /// - Parameters:
    ///   - blockCount: blocks of the model's cache, at least 1.
    ///   - hasher: has a random key unless a test needs to repeat, or a disk cache knows the blocks by another's.
    ///   - usesDisk: whether somebody calls `takeDiskWork`.
    package init(
        limits: StepLimits,
        blockCount: Int,
        blockSize: Int,
        scheduling: Scheduling = .fair,
        hasher: BlockHasher = BlockHasher(),
        usesDisk: Bool = false
    ) {
        self.limits = limits
        counters = ServiceCounters(scheduling)
        blocks = BlockLedger(blockCount: blockCount, blockSize: blockSize, hasher: hasher, usesDisk: usesDisk)
    }

    /// Number of requests not admitted yet or preempted.
    package var waitingCount: Int { waiting.count }

    /// The block that is handed out next; nil when none is free.
    ///
    /// A function, because the engine would read this as a property through a coroutine that allocates.
    func nextFreeBlock() -> BlockID? { blocks.pool.nextFree }

    /// Number of requests that hold blocks.
    package var runningCount: Int { running.count }

    /// Whether there is anything to plan.
    package var hasWork: Bool { !running.isEmpty || !waiting.isEmpty }

    /// Queues a request whose tokens and limits have been checked against the model.
    package mutating func submit(_ request: GenerationRequest) throws(SubmissionError) { try submit([request]) }

    /// Queues requests of one client, all of them or none. Where there is room for one there is for all: however many answers
    /// a caller asks for at once, they are not refused for being many.
    package mutating func submit(_ requests: [GenerationRequest]) throws(SubmissionError) {
        guard let client = requests.first?.client else { return }
        if waiting.count >= limits.maxWaiting, !counters.mayExceed(limits.maxWaiting, client) {
            throw .queueFull(waiting: waiting.count)
        }
        for request in requests where blocks.blockCount(forTokens: request.computedLimit) > blocks.pool.blockCount {
            throw .cacheTooSmall(tokens: request.computedLimit, limit: blocks.pool.blockCount * blocks.blockSize)
        }
        for request in requests { open(request) }
    }

    private mutating func open(_ request: GenerationRequest) {
        var sequence = TokenSequence(
            request,
            client: counters.open(request.client),
            hasher: blocks.cache.hasher,
            blockSize: blocks.blockSize
        )
        sequence.arrival = nextArrival
        nextArrival += 1
        enqueue(sequence)
    }

    /// Drops a request wherever it is; false when there is none of this id.
    package mutating func cancel(_ id: RequestID) -> Bool {
        if let index = running.firstIndex(where: { $0.id == id }) {
            blocks.release(&running[index])
            removeRunning(index)
            return true
        }
        if let index = waiting.firstIndex(where: { $0.id == id }) {
            let sequence = dequeue(index)
            counters.close(sequence.client)
            return true
        }
        return false
    }

    /// Plans the running sequences, oldest first, then admits newcomers with what is left of the step's limits.
    ///
    /// - Parameters:
    ///   - tokenLimit: most tokens of this step where that is less than the limits allow.
    ///   - isStored: whether a block can be had from disk; asked for newcomers, from where memory ends.
    package mutating func planStep(
        tokenLimit: Int? = nil,
        isStored: (BlockHash) -> Bool = { _ in false }
    ) -> StepPlan {
        var plan = StepPlan()
        planStep(into: &plan, tokenLimit: tokenLimit, isStored: isStored)
        return plan
    }

    /// The same into a plan that is over, whose memory is used again: a step like the one before asks for none.
    package mutating func planStep(
        into plan: inout StepPlan,
        tokenLimit: Int? = nil,
        isStored: (BlockHash) -> Bool = { _ in false }
    ) {
        precondition(planned.isEmpty, "Scheduler: a plan of \(planned.count) rows has not been committed")
        plan.removeAll()
        var budget = StepBudget(limits, tokenLimit: tokenLimit)
        var answersLeft = answerCount(from: 0)
        var index = 0
        while index < running.count, !budget.isSpent {
            let isAnswer = isAnswering(index)
            let mayAdvance = isAnswer || running[index].restoreTicket == nil && budget.tokens > answersLeft
            if !mayAdvance {
                index += 1
            } else if advance(index, within: share(of: index, budget), budget: &budget, plan: &plan) {
                if isAnswer { answersLeft -= 1 }
                index += 1
            } else {
                plan.preempted.append(preemptYoungest())
                answersLeft = answerCount(from: index)
            }
        }
        // Right after a preemption a newcomer would take the very blocks that were missing.
        if plan.preempted.isEmpty { admit(within: &budget, plan: &plan, isStored: isStored) }
        // A copy of the rows, not of the array: who holds the plan may change it in place.
        planned.append(contentsOf: plan.rows)
    }

    /// Takes in what the planned step brought.
    ///
    /// - Parameter outcomes: one per row of the plan, in its order.
    /// - Returns: the requests that ended by it. Failed ones are dropped as well but are not among them.
    package mutating func commit(_ outcomes: [RowOutcome]) -> [Ending] {
        precondition(outcomes.count == planned.count, "Scheduler: \(outcomes.count) outcomes of \(planned.count) rows")
        var endings: [Ending] = []
        for position in outcomes.indices {
            let (row, outcome) = (planned[position], outcomes[position])
            // A request may have been cancelled since it was planned.
            guard let index = running.firstIndex(where: { $0.id == row.id }) else { continue }
            if case .failed(let isSuspect) = outcome {
                if isSuspect { blocks.discard(&running[index]) } else { blocks.release(&running[index]) }
                removeRunning(index)
            } else if let reason = take(outcome, of: row, index: index) {
                endings.append(Ending(id: row.id, reason: reason))
                blocks.release(&running[index])
                removeRunning(index)
            }
        }
        planned.removeAll(keepingCapacity: true)
        return endings
    }

    /// The planned rows that could compute more than the sequence's own tokens, in the plan's order.
    package func openRows(of plan: StepPlan) -> [OpenRow] {
        var rows: [OpenRow] = []
        appendOpenRows(of: plan, to: &rows)
        return rows
    }

    /// The same, into memory at hand. Whoever keeps a row keeps the sequence from growing in place.
    func appendOpenRows(of plan: StepPlan, to rows: inout [OpenRow]) {
        for index in plan.rows.indices where plan.rows[index].logits == .draw {
            let id = plan.rows[index].id
            guard let place = running.firstIndex(where: { $0.id == id }) else { continue }
            // The token that is drawn in any case counts too.
            let limit = running[place].maxTokens - running[place].outputCount - 1
            if limit < 1 { continue }
            rows.append(OpenRow(rowIndex: index, id: id, tokens: running[place].tokens, limit: limit))
        }
    }

    /// Lets open rows compute `candidates` after the sequence's own tokens, as many as the step's limits and the free
    /// blocks allow. Nobody is preempted for them, and every running sequence can still have its next block.
    ///
    /// - Parameters:
    ///   - candidates: by `OpenRow.rowIndex`, at most `OpenRow.limit` each.
    ///   - tokenLimit: most tokens of this step.
    package mutating func extend(_ plan: inout StepPlan, by candidates: [Int: [TokenID]], tokenLimit: Int) {
        var tokens: [TokenID] = []
        var room = min(
            tokenLimit - plan.batch.tokens.count,
            limits.logitRowsPerStep - plan.batch.logitRowCount
        )
        var start = 0
        for index in plan.rows.indices {
            let end = start + plan.batch.rows[index].tokenCount
            tokens += plan.batch.tokens[start..<end]
            start = end
            guard let wanted = candidates[index]?.prefix(max(room, 0)), !wanted.isEmpty else { continue }
            extendRow(index, of: &plan, by: wanted)
            tokens += plan.rows[index].candidates
            room -= plan.rows[index].candidates.count
        }
        plan.batch.tokens = tokens
        planned.removeAll(keepingCapacity: true)
        planned.append(contentsOf: plan.rows)
    }

    private mutating func extendRow(_ rowIndex: Int, of plan: inout StepPlan, by wanted: ArraySlice<TokenID>) {
        let id = plan.rows[rowIndex].id
        guard let index = running.firstIndex(where: { $0.id == id }) else { return }
        let count = running[index].tokens.count
        let capacity = blocks.extend(&running[index], tokenCount: count + wanted.count, spareCount: running.count)
        let fitting = wanted.prefix(capacity - count)
        let blockCount = blocks.blockCount(forTokens: count + fitting.count)
        plan.rows[rowIndex].candidates = Array(fitting)
        plan.batch.rows[rowIndex].tokenCount += fitting.count
        plan.batch.rows[rowIndex].logitCount += fitting.count
        plan.batch.rows[rowIndex].blockTable = Array(running[index].blocks.prefix(blockCount))
    }

    /// Plans a row for the running sequence at `index`; false when there is no block for it.
    private mutating func advance(
        _ index: Int,
        within share: StepShare,
        budget: inout StepBudget,
        plan: inout StepPlan
    ) -> Bool {
        let tokenCount = share.tokenCount(for: running[index])
        let end = running[index].computedCount + tokenCount
        guard blocks.reserve(&running[index], tokenCount: end) else { return false }
        var (row, forward) = running[index].row(tokenCount: tokenCount, blockSize: blocks.blockSize)
        row.newPromptTokenCount = running[index].bookPrompt(upTo: end)
        charge(index, Double(row.newPromptTokenCount) * ServiceCounters.computedTokenCost)
        budget.spend(forward)
        plan.append(row, forward, tokens: running[index].tokens)
        return true
    }

    /// Admits those whose turn it is until a limit is met.
    private mutating func admit(
        within budget: inout StepBudget,
        plan: inout StepPlan,
        isStored: (BlockHash) -> Bool
    ) {
        while running.count < limits.maxRunning, !budget.isSpent, let index = nextInLine {
            switch admission(of: waiting[index]) {
            case .full:
                return
            case .wait(let hash):
                waiting[index].awaitedHash = hash
            case .enter(let hits):
                enter(dequeue(index), hits: hits)
                if let restore = beginRestore(isStored: isStored) {
                    plan.restores.append(restore)
                    continue
                }
                plan.admitted.append(start(running.count - 1))
                let fits = advance(
                    running.count - 1,
                    within: budget.share(keptTokens: 0, keptRows: 0),
                    budget: &budget,
                    plan: &plan
                )
                precondition(fits, "Scheduler: an admitted sequence has no block for its first row")
            }
        }
    }

    /// Books a computed row; the reason when its request is over.
    private mutating func take(_ outcome: RowOutcome, of row: PlannedRow, index: Int) -> FinishReason? {
        running[index].computedCount = row.firstPosition + row.tokenCount
        if running[index].computedCount >= running[index].promptCount { running[index].hasPromptLogits = true }
        blocks.registerFullBlocks(of: &running[index])
        switch outcome {
        case .token(let token):
            return append(CollectionOfOne(token), of: row, index: index)
        case .tokens(let tokens):
            return append(tokens, of: row, index: index)
        case .computed, .failed:
            precondition(!row.logits.draws, "Scheduler: no token for a row that was to draw one")
            // Only a request for no tokens at all is complete without a drawn one.
            return running[index].missingCount == 0 ? .length : nil
        }
    }

    /// Books the tokens drawn from a row; the reason when the last of them ends the request.
    private mutating func append(
        _ drawn: some RandomAccessCollection<TokenID>,
        of row: PlannedRow,
        index: Int
    ) -> FinishReason? {
        precondition(row.logits.draws, "Scheduler: a token for a row that was to draw none")
        precondition(
            !drawn.isEmpty && row.candidates.starts(with: drawn.dropLast()),
            "Scheduler: tokens were drawn from logits of other tokens"
        )
        charge(index, Double(drawn.count) * ServiceCounters.drawnTokenCost)
        var reason: FinishReason?
        for token in drawn {
            precondition(reason == nil, "Scheduler: a token was drawn after the request's last one")
            reason = running[index].append(token, hasher: blocks.cache.hasher, blockSize: blocks.blockSize)
        }
        if row.candidates.isEmpty { return reason }
        // What a wrong candidate left in the blocks lies behind the computed tokens, where the next row writes.
        running[index].computedCount += drawn.count - 1
        blocks.registerFullBlocks(of: &running[index])
        blocks.trim(&running[index])
        return reason
    }

    /// The admission checks, in order: shared prefixes first, then room.
    private func admission(of sequence: TokenSequence) -> AdmissionDecision {
        let hits = blocks.cachedPrefix(of: sequence)
        if hits.count < sequence.hittableCount(blockSize: blocks.blockSize) {
            let next = sequence.hashes[hits.count]
            if blocks.isPending(next) { return .wait(for: next) }
        }
        // Every running sequence will soon want one more block; a newcomer that takes the last ones would be preempted
        // right away.
        return blocks.hasRoom(for: sequence, hits: hits, spareCount: running.count) ? .enter(hits: hits) : .full
    }

    /// Makes a sequence that left the queue a running one, with all the blocks its present tokens need.
    private mutating func enter(_ waiting: consuming TokenSequence, hits: [BlockID]) {
        var sequence = waiting
        blocks.enter(&sequence, hits: hits)
        sequence.awaitedHash = nil
        running.append(sequence)
    }

    /// Tells that the running sequence at `index` begins to compute.
    mutating func start(_ index: Int) -> Admission {
        let admission = Admission(
            id: running[index].id,
            cachedTokenCount: running[index].computedCount,
            isResumption: running[index].hasStarted
        )
        running[index].hasStarted = true
        return admission
    }

    /// Sends the sequence that was admitted last back to the queue.
    private mutating func preemptYoungest() -> RequestID {
        var sequence = running.removeLast()
        blocks.release(&sequence)
        sequence.restoreTicket = nil
        enqueue(sequence)
        return sequence.id
    }

    private mutating func enqueue(_ sequence: TokenSequence) {
        let index = waiting.lastIndex { !sequence.precedes($0) }.map { $0 + 1 } ?? 0
        counters.beginWaiting(sequence.client)
        waiting.insert(sequence, at: index)
    }

    private mutating func dequeue(_ index: Int) -> TokenSequence {
        counters.endWaiting(waiting[index].client)
        return waiting.remove(at: index)
    }

    /// Drops a running sequence that has given its blocks back.
    private mutating func removeRunning(_ index: Int) {
        counters.close(running[index].client)
        running.remove(at: index)
    }

    private mutating func charge(_ index: Int, _ cost: Double) {
        counters.charge(running[index].client, cost, weight: running[index].weight)
    }
}

// MARK: - Turns

extension Scheduler {
    /// The waiting sequence whose turn it is: of the most urgent ones those of the client that was served least, and of
    /// those the one that came first. Those for whom a prefix is on its way are passed.
    var nextInLine: Int? {
        var next: Int?
        for index in waiting.indices {
            if let first = next, waiting[first].priority < waiting[index].priority { break }
            if let hash = waiting[index].awaitedHash, blocks.isPending(hash) { continue }
            guard let first = next else {
                next = index
                continue
            }
            if counters.precedes(waiting[index].client, waiting[first].client) { next = index }
        }
        return next
    }

    /// Whether the running sequence at `index` wants one token, as all do whose answer is being written.
    private func isAnswering(_ index: Int) -> Bool {
        running[index].missingCount == 1 && running[index].restoreTicket == nil
    }

    /// How many of the running sequences from `index` on want one token. A step that is cut short may have fewer tokens than
    /// there are sequences: then prompts wait, and no answer does.
    private func answerCount(from index: Int) -> Int { (index..<running.count).count { isAnswering($0) } }

    /// What the running sequence at `index` may take of the step.
    ///
    /// One token stays for everybody behind it, so that a long prefill never holds up younger decodes, and all that those
    /// could take whose turn comes before its own.
    private func share(of index: Int, _ budget: StepBudget) -> StepShare {
        let youngerCount = running.count - index - 1
        var keptTokens = youngerCount
        // One token is had in any case.
        if running[index].missingCount > 1 {
            let whole = budget.share(keptTokens: 0, keptRows: 0)
            for younger in running.indices.dropFirst(index + 1) where running[younger].restoreTicket == nil {
                if !goesBefore(running[younger], running[index]) { continue }
                keptTokens += whole.tokenCount(for: running[younger]) - 1
            }
            keptTokens += newcomerTokenCount(before: index, within: whole)
        }
        return budget.share(keptTokens: keptTokens, keptRows: youngerCount)
    }

    /// Tokens that the next newcomer could take, if it can enter in this step and its turn comes before that of the running
    /// sequence at `index`.
    private func newcomerTokenCount(before index: Int, within whole: StepShare) -> Int {
        guard running.count < limits.maxRunning, let next = nextInLine else { return 0 }
        guard goesBefore(waiting[next], running[index]) else { return 0 }
        guard case .enter(let hits) = admission(of: waiting[next]) else { return 0 }
        return min(whole.tokenCount(for: waiting[next]), waiting[next].tokens.count - hits.count * blocks.blockSize)
    }

    /// Whether the prompt of `sequence`, which came later, is read before that of `other`.
    private func goesBefore(_ sequence: TokenSequence, _ other: TokenSequence) -> Bool {
        sequence.priority <= other.priority && counters.precedes(sequence.client, other.client)
    }
}

extension Scheduler {
    /// What is wrong with the scheduler's books, in words; empty when nothing is. Linear in blocks and tokens.
    package func invariantViolations() -> [String] {
        var violations = blocks.invariantViolations(running: running)
        violations += counters.invariantViolations(waiting: waiting.map(\.client), running: running.map(\.client))
        if waiting.contains(where: { !$0.blocks.isEmpty || $0.computedCount != 0 }) {
            violations.append("a waiting sequence holds blocks")
        }
        for sequence in running + waiting where sequence.missingCount < 1 {
            violations.append("request \(sequence.id) has nothing left to compute")
        }
        if running.count > limits.maxRunning { violations.append("\(running.count) sequences run") }
        return violations
    }

    /// Stops the program when a book is wrong: a mistake of ours that would give one request another's tokens.
    package func checkInvariants() {
        let violations = invariantViolations()
        precondition(violations.isEmpty, "Scheduler: " + violations.joined(separator: "; "))
    }
}

/// Whether a waiting sequence may run.
private enum AdmissionDecision {
    /// It may, with these cached blocks at its front.
    case enter(hits: [BlockID])
    /// A running sequence is computing the next block it needs; it will be in the cache soon.
    case wait(for: BlockHash)
    /// There are not enough free blocks; nobody behind it may pass, or long prompts would never get their turn.
    case full
}

extension TokenSequence {
    /// The row that computes the next `tokenCount` tokens.
    func row(tokenCount: Int, blockSize: Int) -> (PlannedRow, ForwardRow) {
        let end = computedCount + tokenCount
        let draws = end == tokens.count && maxTokens > 0
        let logits: LogitUse = isCollectingPromptLogits ? .promptLogprobs(draws: draws) : draws ? .draw : .none
        let logitCount =
            switch logits {
            case .none: 0
            case .draw: 1
            case .promptLogprobs: tokenCount
            }
        let blockCount = (end + blockSize - 1) / blockSize
        // All of them, unless the row ends before the tokens do: then they need not be copied.
        let table = blockCount == blocks.count ? blocks : Array(blocks.prefix(blockCount))
        let row = PlannedRow(id: id, logits: logits, firstPosition: computedCount, tokenCount: tokenCount)
        var forward = ForwardRow(
            firstPosition: computedCount,
            tokenCount: tokenCount,
            blockTable: table,
            logitCount: logitCount
        )
        forward.adapter = adapter
        return (row, forward)
    }
}

extension StepPlan {
    /// Adds a row that computes its share of `tokens`.
    mutating func append(_ row: PlannedRow, _ forward: ForwardRow, tokens: [TokenID]) {
        rows.append(row)
        batch.rows.append(forward)
        batch.tokens += tokens[row.firstPosition..<row.firstPosition + row.tokenCount]
    }
}
