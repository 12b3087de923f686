import Models
import Testing
import Tokenization

@testable import Inference

/// Which client's turn it is, step by step.
@Suite struct FairSchedulingTests {
    @Test func `the worked example of the design page runs as written`() throws {
        var scheduler = try Self.scheduler(maxRunning: 2)
        for id in 1...4 { try scheduler.submit(Self.request(UInt64(id), "a", length: 6, maxTokens: 3)) }
        let first = SchedulerTests.run(&scheduler, steps: 1)
        #expect(first == ["enter 1 | enter 2 | 1: 0+6 [0 1] draw, 2: 0+2 [2] | free 4-63"])
        #expect(Self.counters(of: scheduler) == ["a": 10, "b": 0])
        for id in 5...6 { try scheduler.submit(Self.request(UInt64(id), "b", length: 4, maxTokens: 2)) }
        #expect(Self.counters(of: scheduler) == ["a": 10, "b": 10])
        #expect(
            SchedulerTests.run(&scheduler, steps: 2) == [
                "1: 6+1 [0 1] draw, 2: 2+4 [2 3] draw | free 4-63",
                "1: 7+1 [0 1] draw, 2: 6+1 [2 3] draw | end 1 | free 4-63 1 0",
            ]
        )
        #expect(Self.counters(of: scheduler) == ["a": 22, "b": 10])
        let steps = [("5", 24.0, 16.0), ("6", 24, 24), ("3", 32, 26), ("4", 42, 26)]
        for (entering, flood, other) in steps {
            #expect(Self.order(&scheduler, steps: 1) == [entering])
            #expect(Self.counters(of: scheduler) == ["a": flood, "b": other])
        }
        var arrival = try Self.scheduler(maxRunning: 2, scheduling: .arrival)
        for id in 1...4 { try arrival.submit(Self.request(UInt64(id), "a", length: 6, maxTokens: 3)) }
        #expect(Self.order(&arrival, steps: 1) == ["1", "2"])
        for id in 5...6 { try arrival.submit(Self.request(UInt64(id), "b", length: 4, maxTokens: 2)) }
        var entered: [[String]] = []
        for _ in 2...8 { entered.append(Self.order(&arrival, steps: 1)) }
        #expect(entered == [[], [], ["3"], ["4"], [], ["5"], ["6"]])
    }

    @Test func `the client that was served least is next, whoever came first`() throws {
        var scheduler = try Self.scheduler(maxRunning: 1)
        for id in 1...3 { try scheduler.submit(Self.request(UInt64(id), "a", length: 5, maxTokens: 1)) }
        for id in 4...6 { try scheduler.submit(Self.request(UInt64(id), "b", length: 5, maxTokens: 1)) }
        #expect(Self.order(&scheduler, steps: 6) == ["1", "4", "2", "5", "3", "6"])
    }

    @Test func `a client of weight 2 is served twice as much`() throws {
        var scheduler = try Self.scheduler(maxRunning: 1)
        for id in 1...3 { try scheduler.submit(Self.request(UInt64(id), "a", length: 4, maxTokens: 1)) }
        for id in 4...9 { try scheduler.submit(Self.request(UInt64(id), "b", weight: 2, length: 4, maxTokens: 1)) }
        #expect(Self.order(&scheduler, steps: 9) == ["1", "4", "5", "2", "6", "7", "3", "8", "9"])
    }

    @Test func `in the order of arrival nobody passes`() throws {
        var scheduler = try Self.scheduler(maxRunning: 1, scheduling: .arrival)
        for id in 1...3 { try scheduler.submit(Self.request(UInt64(id), "a", length: 5, maxTokens: 1)) }
        try scheduler.submit(Self.request(4, "b", length: 5, maxTokens: 1))
        #expect(Self.order(&scheduler, steps: 4) == ["1", "2", "3", "4"])
    }

    @Test func `priorities come before clients`() throws {
        var scheduler = try Self.scheduler(maxRunning: 1)
        try scheduler.submit(Self.request(1, "a", length: 5, maxTokens: 1))
        try scheduler.submit(Self.request(2, "a", length: 5, maxTokens: 1))
        var patient = Self.request(3, "b", length: 5, maxTokens: 1)
        patient.priority = 1
        try scheduler.submit(patient)
        #expect(Self.order(&scheduler, steps: 3) == ["1", "2", "3"])
    }

    @Test func `a prompt that is being read makes way for one of a client that was served less`() throws {
        var scheduler = try Self.scheduler()
        try scheduler.submit(Self.request(1, "a", length: 40, maxTokens: 4))
        #expect(SchedulerTests.run(&scheduler, steps: 1) == ["enter 1 | 1: 0+8 [0 1] | free 10-63"])
        // Nobody waited but the first, so both begin at 8, and the older one is not passed until it has had more.
        try scheduler.submit(Self.request(2, "b", length: 9, maxTokens: 4))
        #expect(
            SchedulerTests.run(&scheduler, steps: 4) == [
                "1: 8+8 [0 1 2 3] | free 10-63",
                "enter 2 | 1: 16+1 [0 1 2 3 4], 2: 0+7 [10 11] | free 13-63",
                "1: 17+6 [0 1 2 3 4 5], 2: 7+2 [10 11 12] draw | free 13-63",
                "1: 23+7 [0 1 2 3 4 5 6 7], 2: 9+1 [10 11 12] draw | free 13-63",
            ]
        )
    }

    @Test func `a newcomer that does not fit takes nothing from a prompt that is being read`() throws {
        var scheduler = try Self.scheduler(blockCount: 12)
        try scheduler.submit(Self.request(1, "a", length: 40, maxTokens: 4))
        _ = SchedulerTests.run(&scheduler, steps: 1)
        try scheduler.submit(Self.request(2, "b", length: 20, maxTokens: 4))
        #expect(
            SchedulerTests.run(&scheduler, steps: 2) == [
                "1: 8+8 [0 1 2 3] | free 10 11", "1: 16+8 [0 1 2 3 4 5] | free 10 11",
            ]
        )
    }

    @Test func `a prompt whose log probabilities are wanted is left no more than its logits allow`() throws {
        let limits = try StepLimits(tokensPerStep: 8, maxRunning: 4, maxWaiting: 8, logitRowsPerStep: 4)
        var scheduler = Scheduler(limits: limits, blockCount: 64, blockSize: 4, hasher: BlockHasher(seed: 1))
        try scheduler.submit(Self.request(1, "a", length: 40, maxTokens: 4))
        _ = SchedulerTests.run(&scheduler, steps: 1)
        var scored = Self.request(2, "b", length: 20, maxTokens: 4)
        scored.promptLogprobCount = 0
        try scheduler.submit(scored)
        #expect(
            SchedulerTests.run(&scheduler, steps: 3) == [
                "1: 8+8 [0 1 2 3] | free 10-63",
                "enter 2 | 1: 16+5 [0 1 2 3 4 5], 2: 0+3 [10] score | free 15-63",
                "1: 21+5 [0 1 2 3 4 5 6], 2: 3+3 [10 11] score | free 15-63",
            ]
        )
    }

    @Test func `cached tokens and those that are computed again are free`() throws {
        var scheduler = try Self.scheduler(blockCount: 6, maxRunning: 4)
        try scheduler.submit(Self.request(1, "a", length: 8, maxTokens: 1))
        _ = SchedulerTests.run(&scheduler, steps: 1)
        #expect(Self.counters(of: scheduler) == ["a": 10, "b": 0])
        var again = Self.request(2, "a", length: 8, maxTokens: 1)
        again.prompt = tokens(from: 1000, count: 8)
        try scheduler.submit(again)
        #expect(SchedulerTests.run(&scheduler, steps: 1).first?.hasPrefix("enter 2 at 4 | 2: 4+4") == true)
        #expect(Self.counters(of: scheduler) == ["a": 16, "b": 0])
    }

    @Test func `a preempted request is charged for once`() throws {
        var scheduler = try Self.scheduler(blockCount: 5, maxRunning: 4)
        try scheduler.submit(Self.request(1, "a", length: 4, maxTokens: 9))
        try scheduler.submit(Self.request(2, "b", length: 8, maxTokens: 5))
        let steps = SchedulerTests.run(&scheduler, steps: 16)
        #expect(steps.contains { $0.contains("preempt 2") } && steps.contains { $0.contains("resume 2") })
        #expect(scheduler.hasWork == false)
        #expect(Self.counters(of: scheduler) == ["a": 4 + 18, "b": 8 + 10])
    }

    @Test func `a flood leaves room in the queue for others`() throws {
        var scheduler = try Self.scheduler(maxRunning: 1, maxWaiting: 4)
        for id in 1...4 { try scheduler.submit(Self.request(UInt64(id), "a", length: 4)) }
        #expect(throws: SubmissionError.queueFull(waiting: 4)) {
            try scheduler.submit(Self.request(5, "a", length: 4))
        }
        for id in 6...7 { try scheduler.submit(Self.request(UInt64(id), "b", length: 4)) }
        #expect(throws: SubmissionError.queueFull(waiting: 6)) {
            try scheduler.submit(Self.request(8, "b", length: 4))
        }
        #expect(scheduler.invariantViolations() == [])
        var arrival = try Self.scheduler(maxRunning: 1, maxWaiting: 4, scheduling: .arrival)
        for id in 1...4 { try arrival.submit(Self.request(UInt64(id), "a", length: 4)) }
        #expect(throws: SubmissionError.queueFull(waiting: 4)) {
            try arrival.submit(Self.request(5, "b", length: 4))
        }
    }

    static func scheduler(
        blockCount: Int = 64,
        maxRunning: Int = 8,
        maxWaiting: Int = 64,
        scheduling: Scheduling = .fair
    ) throws -> Scheduler {
        Scheduler(
            limits: try StepLimits(tokensPerStep: 8, maxRunning: maxRunning, maxWaiting: maxWaiting),
            blockCount: blockCount,
            blockSize: 4,
            scheduling: scheduling,
            hasher: BlockHasher(seed: 1)
        )
    }

    /// A request of a client, with a prompt of its own.
    static func request(
        _ id: UInt64,
        _ client: String,
        weight: Double = 1,
        length: Int,
        maxTokens: Int = 4
    ) -> GenerationRequest {
        var request = GenerationRequest(
            id: RequestID(id),
            prompt: tokens(from: Int(id) * 1000, count: length),
            sampling: .greedy,
            maxTokens: maxTokens
        )
        request.client = ClientKey(adapter: client)
        request.weight = weight
        return request
    }

    /// The counters of clients a and b; 0 for one that never sent anything.
    private static func counters(of scheduler: borrowing Scheduler) -> [String: Double] {
        var counters = scheduler.counters
        var result: [String: Double] = [:]
        for name in ["a", "b"] {
            let client = counters.open(ClientKey(adapter: name))
            result[name] = counters.counter(of: client)
        }
        return result
    }

    /// The order in which requests enter.
    private static func order(_ scheduler: inout Scheduler, steps: Int) -> [String] {
        SchedulerTests.run(&scheduler, steps: steps).flatMap { step in
            step.split(separator: "|").compactMap { part in
                let words = part.split(separator: " ")
                return words.first == "enter" ? String(words[1]) : nil
            }
        }
    }
}
