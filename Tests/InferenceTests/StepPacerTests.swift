import Testing

@testable import Inference

@Suite struct StepPacerTests {
    @Test func `nobody waits, so a step may be as long as the configuration allows`() {
        var pacer = StepPacer(limit: .milliseconds(100))
        pacer.learn(promptTokenCount: 512, tokenCount: 512, duration: .seconds(2))
        #expect(pacer.tokenLimit(answerCount: 0, most: 512) == 512)
    }

    @Test(arguments: [0.0001, 0.001, 0.003])
    func `steps settle just below the limit, wherever they began`(tokenCost: Double) {
        for first in [0.3, 3.0] {
            var pacer = StepPacer(limit: .milliseconds(100))
            pacer.learn(promptTokenCount: 100, tokenCount: 100, duration: .seconds(100 * first * tokenCost))
            var tokens = 0
            for _ in 0..<40 {
                tokens = pacer.tokenLimit(answerCount: 3, most: 4096)
                pacer.learn(
                    promptTokenCount: tokens,
                    tokenCount: tokens,
                    duration: .seconds(Double(tokens) * tokenCost)
                )
            }
            #expect((0.07...0.09).contains(Double(tokens) * tokenCost))
        }
    }

    @Test func `one step that was held up is forgotten, and slower ones are not`() {
        var pacer = StepPacer(limit: .milliseconds(100))
        for _ in 0..<9 { pacer.learn(promptTokenCount: 100, tokenCount: 100, duration: .milliseconds(100)) }
        let usual = pacer.tokenLimit(answerCount: 1, most: 512)
        pacer.learn(promptTokenCount: 100, tokenCount: 100, duration: .milliseconds(300))
        #expect(pacer.tokenLimit(answerCount: 1, most: 512) < usual)
        for _ in 0..<20 { pacer.learn(promptTokenCount: 100, tokenCount: 100, duration: .milliseconds(100)) }
        #expect(pacer.tokenLimit(answerCount: 1, most: 512) >= usual - 1)
        for _ in 0..<9 { pacer.learn(promptTokenCount: 100, tokenCount: 100, duration: .milliseconds(200)) }
        #expect(pacer.tokenLimit(answerCount: 1, most: 512) <= usual / 2 + 1)
    }

    @Test func `prompts move on where even the smallest step is too long, and answers are always in it`() {
        var pacer = StepPacer(limit: .milliseconds(10))
        pacer.learn(promptTokenCount: 64, tokenCount: 64, duration: .seconds(9))
        #expect(pacer.tokenLimit(answerCount: 20, most: 512) == 20 + StepPacer.leastPromptTokens)
        #expect(pacer.tokenLimit(answerCount: 20, most: 24) == 24)
    }

    @Test func `steps that read little of a prompt teach nothing, however many tokens they draw and guess`() {
        var pacer = StepPacer(limit: .milliseconds(100))
        let before = pacer.tokenLimit(answerCount: 1, most: 512)
        pacer.learn(promptTokenCount: 0, tokenCount: 1, duration: .seconds(1))
        pacer.learn(promptTokenCount: 0, tokenCount: 64, duration: .milliseconds(1))
        pacer.learn(promptTokenCount: 3, tokenCount: 20, duration: .milliseconds(1))
        #expect(pacer.tokenLimit(answerCount: 1, most: 512) == before)
    }
}
