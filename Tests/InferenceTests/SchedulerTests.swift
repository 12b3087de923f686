import Models
import Testing
import Tokenization

@testable import Inference

@Suite struct SchedulerTests {
    @Test func `the worked example of the design page runs as written`() throws {
        var scheduler = try Self.scheduler()
        let shared = tokens(from: 0, count: 8)
        try scheduler.submit(request(1, shared + tokens(from: 100, count: 2), maxTokens: 8))
        try scheduler.submit(request(2, shared + tokens(from: 200, count: 3), maxTokens: 8))
        try scheduler.submit(request(3, tokens(from: 300, count: 9), maxTokens: 2))
        #expect(
            Self.run(&scheduler, steps: 14) == [
                "enter 1 | 1: 0+8 [0 1] | free 3 4 5",
                "enter 2 at 8 | 1: 8+2 [0 1 2] draw, 2: 8+3 [0 1 3] draw | free 4 5",
                "1: 10+1 [0 1 2] draw, 2: 11+1 [0 1 3] draw | free 4 5",
                "1: 11+1 [0 1 2] draw, 2: 12+1 [0 1 3 4] draw | free 5",
                "1: 12+1 [0 1 2 5] draw, 2: 13+1 [0 1 3 4] draw | free",
                "1: 13+1 [0 1 2 5] draw, 2: 14+1 [0 1 3 4] draw | free",
                "1: 14+1 [0 1 2 5] draw, 2: 15+1 [0 1 3 4] draw | free",
                "preempt 2 | 1: 15+1 [0 1 2 5] draw | free 4 3",
                "1: 16+1 [0 1 2 5 4] draw | end 1 | free 4 3 5 2 1 0",
                "resume 2 at 12 | 2: 12+5 [0 1 3 4 5] draw | free 2",
                "2: 17+1 [0 1 3 4 5] draw | end 2 | free 5 2 4 3 1 0",
                "enter 3 | 3: 0+8 [5 2] | free 3 1 0",
                "3: 8+1 [5 2 4] draw | free 3 1 0",
                "3: 9+1 [5 2 4] draw | end 3 | free 4 3 1 0 2 5",
            ]
        )
    }

    @Test func `a long prompt is prefilled in chunks while a running request keeps decoding`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        try scheduler.submit(request(1, tokens(1, 2), maxTokens: 9))
        #expect(Self.run(&scheduler, steps: 1) == ["enter 1 | 1: 0+2 [0] draw | free 1-19"])
        try scheduler.submit(request(2, tokens(from: 100, count: 18)))
        #expect(
            Self.run(&scheduler, steps: 3) == [
                "enter 2 | 1: 2+1 [0] draw, 2: 0+7 [1 2] | free 6-19",
                "1: 3+1 [0] draw, 2: 7+7 [1 2 3 4] | free 6-19",
                "1: 4+1 [0 6] draw, 2: 14+4 [1 2 3 4 5] draw | free 7-19",
            ]
        )
    }

    @Test func `an older prompt with log probabilities leaves younger requests their logits`() throws {
        var scored = request(1, tokens(from: 100, count: 20))
        scored.promptLogprobCount = 0
        let limits = try StepLimits(tokensPerStep: 8, maxRunning: 4, maxWaiting: 8, logitRowsPerStep: 4)
        var scheduler = Scheduler(limits: limits, blockCount: 20, blockSize: 4, hasher: BlockHasher(seed: 1))
        try scheduler.submit(scored)
        try scheduler.submit(request(2, tokens(1, 2, 3)))
        #expect(
            Self.run(&scheduler, steps: 3) == [
                "enter 1 | enter 2 | 1: 0+3 [0] score, 2: 0+3 [5] draw | free 6-19",
                "1: 3+2 [0 1] score, 2: 3+1 [5] draw | free 6-19",
                "1: 5+2 [0 1] score, 2: 4+1 [5 6] draw | free 7-19",
            ]
        )
    }

    @Test func `of many prompts half read none holds up the answer behind them`() throws {
        let limits = try StepLimits(tokensPerStep: 512, maxRunning: 30)
        var scheduler = Scheduler(limits: limits, blockCount: 900, blockSize: 16, hasher: BlockHasher(seed: 1))
        // Clients of their own, so that each gets its turn before the one before has all that it wants.
        for id in 1...20 {
            var long = request(UInt64(id), tokens(from: 1_000 * id, count: 600))
            long.client = ClientKey(adapter: "\(id)")
            try scheduler.submit(long)
        }
        for _ in 0..<40 { _ = Self.commit(scheduler.planStep(tokenLimit: 32), to: &scheduler) }
        try scheduler.submit(request(21, tokens(1), maxTokens: 50))
        for _ in 0..<3 { _ = Self.commit(scheduler.planStep(), to: &scheduler) }
        let answer = try #require(scheduler.running.firstIndex { $0.id == RequestID(21) && $0.outputCount > 0 })
        try #require(scheduler.running[..<answer].filter { $0.missingCount > 1 }.count > 17)
        for _ in 0..<5 {
            let plan = scheduler.planStep(tokenLimit: 17)
            #expect(plan.rows.contains { $0.id == RequestID(21) })
            #expect(plan.batch.tokens.count == 17)
            _ = Self.commit(plan, to: &scheduler)
        }
    }

    @Test func `requests whose prefix is being computed wait for it and let others pass`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        let prompt = tokens(from: 0, count: 13)
        for id in 1...3 { try scheduler.submit(request(UInt64(id), prompt + tokens(50 + id), maxTokens: 1)) }
        try scheduler.submit(request(4, tokens(from: 200, count: 2), maxTokens: 1))
        #expect(
            Self.run(&scheduler, steps: 3) == [
                "enter 1 | 1: 0+8 [0 1] | free 4-19",
                "enter 4 | 1: 8+6 [0 1 2 3] draw, 4: 0+2 [4] draw | end 1 | end 4 | free 4 3 5-19 2 1 0",
                "enter 2 at 12 | enter 3 at 12 | 2: 12+2 [0 1 2 4] draw, 3: 12+2 [0 1 2 3] draw | end 2 | end 3 "
                    + "| free 3-19 2 1 0",
            ]
        )
    }

    @Test func `a waiting request goes on when the one that computed its prefix is cancelled`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        let prompt = tokens(from: 0, count: 20)
        try scheduler.submit(request(1, prompt))
        try scheduler.submit(request(2, prompt))
        #expect(Self.run(&scheduler, steps: 1) == ["enter 1 | 1: 0+8 [0 1] | free 5-19"])
        #expect(scheduler.cancel(RequestID(1)) == true)
        #expect(Self.run(&scheduler, steps: 1) == ["enter 2 at 8 | 2: 8+8 [0 1 2 3] | free 5-19"])
    }

    @Test func `a cached prompt still computes its last token`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        let prompt = tokens(from: 0, count: 8)
        try scheduler.submit(request(1, prompt, maxTokens: 1))
        try scheduler.submit(request(2, prompt, maxTokens: 1))
        #expect(
            Self.run(&scheduler, steps: 2) == [
                "enter 1 | 1: 0+8 [0 1] draw | end 1 | free 2-19 1 0",
                "enter 2 at 4 | 2: 4+4 [0 2] draw | end 2 | free 2-19 1 0",
            ]
        )
    }

    @Test func `requests with different salts share nothing`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        var salted = request(2, tokens(from: 0, count: 5), maxTokens: 1)
        salted.cacheSalt = "tenant"
        try scheduler.submit(request(1, tokens(from: 0, count: 5), maxTokens: 1))
        #expect(Self.run(&scheduler, steps: 1) == ["enter 1 | 1: 0+5 [0 1] draw | end 1 | free 1-19 0"])
        try scheduler.submit(salted)
        #expect(Self.run(&scheduler, steps: 1) == ["enter 2 | 2: 0+5 [1 2] draw | end 2 | free 2-19 0 1"])
        salted.id = RequestID(3)
        try scheduler.submit(salted)
        #expect(Self.run(&scheduler, steps: 1) == ["enter 3 at 4 | 3: 4+1 [1 2] draw | end 3 | free 2-19 0 1"])
    }

    @Test func `a request for prompt log probabilities takes nothing from the cache but fills it`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        var scored = request(1, tokens(from: 0, count: 6), maxTokens: 0)
        scored.promptLogprobCount = 2
        for id in 1...2 {
            scored.id = RequestID(UInt64(id))
            try scheduler.submit(scored)
            #expect(Self.run(&scheduler, steps: 1).first?.contains("0+6") == true)
        }
        try scheduler.submit(request(3, tokens(from: 0, count: 6), maxTokens: 1))
        #expect(Self.run(&scheduler, steps: 1).first?.hasPrefix("enter 3 at 4") == true)
    }

    @Test func `a big request at the head of the queue is not passed by small ones`() throws {
        var scheduler = try Self.scheduler()
        try scheduler.submit(request(1, tokens(from: 0, count: 5), maxTokens: 3))
        try scheduler.submit(request(2, tokens(from: 100, count: 20), maxTokens: 1))
        try scheduler.submit(request(3, tokens(from: 200, count: 2), maxTokens: 1))
        #expect(
            Self.run(&scheduler, steps: 4) == [
                "enter 1 | 1: 0+5 [0 1] draw | free 2-5",
                "1: 5+1 [0 1] draw | free 2-5",
                "1: 6+1 [0 1] draw | end 1 | free 1-5 0",
                "enter 2 | 2: 0+8 [1 2] | free 0",
            ]
        )
    }

    @Test func `lower priorities run first and equal ones in the order they came`() throws {
        var scheduler = try Self.scheduler(maxRunning: 1)
        for (id, priority) in [(1, 0), (2, 5), (3, -1), (4, 5), (5, 0)] {
            var request = request(UInt64(id), tokens(id), maxTokens: 1)
            request.priority = priority
            try scheduler.submit(request)
        }
        let order = Self.run(&scheduler, steps: 5).map { $0.prefix(7) }
        #expect(order == ["enter 3", "enter 1", "enter 5", "enter 2", "enter 4"])
    }

    @Test func `nobody enters in the step of a preemption`() throws {
        var scheduler = try Self.scheduler(blockCount: 5)
        try scheduler.submit(request(1, tokens(from: 0, count: 4), maxTokens: 9))
        try scheduler.submit(request(2, tokens(from: 100, count: 9), maxTokens: 9))
        _ = Self.run(&scheduler, steps: 5)
        var small = request(3, tokens(7), maxTokens: 1)
        small.priority = -1
        try scheduler.submit(small)
        let steps = Self.run(&scheduler, steps: 2)
        #expect(steps[0].hasPrefix("preempt 2 | 1: 8+1") == true)
        #expect(steps[1].hasPrefix("enter 3 | 1: 9+1") == true)
    }

    @Test func `a failed row leaves nothing behind that could be hit`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        try scheduler.submit(request(1, tokens(from: 0, count: 10)))
        #expect(Self.run(&scheduler, steps: 1) == ["enter 1 | 1: 0+8 [0 1] | free 3-19"])
        #expect(scheduler.blocks.cache.count == 2)
        _ = scheduler.planStep()
        #expect(scheduler.commit([.failed(isSuspect: true)]) == [])
        #expect(scheduler.blocks.cache.count == 0)
        #expect(scheduler.blocks.pool.freeCount == 20)
        #expect(scheduler.hasWork == false)
        #expect(scheduler.invariantViolations() == [])
    }

    @Test func `a row that its own rules left no token leaves what it computed to others`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        try scheduler.submit(request(1, tokens(from: 0, count: 10)))
        #expect(Self.run(&scheduler, steps: 1) == ["enter 1 | 1: 0+8 [0 1] | free 3-19"])
        _ = scheduler.planStep()
        #expect(scheduler.commit([.failed(isSuspect: false)]) == [])
        #expect(scheduler.blocks.cache.count == 2)
        #expect(scheduler.blocks.pool.freeCount == 20)
        try scheduler.submit(request(2, tokens(from: 0, count: 10)))
        #expect(scheduler.planStep().admitted.first?.cachedTokenCount == 8)
    }

    @Test func `a request cancelled between plan and commit is passed over`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        try scheduler.submit(request(1, tokens(1)))
        try scheduler.submit(request(2, tokens(2)))
        _ = scheduler.planStep()
        #expect(scheduler.cancel(RequestID(1)) == true)
        #expect(scheduler.cancel(RequestID(1)) == false)
        #expect(scheduler.commit([.token(TokenID(7)), .token(TokenID(8))]) == [])
        #expect(Self.run(&scheduler, steps: 1) == ["2: 1+1 [1] draw | free 0 2-19"])
    }

    @Test func `stop tokens, end of sequence and the token limit end a request`() throws {
        var scheduler = try Self.scheduler(blockCount: 20)
        var first = request(1, tokens(1))
        first.stopTokens = [TokenID(901)]
        var second = request(2, tokens(2))
        second.endOfSequence = [TokenID(902)]
        var third = request(3, tokens(3), maxTokens: 2)
        third.endOfSequence = [TokenID(903)]
        third.ignoresEndOfSequence = true
        for request in [first, second, third] { try scheduler.submit(request) }
        #expect(
            Self.commit(scheduler.planStep(), to: &scheduler) == [
                Ending(id: RequestID(1), reason: .stop(TokenID(901))),
                Ending(id: RequestID(2), reason: .stop(TokenID(902))),
            ]
        )
        #expect(
            Self.commit(scheduler.planStep(), to: &scheduler) == [Ending(id: RequestID(3), reason: .length)]
        )
    }

    @Test func `what can never fit and what comes to a full queue is refused`() throws {
        var scheduler = try Self.scheduler(maxWaiting: 2)
        #expect(throws: SubmissionError.cacheTooSmall(tokens: 25, limit: 24)) {
            try scheduler.submit(request(1, tokens(from: 0, count: 20), maxTokens: 6))
        }
        // The last token drawn needs no place in the cache.
        try scheduler.submit(request(2, tokens(from: 0, count: 20), maxTokens: 5))
        try scheduler.submit(request(3, tokens(1)))
        #expect(throws: SubmissionError.queueFull(waiting: 2)) { try scheduler.submit(request(4, tokens(1))) }
    }

    @Test func `requests that come together enter the same step, all of them or none`() throws {
        var scheduler = try Self.scheduler(maxWaiting: 2)
        let fitting = (1...3).map { request(UInt64($0), tokens($0), maxTokens: 2) }
        let tooLong = request(9, tokens(from: 0, count: 20), maxTokens: 6)
        #expect(throws: SubmissionError.cacheTooSmall(tokens: 25, limit: 24)) {
            try scheduler.submit(fitting + [tooLong])
        }
        #expect(scheduler.waitingCount == 0)
        // However many they are: a queue with room for one takes them.
        try scheduler.submit(fitting)
        #expect(throws: SubmissionError.queueFull(waiting: 3)) { try scheduler.submit([request(4, tokens(1))]) }
        #expect(scheduler.planStep().rows.map(\.id) == fitting.map(\.id))
        try scheduler.submit([])
    }

    static func scheduler(
        blockCount: Int = 6,
        blockSize: Int = 4,
        tokensPerStep: Int = 8,
        maxRunning: Int = 4,
        maxWaiting: Int = 8
    ) throws -> Scheduler {
        let limits = try StepLimits(tokensPerStep: tokensPerStep, maxRunning: maxRunning, maxWaiting: maxWaiting)
        return Scheduler(limits: limits, blockCount: blockCount, blockSize: blockSize, hasher: BlockHasher(seed: 1))
    }

    /// Gives every row that draws the token 900 plus its request's id.
    static func commit(_ plan: StepPlan, to scheduler: inout Scheduler) -> [Ending] {
        let outcomes = plan.rows.map { row in
            row.logits.draws ? RowOutcome.token(TokenID(900 + Int(row.id.rawValue))) : .computed
        }
        let endings = scheduler.commit(outcomes)
        #expect(scheduler.invariantViolations() == [])
        return endings
    }

    /// Runs steps and tells them in one line each.
    static func run(_ scheduler: inout Scheduler, steps: Int) -> [String] {
        (0..<steps).map { _ in
            let plan = scheduler.planStep()
            var parts = plan.admitted.map { admission in
                (admission.isResumption ? "resume " : "enter ") + "\(admission.id)"
                    + (admission.cachedTokenCount > 0 ? " at \(admission.cachedTokenCount)" : "")
            }
            parts += plan.preempted.map { "preempt \($0)" }
            let rows = zip(plan.rows, plan.batch.rows).map { row, forward in
                "\(row.id): \(row.firstPosition)+\(row.tokenCount) [\(list(forward.blockTable))]" + use(row.logits)
            }
            parts.append(rows.joined(separator: ", "))
            parts += commit(plan, to: &scheduler).map { "end \($0.id)" }
            let free = ranges(scheduler.blocks.pool.freeBlocks)
            return (parts + [free.isEmpty ? "free" : "free " + free]).joined(separator: " | ")
        }
    }

    private static func use(_ logits: LogitUse) -> String {
        switch logits {
        case .none: ""
        case .draw: " draw"
        case .promptLogprobs(let draws): draws ? " score draw" : " score"
        }
    }

    private static func list(_ blocks: [BlockID]) -> String { blocks.map { "\($0.rawValue)" }.joined(separator: " ") }

    /// Block numbers, ascending runs of four and more as a range.
    private static func ranges(_ blocks: [BlockID]) -> String {
        var runs: [ClosedRange<Int32>] = []
        for block in blocks.map(\.rawValue) {
            if let last = runs.last, last.upperBound + 1 == block {
                runs[runs.count - 1] = last.lowerBound...block
            } else {
                runs.append(block...block)
            }
        }
        return runs.flatMap { run in
            run.count > 3 ? ["\(run.lowerBound)-\(run.upperBound)"] : run.map { "\($0)" }
        }.joined(separator: " ")
    }
}
