import Models
import Testing
import Tokenization

@testable import Inference

@Suite struct StepPacerTests {
    /// A model of one layer: 20,000 operations a token, 2,000 more for its logits, 8 for each key it sees.
    private static let cost = RowCost(
        DecoderCosts(
            layerProducts: [.init(quantizedWeights: 10_000, byteCount: 5000)],
            outputProduct: .init(quantizedWeights: 1000, byteCount: 500),
            embeddingBytes: 1,
            attention: ([nil], 1, 1)
        ).withIntegerAttention
    )

    /// A machine on which steps take what they are made to.
    private struct Machine {
        /// Seconds of a step, of an operation of products, of one of attention.
        var fixed = 0.005
        var product = 75e-9
        var attention = 75e-9
        var pacer = StepPacer(limit: .milliseconds(100), rowCost: cost)

        /// Runs a step as long as the pacer lets it be, and returns its seconds.
        mutating func step(at position: Int, answers: Int = 2, heldUp: Double = 1) -> (tokens: Int, seconds: Double) {
            var outlook = StepOutlook()
            outlook.answerCount = answers
            outlook.answerTokenCount = 50 * answers
            outlook.promptPosition = position
            let tokens = pacer.tokenLimit(outlook, most: 4096)
            let plan = plan(prompt: tokens - answers, at: position, answers: answers)
            let parts = plan.batch.rows.map(cost.parts).reduce(RowCost.Parts(), +)
            let seconds = heldUp * (fixed + product * parts.products + attention * parts.attention)
            pacer.learn(plan, duration: .seconds(seconds))
            return (tokens, seconds)
        }

        /// Reads a prompt and returns the seconds of its steps.
        mutating func read(_ promptCount: Int, answers: Int = 2) -> [Double] {
            var position = 0
            var seconds: [Double] = []
            while position < promptCount {
                let step = step(at: position, answers: answers)
                position += step.tokens - answers
                seconds.append(step.seconds)
            }
            return seconds
        }
    }

    private static func plan(prompt: Int, at position: Int = 0, answers: Int = 0) -> StepPlan {
        var plan = StepPlan()
        func append(_ position: Int, _ tokenCount: Int, logits: LogitUse) {
            let id = RequestID(rawValue: UInt64(plan.rows.count))
            plan.rows.append(PlannedRow(id: id, logits: logits, firstPosition: position, tokenCount: tokenCount))
            let logitCount = logits == .draw ? 1 : 0
            plan.batch.rows.append(
                ForwardRow(firstPosition: position, tokenCount: tokenCount, blockTable: [], logitCount: logitCount)
            )
            plan.batch.tokens += repeatElement(TokenID(rawValue: 0), count: tokenCount)
        }
        if prompt > 0 { append(position, prompt, logits: .none) }
        for _ in 0..<answers { append(50, 1, logits: .draw) }
        return plan
    }

    private func outlook(answers: Int, at position: Int = 0) -> StepOutlook {
        var outlook = StepOutlook()
        outlook.answerCount = answers
        outlook.promptPosition = position
        return outlook
    }

    @Test func `nobody waits, so a step may be as long as the configuration allows`() {
        var pacer = StepPacer(limit: .milliseconds(100), rowCost: Self.cost)
        pacer.learn(Self.plan(prompt: 512), duration: .seconds(2))
        #expect(pacer.tokenLimit(outlook(answers: 0), most: 512) == 512)
    }

    @Test(arguments: [5e-9, 75e-9, 150e-9], [0.3, 3.0])
    func `steps settle just below the limit, wherever they began`(product: Double, first: Double) {
        var machine = Machine(product: product, attention: 0)
        machine.pacer.learn(Self.plan(prompt: 100), duration: .seconds(100 * 20_000 * first * product))
        var seconds = 0.0
        for _ in 0..<40 { seconds = machine.step(at: 0).seconds }
        #expect((0.07...0.098).contains(seconds))
    }

    @Test func `without figures of the model a token costs what tokens did`() {
        var machine = Machine(pacer: StepPacer(limit: .milliseconds(100), rowCost: RowCost(nil)))
        for _ in 0..<20 { _ = machine.step(at: 0) }
        #expect((0.075...0.098).contains(machine.step(at: 0).seconds))
    }

    @Test(arguments: [30e-9, 75e-9, 150e-9])
    func `deep in a prompt chunks are smaller, and the next prompt begins with large ones`(attention: Double) {
        var machine = Machine(attention: attention)
        for _ in 0..<2 { _ = machine.read(3000) }
        let seconds = machine.read(3000).dropLast()
        #expect(seconds.allSatisfy { (0.07...0.1).contains($0) })
        #expect(seconds.reduce(0, +) / Double(seconds.count) > 0.078)
    }

    @Test func `more answers leave less to prompts at once`() {
        var machine = Machine()
        for _ in 0..<50 { _ = machine.step(at: 0, answers: 1) }
        for answers in [16, 1, 8] { #expect((0.07...0.1).contains(machine.step(at: 0, answers: answers).seconds)) }
    }

    @Test func `one step that was held up is forgotten, and slower ones are not`() {
        var machine = Machine()
        for _ in 0..<50 { _ = machine.step(at: 0) }
        let usual = machine.step(at: 0).tokens
        _ = machine.step(at: 0, heldUp: 3)
        #expect(machine.step(at: 0).tokens < usual * 3 / 4)
        for _ in 0..<200 { _ = machine.step(at: 0) }
        #expect(machine.step(at: 0).tokens >= usual * 9 / 10)
        for _ in 0..<9 { _ = machine.step(at: 0, heldUp: 2) }
        #expect(machine.step(at: 0, heldUp: 2).seconds <= 0.1)
    }

    @Test func `where steps vary, all but one in a hundred keep to the limit`() {
        var machine = Machine()
        var random = SeededGenerator(7)
        var beyond = 0
        for step in 0..<6000 {
            let heldUp =
                Int.random(in: 0..<20, using: &random) == 0 ? 1.25 : Double.random(in: 0.98...1.02, using: &random)
            if machine.step(at: 0, heldUp: heldUp).seconds > 0.1, step >= 1000 { beyond += 1 }
        }
        #expect(beyond <= 50)
    }

    @Test func `prompts move on where even the smallest step is too long, and answers are always in it`() {
        var pacer = StepPacer(limit: .milliseconds(10), rowCost: Self.cost)
        pacer.learn(Self.plan(prompt: 64), duration: .seconds(9))
        #expect(pacer.tokenLimit(outlook(answers: 20), most: 512) == 20 + StepPacer.leastPromptTokens)
        #expect(pacer.tokenLimit(outlook(answers: 20), most: 24) == 24)
    }

    @Test func `steps that read little of a prompt teach nothing, however many tokens they draw`() {
        var pacer = StepPacer(limit: .milliseconds(100), rowCost: Self.cost)
        let before = pacer.tokenLimit(outlook(answers: 1), most: 512)
        pacer.learn(Self.plan(prompt: 0, answers: 1), duration: .seconds(1))
        pacer.learn(Self.plan(prompt: 0, answers: 64), duration: .milliseconds(1))
        pacer.learn(Self.plan(prompt: 3, answers: 17), duration: .milliseconds(1))
        #expect(pacer.tokenLimit(outlook(answers: 1), most: 512) == before)
    }

    @Test func `a prompt whose log probabilities are wanted is read in smaller chunks`() {
        var machine = Machine()
        for _ in 0..<50 { _ = machine.step(at: 0) }
        var scoring = outlook(answers: 2)
        let usual = machine.pacer.tokenLimit(scoring, most: 512)
        scoring.scoresPrompt = true
        #expect(machine.pacer.tokenLimit(scoring, most: 512) < usual)
    }
}

extension DecoderCosts {
    /// The same with attention on integers.
    fileprivate var withIntegerAttention: DecoderCosts {
        var costs = self
        costs.hasIntegerAttention = true
        return costs
    }
}
