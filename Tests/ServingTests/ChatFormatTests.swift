import Deployments
import JSON
import OpenAIAPI
import Testing
import Tokenization

@testable import Serving

@Suite struct ChatFormatTests {
    /// How an answer's only call and the answer itself end, and what is told of it.
    struct Ending: Sendable, CustomTestStringConvertible {
        /// nil for a call whose end nobody told.
        var callIsComplete: Bool?
        var finish: TextFinish
        /// Why it ended; nil when it stopped to have the call made.
        var reason: String?
        var stop: JSONValue?

        var testDescription: String { "\(String(describing: callIsComplete)), \(finish)" }
    }

    private static let endings = [
        Ending(callIsComplete: true, finish: .endOfSequence),
        Ending(callIsComplete: true, finish: .stopToken(TokenID(7)), stop: 7),
        Ending(callIsComplete: true, finish: .stopString("3"), reason: "stop", stop: "3"),
        Ending(callIsComplete: false, finish: .stopString("3"), reason: "stop", stop: "3"),
        Ending(callIsComplete: nil, finish: .stopString("3"), reason: "stop", stop: "3"),
        Ending(callIsComplete: false, finish: .stopToken(TokenID(7)), reason: "stop", stop: 7),
        Ending(callIsComplete: false, finish: .endOfSequence, reason: "stop"),
        Ending(callIsComplete: false, finish: .length, reason: "length"),
    ]

    @Test(arguments: endings, [false, true])
    func `an answer stops for its calls only where they are whole, streamed and in one piece`(
        ending: Ending,
        isLegacy: Bool
    ) {
        var options = AnswerOptions(GenerationFields(), model: "m", reportsLogprobs: false)
        options.callsAreLegacy = isLegacy
        let header = ResponseHeader(id: "x", created: 0, model: "m")
        var format = ChatFormat(header: header, options: options, promptTokens: [], makeID: { "1" })
        var answers = AnswerCollector(promptCount: 1, choiceCount: 1)
        var chunks: [JSONValue] = []
        for event in events(ending) {
            answers.take(event, prompt: 0)
            chunks += format.chunks(for: event, prompt: 0)
        }
        let whole = format.whole(answers, RunTiming(waiting: .zero, prefill: .zero, decode: .zero))["choices"]?[0]
        let reason = ending.reason ?? (isLegacy ? "function_call" : "tool_calls")
        for choice in [whole, chunks.last?["choices"]?[0]] {
            #expect(choice?["finish_reason"]?.stringValue == reason)
            #expect(choice?["stop_reason"] == ending.stop)
        }
        #expect(whole?["message"]?[isLegacy ? "function_call" : "tool_calls"] != nil)
    }

    private func events(_ ending: Ending) -> [TextEvent] {
        var events: [TextEvent] = [
            .part(choice: 0, .callStart(index: 0, name: "f")), .part(choice: 0, .callArguments(index: 0, "{\"a\"")),
        ]
        if let isComplete = ending.callIsComplete {
            events.append(.part(choice: 0, .callEnd(index: 0, isComplete: isComplete)))
        }
        return events + [.finished(choice: 0, ending.finish)]
    }
}
