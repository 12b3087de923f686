import Models
import Testing

@testable import Inference

@Suite struct StepOutlookTests {
    @Test func `answers are counted once they have begun, and the deepest prompt says where reading goes on`() throws {
        var scheduler = try SchedulerTests.scheduler(blockCount: 40)
        try scheduler.submit(request(1, tokens(1, 2), maxTokens: 9))
        #expect(scheduler.outlook == StepOutlook())
        _ = SchedulerTests.run(&scheduler, steps: 2)
        #expect(scheduler.outlook.answerCount == 1)
        #expect(scheduler.outlook.answerTokenCount == 4)
        try scheduler.submit(request(2, tokens(from: 100, count: 30)))
        #expect(scheduler.outlook.promptPosition == 0)
        _ = SchedulerTests.run(&scheduler, steps: 2)
        #expect(scheduler.outlook.answerCount == 1)
        #expect(scheduler.outlook.promptPosition == 14)
        #expect(!scheduler.outlook.scoresPrompt)
    }

    @Test func `a newcomer is read from where its hits end`() throws {
        var scheduler = try SchedulerTests.scheduler(blockCount: 40)
        let prompt = tokens(from: 100, count: 16)
        try scheduler.submit(request(1, prompt, maxTokens: 1))
        try scheduler.submit(request(2, tokens(1, 2), maxTokens: 20))
        _ = SchedulerTests.run(&scheduler, steps: 4)
        try scheduler.submit(request(3, prompt + tokens(from: 200, count: 9)))
        #expect(scheduler.outlook.answerCount == 1)
        #expect(scheduler.outlook.promptPosition == 16)
        var scored = request(4, tokens(from: 300, count: 9))
        scored.promptLogprobCount = 0
        scored.priority = -1
        try scheduler.submit(scored)
        #expect(scheduler.outlook.promptPosition == 0)
        #expect(scheduler.outlook.scoresPrompt)
    }
}
