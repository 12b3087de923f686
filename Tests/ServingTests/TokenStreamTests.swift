import Deployments
import JSON
import OpenAIAPI
import Testing
import Tokenization

@testable import Serving

@Suite struct TokenStreamTests {
    private let timing = RunTiming(waiting: .zero, prefill: .zero, decode: .zero)

    @Test func `all that is ready leaves in one write`() async {
        let stream = makeStream()
        stream.open()
        for letter in ["a", "b", "c"] {
            stream.take(.text(choice: 0, delta: letter, tokens: [TokenID(1)], logprobs: []), prompt: 0)
        }
        stream.take(.finished(choice: 0, .endOfSequence), prompt: 0)
        stream.take(.usage(TextUsage(promptTokenCount: 1, completionTokenCount: 3)), prompt: 0)
        stream.close(interruption: nil, timing: timing)
        var writes: [[UInt8]] = []
        for await _ in stream.readiness {
            writes.append(stream.beginWrite())
            stream.endWrite()
        }
        #expect(writes.count == 1)
        let events = String(decoding: writes[0], as: UTF8.self).split(separator: "\n\n")
        #expect(events.count == 6)
        #expect(events.last == "data: [DONE]")
    }

    @Test func `a stream that ends early says why`() {
        let broken = makeStream()
        broken.take(.failed("The weights are damaged."), prompt: 0)
        broken.close(interruption: nil, timing: timing)
        #expect(
            text(broken)
                == #"data: {"error":{"message":"The weights are damaged.","type":"server_error","param":null,"#
                + #""code":"server_error"}}"# + "\n\n"
        )
        let stopped = makeStream()
        stopped.take(.finished(choice: 0, .cancelled), prompt: 0)
        stopped.close(interruption: .draining, timing: timing)
        #expect(text(stopped).contains(#""code":"server_shutting_down""#))
    }

    @Test func `empty text is not worth a chunk`() {
        let stream = makeStream()
        stream.take(.text(choice: 0, delta: "", tokens: [TokenID(1)], logprobs: []), prompt: 0)
        #expect(text(stream).isEmpty)
    }

    @Test func `silence is filled, but not while a write waits`() {
        let stream = makeStream()
        _ = stream.beginWrite()
        stream.tick()
        stream.endWrite()
        #expect(text(stream).isEmpty)
        stream.tick()
        #expect(text(stream) == ": keep-alive\n\n")
    }

    @Test func `what is kept for a slow client is bounded`() {
        let stream = makeStream(limit: 1000)
        let start = ContinuousClock.now
        _ = stream.beginWrite(now: start)
        stream.take(long, prompt: 0, now: start + .seconds(2))
        #expect(!stream.isOverfull)
        stream.take(short, prompt: 0, now: start + .seconds(2))
        #expect(stream.isOverfull)
    }

    @Test func `a large event says nothing of its client`() {
        let stream = makeStream(limit: 1000)
        let start = ContinuousClock.now
        // While nothing is written, however long that lasts.
        for second in 0..<5 { stream.take(long, prompt: 0, now: start + .seconds(second)) }
        _ = stream.beginWrite(now: start + .seconds(5))
        // While it is written: a write takes its time, and one step brings the events of many prompts.
        for _ in 0..<5 { stream.take(long, prompt: 0, now: start + .seconds(5)) }
        #expect(!stream.isOverfull)
        stream.endWrite()
        stream.take(short, prompt: 0, now: start + .seconds(60))
        _ = stream.beginWrite(now: start + .seconds(60))
        stream.take(short, prompt: 0, now: start + .seconds(90))
        stream.take(short, prompt: 0, now: start + .seconds(90))
        #expect(!stream.isOverfull)
    }

    private let short = TextEvent.text(choice: 0, delta: "x", tokens: [TokenID(1)], logprobs: [])
    private let long = TextEvent.text(
        choice: 0,
        delta: String(repeating: "x", count: 1001),
        tokens: [TokenID(1)],
        logprobs: []
    )

    private func makeStream(limit: Int = 1 << 20) -> TokenStream {
        let options = AnswerOptions(GenerationFields(), model: "m", reportsLogprobs: false)
        let header = ResponseHeader(id: "x", created: 0, model: "m")
        return TokenStream(
            format: ChatFormat(header: header, options: options, promptTokens: [], makeID: { "1" }),
            answers: AnswerCollector(promptCount: 1, choiceCount: 1),
            limit: limit
        )
    }

    private func text(_ stream: TokenStream) -> String {
        defer { stream.endWrite() }
        return String(decoding: stream.beginWrite(), as: UTF8.self)
    }
}
