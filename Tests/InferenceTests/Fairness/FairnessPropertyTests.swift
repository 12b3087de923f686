import Models
import Testing
import Tokenization

@testable import Inference

/// The bound on how unequally clients are served, over random operations.
///
/// Sheng et al., *Fairness in Serving Large Language Models*, arXiv:2401.00588, lemma 4.3 and theorem 4.4: while two
/// clients both have something waiting, what they are served differs by 2 · max(wp · Linput, wq · M) at most, where M
/// tokens fit into the batch that runs.
///
/// The same with chunks and weights. Let c be the counters, and f, g two clients that both have something waiting that
/// only waits for its turn. Consider the last moment at which c(f) ≤ c(g). Since then no request of f was admitted,
/// because one of g was before it in the queue, and if that did not fit, nobody was. So all that f was charged since
/// then was for requests that ran at that moment or entered at it: R at most, the number of requests that may run. Each
/// is charged for at most P tokens of prompt, once, and for G drawn ones, so that c(f) − c(g) ≤ R (wp P + wq G) / w(f) =
/// U(f). Neither chunks nor the order in which they are computed change it, nor do preemptions: what is computed again
/// is free, and who comes back to the queue waits for his turn. While both wait nobody is lifted, so that what f was
/// served, by its weight, is the growth of c(f), and what both were served in any such span differs by U(f) + U(g) at
/// most: the growth of c(f) − c(g), which is within −U(g) … U(f) at its beginning and at its end. R (wp P + wq G) is the
/// paper's wq M where the cache holds what requests may come to in the end; ours may hold less, and then preempts.
@Suite struct FairnessPropertyTests {
    @Test(arguments: 1...30)
    func `what two clients that wait are served differs by no more than the bound`(seed: Int) throws {
        var random = SeededGenerator(seed)
        var world = try FairWorld(scheduling: .fair, random: &random)
        for _ in 0..<1_500 { world.operate(using: &random) }
        #expect(world.excess == nil)
        #expect(world.scheduler.invariantViolations() == [])
        #expect(world.measuredSpans > 300)
        world.drain()
        #expect(world.scheduler.hasWork == false, "requests are stuck")
        #expect(world.scheduler.invariantViolations() == [])
    }

    @Test func `the random operations preempt, resume, cancel and come near the bound`() throws {
        var (preemptions, resumptions, cancellations, share) = (0, 0, 0, 0.0)
        for seed in 1...30 {
            var random = SeededGenerator(seed)
            var world = try FairWorld(scheduling: .fair, random: &random)
            for _ in 0..<1_500 { world.operate(using: &random) }
            preemptions += world.preemptionCount
            resumptions += world.resumptionCount
            cancellations += world.cancellationCount
            share = max(share, world.largestShare)
        }
        #expect(preemptions > 200)
        #expect(resumptions > 200)
        #expect(cancellations > 1_000)
        #expect(share > 0.3)
    }

    @Test func `in the order of arrival a flood exceeds the bound`() throws {
        var random = SeededGenerator(1)
        var world = try FairWorld(scheduling: .arrival, random: &random)
        for _ in 0..<6_000 { world.operate(using: &random) }
        #expect(world.excess != nil)
    }

    @Test func `over a long time clients are served as their weights are`() throws {
        var random = SeededGenerator(3)
        var world = try FairWorld(scheduling: .fair, random: &random)
        for _ in 0..<20_000 { world.operate(using: &random, keepsAllWaiting: true) }
        let total = world.served.reduce(0, +)
        let weights = FairWorld.weights.reduce(0, +)
        for (served, weight) in zip(world.served, FairWorld.weights) {
            #expect(abs(served / total - weight / weights) < 0.02)
        }
    }
}

/// A scheduler under three clients, the first of which floods it, and books of its own of what they were served.
private struct FairWorld: ~Copyable {
    static let weights = [1.0, 2, 0.5]
    private static let promptLimit = 9
    private static let answerLimit = 7

    var scheduler: Scheduler
    /// `[clients]`: cost of what was served.
    private(set) var served = [0.0, 0, 0]
    /// The first span in which two clients were served more unequally than they may be.
    private(set) var excess: String?
    /// Ends of spans that were compared.
    private(set) var measuredSpans = 0
    /// The largest difference, as a share of the bound.
    private(set) var largestShare = 0.0
    private(set) var preemptionCount = 0
    private(set) var resumptionCount = 0
    private(set) var cancellationCount = 0
    /// `[clients]`: when both of a pair began to wait, the least and the largest of what the first was served more.
    private var spans: [Pair: ClosedRange<Double>] = [:]
    private var requests: [RequestID: GenerationRequest] = [:]
    /// Tokens of a request's prompt that have been computed at least once.
    private var computed: [RequestID: Int] = [:]
    private var nextID: UInt64 = 0

    private struct Pair: Hashable {
        var first: Int
        var second: Int
    }

    init(scheduling: Scheduling, random: inout SeededGenerator) throws {
        let limits = try StepLimits(
            tokensPerStep: Int.random(in: 3...12, using: &random),
            maxRunning: Int.random(in: 1...5, using: &random),
            maxWaiting: 30
        )
        scheduler = Scheduler(
            limits: limits,
            blockCount: 12,
            blockSize: 2,
            scheduling: scheduling,
            hasher: BlockHasher(seed: random.next())
        )
    }

    mutating func operate(using random: inout SeededGenerator, keepsAllWaiting: Bool = false) {
        switch Int.random(in: 0..<20, using: &random) {
        case 0...4: submit(0, using: &random)
        case 5...6: submit(1, using: &random)
        case 7: submit(2, using: &random)
        case 8: if !keepsAllWaiting { cancel(using: &random) }
        default: step(using: &random)
        }
        if keepsAllWaiting {
            // More than a step admits, so that nobody is lifted.
            for client in 0..<3 where waitingCount(client) < 6 {
                for _ in 0..<6 { submit(client, using: &random) }
            }
        }
        measure()
    }

    mutating func drain() {
        var random = SeededGenerator(7)
        var stepCount = 0
        while scheduler.hasWork, stepCount < 5_000 {
            step(using: &random)
            stepCount += 1
        }
    }

    /// Every prompt is another, so that nobody waits for a prefix.
    private mutating func submit(_ client: Int, using random: inout SeededGenerator) {
        let length = Int.random(in: 1...Self.promptLimit, using: &random)
        var request = request(
            nextID,
            tokens(from: Int(nextID) * 10, count: length),
            maxTokens: Int.random(in: 0...Self.answerLimit, using: &random)
        )
        nextID += 1
        request.client = ClientKey(adapter: "\(client)")
        request.weight = Self.weights[client]
        if (try? scheduler.submit(request)) != nil { requests[request.id] = request }
    }

    private mutating func cancel(using random: inout SeededGenerator) {
        guard let id = requests.keys.sorted(by: { $0.rawValue < $1.rawValue }).randomElement(using: &random) else {
            return
        }
        #expect(scheduler.cancel(id) == true)
        cancellationCount += 1
        forget(id)
    }

    private mutating func step(using random: inout SeededGenerator) {
        // Now and then as short as a step may be, as when answers wait.
        let limit = Int.random(in: 0..<4, using: &random) == 0 ? 1 : nil
        let plan = scheduler.planStep(tokenLimit: limit)
        preemptionCount += plan.preempted.count
        resumptionCount += plan.admitted.count { $0.isResumption }
        if plan.isEmpty { return }
        // What is cached is not computed, and free.
        for admission in plan.admitted {
            computed[admission.id] = max(computed[admission.id] ?? 0, admission.cachedTokenCount)
        }
        var outcomes: [RowOutcome] = []
        for row in plan.rows {
            guard let request = requests[row.id] else { continue }
            let end = min(row.firstPosition + row.tokenCount, request.prompt.count)
            let known = computed[row.id] ?? 0
            book(Double(max(0, end - known)), for: request)
            computed[row.id] = max(known, end)
            if row.logits.draws { book(2, for: request) }
            outcomes.append(row.logits.draws ? .token(TokenID(1_000_000 + Int(nextID))) : .computed)
        }
        if Int.random(in: 0..<60, using: &random) == 0 {
            outcomes[0] = .failed(isSuspect: true)
            if plan.rows[0].logits.draws, let request = requests[plan.rows[0].id] { book(-2, for: request) }
            forget(plan.rows[0].id)
        }
        for ending in scheduler.commit(outcomes) { forget(ending.id) }
    }

    private mutating func book(_ cost: Double, for request: GenerationRequest) {
        guard let client = request.client.adapter.flatMap({ Int($0) }) else { return }
        served[client] += cost
    }

    private mutating func forget(_ id: RequestID) {
        requests[id] = nil
        computed[id] = nil
    }

    private func waitingCount(_ client: Int) -> Int {
        scheduler.waiting.count { requests[$0.id]?.client.adapter == "\(client)" }
    }

    private func isWaiting(_ client: Int) -> Bool { waitingCount(client) > 0 }

    /// What the client was served, by its weight.
    private func normalised(_ client: Int) -> Double { served[client] / Self.weights[client] }

    /// What a client may be ahead of another that waits.
    private func lead(_ client: Int) -> Double {
        Double(scheduler.limits.maxRunning * (Self.promptLimit + 2 * Self.answerLimit)) / Self.weights[client]
    }

    /// Compares every pair with all moments since both wait.
    private mutating func measure() {
        for first in 0..<3 {
            for second in first + 1..<3 {
                let pair = Pair(first: first, second: second)
                guard isWaiting(first), isWaiting(second) else {
                    spans[pair] = nil
                    continue
                }
                let ahead = normalised(first) - normalised(second)
                let past = spans[pair] ?? ahead...ahead
                spans[pair] = min(past.lowerBound, ahead)...max(past.upperBound, ahead)
                let difference = max(ahead - past.lowerBound, past.upperBound - ahead)
                let bound = lead(first) + lead(second)
                measuredSpans += 1
                largestShare = max(largestShare, difference / bound)
                if difference > bound + 1e-9, excess == nil {
                    excess = "clients \(first) and \(second) by \(difference) of \(bound)"
                }
            }
        }
    }
}
