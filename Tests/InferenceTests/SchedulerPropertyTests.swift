import Models
import TestModels
import Testing
import Tokenization

@testable import Inference

/// Random operations on tiny alphabets: two tokens and seven blocks make prefixes, hits, evictions and preemptions meet
/// in every order.
@Suite struct SchedulerPropertyTests {
    @Test(arguments: 1...30)
    func `every answer is the one the request gets alone, whatever happens around it`(seed: Int) throws {
        var random = SeededGenerator(seed)
        var world = try World(random: &random)
        for _ in 0..<600 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...2: world.submit(using: &random)
            case 3: world.cancel(using: &random)
            default:
                // A step that is cut short for the sake of running answers.
                let limit = Bool.random(using: &random) ? nil : Int.random(in: 1...9, using: &random)
                world.step(failing: Int.random(in: 0..<60, using: &random) == 0, tokenLimit: limit)
            }
            #expect(world.scheduler.invariantViolations() == [])
        }
        var stepCount = 0
        while world.scheduler.hasWork, stepCount < 2_000 {
            world.step(failing: false)
            stepCount += 1
        }
        #expect(world.scheduler.hasWork == false, "requests are stuck")
        #expect(world.scheduler.invariantViolations() == [])
        #expect(world.scheduler.blocks.pool.usedCount == 0)
        #expect(world.model.violations == [])
        #expect(world.wrongAnswers == [])
        #expect(world.finishedCount > 20)
    }

    @Test func `the random operations do preempt, resume, hit the cache and guess`() throws {
        var preemptions = 0
        var resumptions = 0
        var hits = 0
        var guessed = 0
        var right = 0
        for seed in 1...10 {
            var random = SeededGenerator(seed)
            var world = try World(random: &random)
            for index in 0..<600 {
                if index % 3 == 0 { world.submit(using: &random) } else { world.step(failing: false) }
            }
            preemptions += world.preemptionCount
            resumptions += world.resumptionCount
            hits += world.hitCount
            guessed += world.guessedCount
            right += world.rightCount
        }
        #expect(preemptions > 50)
        #expect(resumptions > 50)
        #expect(hits > 200)
        #expect(guessed > 500)
        #expect(right > 200)
    }
}

/// A scheduler, a model whose answers depend on what it reads back from the blocks, and the answers so far.
private struct World: ~Copyable {
    var scheduler: Scheduler
    let model: ScriptedModel
    private(set) var finishedCount = 0
    private(set) var wrongAnswers: [String] = []
    private(set) var preemptionCount = 0
    private(set) var resumptionCount = 0
    private(set) var hitCount = 0
    private(set) var guessedCount = 0
    private(set) var rightCount = 0
    private var guesses: SeededGenerator
    private var requests: [RequestID: GenerationRequest] = [:]
    private var answers: [RequestID: [TokenID]] = [:]
    private var nextID: UInt64 = 0

    init(random: inout SeededGenerator) throws {
        let limits = try StepLimits(
            tokensPerStep: Int.random(in: 1...9, using: &random),
            maxRunning: Int.random(in: 1...5, using: &random),
            maxWaiting: 6,
            logitRowsPerStep: Int.random(in: 5...9, using: &random)
        )
        scheduler = Scheduler(limits: limits, blockCount: 7, blockSize: 2, hasher: BlockHasher(seed: random.next()))
        model = ScriptedModel(vocabularySize: 2, contextLength: 100)
        model.allocateCache(blockCount: 7, blockSize: 2)
        guesses = SeededGenerator(Int(truncatingIfNeeded: random.next() >> 8))
    }

    mutating func submit(using random: inout SeededGenerator) {
        let prompt = (0..<Int.random(in: 1...9, using: &random)).map { _ in
            TokenID(Int.random(in: 0...1, using: &random))
        }
        var request = request(nextID, prompt, maxTokens: Int.random(in: 0...7, using: &random))
        nextID += 1
        request.cacheSalt = Int.random(in: 0..<5, using: &random) == 0 ? "salt" : nil
        request.priority = Int.random(in: 0..<4, using: &random) == 0 ? 1 : 0
        request.client = ClientKey(adapter: ["a", "b", "c"].randomElement(using: &random))
        request.weight = Double.random(in: 0.5...2, using: &random)
        request.promptLogprobCount = Int.random(in: 0..<6, using: &random) == 0 ? 0 : nil
        if (try? scheduler.submit(request)) == nil { return }
        requests[request.id] = request
        answers[request.id] = []
    }

    mutating func cancel(using random: inout SeededGenerator) {
        guard let id = requests.keys.sorted(by: { $0.rawValue < $1.rawValue }).randomElement(using: &random) else {
            return
        }
        if !scheduler.cancel(id) { wrongAnswers.append("request \(id) is unknown") }
        forget(id)
    }

    mutating func step(failing: Bool, tokenLimit: Int? = nil) {
        let answering = Set(scheduler.running.filter { $0.missingCount == 1 }.map(\.id))
        var plan = scheduler.planStep(tokenLimit: tokenLimit)
        if plan.isEmpty { return }
        let left = answering.subtracting(plan.preempted).subtracting(plan.rows.map(\.id))
        let limit = min(tokenLimit ?? .max, scheduler.limits.tokensPerStep)
        if !left.isEmpty, answering.count <= limit { wrongAnswers.append("\(left.count) answers got no token") }
        guess(&plan)
        preemptionCount += plan.preempted.count
        resumptionCount += plan.admitted.count { $0.isResumption }
        hitCount += plan.admitted.count { $0.cachedTokenCount > 0 }
        let logits = model.forward(plan.batch)
        var outcomes: [RowOutcome] = []
        var logitIndex = 0
        for (row, forward) in zip(plan.rows, plan.batch.rows) {
            logitIndex += forward.logitCount
            guard row.logits.draws else {
                outcomes.append(.computed)
                continue
            }
            let drawn = draw(row, logits, from: logitIndex - 1 - row.candidates.count)
            answers[row.id]? += drawn
            outcomes.append(row.candidates.isEmpty ? .token(drawn[0]) : .tokens(drawn))
        }
        if failing {
            outcomes[0] = .failed(isSuspect: true)
            forget(plan.rows[0].id)
        }
        for ending in scheduler.commit(outcomes) { finish(ending.id) }
    }

    /// Lets some rows compute tokens that may or may not be the next ones.
    private mutating func guess(_ plan: inout StepPlan) {
        var candidates: [Int: [TokenID]] = [:]
        for row in scheduler.openRows(of: plan) where Int.random(in: 0..<2, using: &guesses) == 0 {
            candidates[row.rowIndex] = (0..<Int.random(in: 0...row.limit, using: &guesses)).map { _ in
                TokenID(Int.random(in: 0...1, using: &guesses))
            }
        }
        let freeCount = scheduler.blocks.pool.freeCount
        let rowCount = plan.rows.count
        scheduler.extend(&plan, by: candidates, tokenLimit: scheduler.limits.tokensPerStep)
        if scheduler.blocks.pool.freeCount < min(freeCount, rowCount) { wrongAnswers.append("a guess took a block") }
        if plan.batch.tokens.count > scheduler.limits.tokensPerStep { wrongAnswers.append("too many tokens") }
        if plan.batch.logitRowCount > scheduler.limits.logitRowsPerStep { wrongAnswers.append("too many logits") }
        guessedCount += plan.rows.reduce(0) { $0 + $1.candidates.count }
    }

    /// Draws from the row's logits as far as its candidates are what is drawn.
    private mutating func draw(_ row: PlannedRow, _ logits: Logits, from logitIndex: Int) -> [TokenID] {
        var drawn = [Self.likeliest(logits.row(logitIndex))]
        for (offset, candidate) in row.candidates.enumerated() {
            if drawn[offset] != candidate { break }
            drawn.append(Self.likeliest(logits.row(logitIndex + offset + 1)))
        }
        rightCount += drawn.count - 1
        return drawn
    }

    private mutating func finish(_ id: RequestID) {
        guard let request = requests[id] else { return }
        finishedCount += 1
        if answers[id] != Self.answer(to: request) { wrongAnswers.append("request \(id)") }
        forget(id)
    }

    private mutating func forget(_ id: RequestID) {
        requests[id] = nil
        answers[id] = nil
    }

    /// The answer by the definition: one token after the other, each from all before it.
    private static func answer(to request: GenerationRequest) -> [TokenID] {
        var tokens = request.prompt
        let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2)
        defer { logits.deallocate() }
        for _ in 0..<request.maxTokens {
            ScriptedModel.hashed(tokens, logits)
            tokens.append(likeliest(logits))
        }
        return Array(tokens[request.prompt.count...])
    }

    private static func likeliest(_ logits: UnsafeMutableBufferPointer<Float>) -> TokenID {
        TokenID(logits[1] > logits[0] ? 1 : 0)
    }
}
