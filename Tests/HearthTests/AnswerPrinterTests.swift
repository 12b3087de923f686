import Deployments
import Testing

@testable import hearth

/// What an answer was, when all of it has come.
@Suite struct AnswerPrinterTests {
    @Test(arguments: [
        (TextFinish.endOfSequence, "stop"), (.stopString("x"), "stop"), (.length, "length"),
        (.cancelled, "interrupted"),
    ])
    func `scripts are told how an answer ended`(finish: TextFinish, word: String) async throws {
        let answer = try await answer([
            .text(choice: 0, delta: "a", tokens: [], logprobs: []),
            .text(choice: 0, delta: "b", tokens: [], logprobs: []),
            .finished(choice: 0, finish), .usage(TextUsage(promptTokenCount: 3, completionTokenCount: 2)),
        ])
        #expect(answer.text == "ab" && answer.usage.completionTokenCount == 2)
        #expect(answer.finishReason == word && !answer.isInterrupted)
    }

    @Test func `an answer that is cut short has its account and no end`() async throws {
        let answer = try await answer([
            .text(choice: 0, delta: "a", tokens: [], logprobs: []), .usage(TextUsage(completionTokenCount: 1)),
        ])
        #expect(answer.text == "a" && answer.usage.completionTokenCount == 1)
        #expect(answer.finishReason == "interrupted")
    }

    @Test func `an answer that breaks is a failure`() async {
        await #expect(throws: GenerationFailure.self) { try await answer([.failed("no room")]) }
    }

    private func answer(_ events: [TextEvent]) async throws -> AnswerPrinter.Answer {
        let (stream, continuation) = AsyncStream.makeStream(of: TextEvent.self)
        for event in events { continuation.yield(event) }
        continuation.finish()
        return try await AnswerPrinter(isSilent: true).print(stream)
    }
}
