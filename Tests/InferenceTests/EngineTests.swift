import Foundation
import Models
import Synchronization
import TestModels
import Testing
import Tokenization

@testable import Inference

@Suite struct EngineTests {
    @Test func `a stream starts, carries the tokens and ends with the usage`() async throws {
        let engine = try Self.engine()
        let events = try await Self.events(request(1, tokens(1, 2, 3), maxTokens: 3), on: engine)
        #expect(events.count == 5)
        #expect(events.first == .started(cachedTokenCount: 0))
        #expect(events.last == .finished(.length, GenerationUsage(promptTokens: 3, completionTokens: 3)))
        #expect(Self.answer(events) == Self.reference(request(1, tokens(1, 2, 3), maxTokens: 3)))
        #expect(await engine.verifyIdle().isClean)
    }

    @Test func `the token that ends an answer is counted but not sent`() async throws {
        let engine = try Self.engine()
        let free = Self.reference(request(1, tokens(5, 6), maxTokens: 9))
        var stopping = request(2, tokens(5, 6), maxTokens: 9)
        stopping.stopTokens = [free[3]]
        let length = free.firstIndex(of: free[3])!
        let events = try await Self.events(stopping, on: engine)
        #expect(Self.answer(events) == Array(free[..<length]))
        let usage = GenerationUsage(promptTokens: 2, completionTokens: length + 1)
        #expect(events.last == .finished(.stop(free[3]), usage))
    }

    @Test func `no ending token is drawn before the minimum length`() async throws {
        let engine = try Self.engine()
        let free = Self.reference(request(1, tokens(5, 6), maxTokens: 20))
        var stopping = request(2, tokens(5, 6), maxTokens: 20)
        stopping.endOfSequence = Set(free)
        stopping.minTokens = 5
        let events = try await Self.events(stopping, on: engine)
        #expect(Self.answer(events).prefix(5).allSatisfy { !free.contains($0) })
        #expect(Self.answer(events).count >= 5)
        stopping.id = RequestID(3)
        stopping.ignoresEndOfSequence = true
        stopping.minTokens = 0
        #expect(Self.answer(try await Self.events(stopping, on: engine)) == free)
    }

    @Test func `cancelling ends the stream with what was used`() async throws {
        let gate = StepGate()
        let engine = try Self.engine(heldAtToken: 5, by: gate)
        var iterator = try await engine.submit(request(1, tokens(1), maxTokens: 200)).makeAsyncIterator()
        _ = await iterator.next()
        _ = await iterator.next()
        try await gate.open(during: { await engine.cancel(RequestID(1)) }, on: engine)
        await engine.cancel(RequestID(1))
        var last: GenerationEvent?
        while let event = await iterator.next() { last = event }
        guard case .finished(.cancelled, let usage) = last else {
            Issue.record("ended with \(String(describing: last))")
            return
        }
        #expect(usage.promptTokens == 1)
        #expect(await engine.verifyIdle().isClean)
        #expect(engine.statistics().finishedRequests == [.abort: 1])
    }

    @Test func `dropping the stream cancels the request`() async throws {
        let engine = try Self.engine()
        do { _ = try await engine.submit(request(1, tokens(1), maxTokens: 240)) }
        for await event in try await engine.submit(request(2, tokens(2), maxTokens: 240)) {
            if case .token = event { break }
        }
        // Whoever is served afterwards sees that nothing of them is left once it is alone.
        await expectSoon("an idle engine") {
            engine.statistics().runningCount + engine.statistics().waitingCount == 0
        }
        #expect(await engine.verifyIdle().isClean)
    }

    @Test func `a shutdown lets requests finish and refuses new ones`() async throws {
        let engine = try Self.engine()
        let stream = try await engine.submit(request(1, tokens(1), maxTokens: 50))
        await engine.shutdown(gracePeriod: .seconds(60))
        await #expect(throws: SubmissionError.draining) { try await engine.submit(request(2, tokens(1))) }
        var events: [GenerationEvent] = []
        for await event in stream { events.append(event) }
        #expect(Self.answer(events).count == 50)
    }

    @Test func `a shutdown without patience fails what runs and what waits, with an event`() async throws {
        let gate = StepGate()
        let engine = try Self.engine(maxRunning: 1, heldAtToken: 5, by: gate)
        let streams = try await engine.submit([
            request(1, tokens(1), maxTokens: 250), request(2, tokens(1), maxTokens: 250),
        ])
        try await gate.open(during: { await engine.shutdown(gracePeriod: .zero) }, on: engine)
        for stream in streams {
            var last: GenerationEvent?
            for await event in stream { last = event }
            #expect(last == .failed(.engineStopped))
        }
        #expect(await engine.verifyIdle().isClean)
        await engine.shutdown(gracePeriod: .seconds(5))
    }

    @Test func `a model that yields NaN fails only the request concerned`() async throws {
        let model = ScriptedModel(vocabularySize: 16, contextLength: 64) { tokens, logits in
            ScriptedModel.hashed(tokens, logits)
            if tokens.first == TokenID(13), tokens.count > 4 { logits[2] = .nan }
        }
        let engine = try Engine(model: model, configuration: EngineConfiguration(cacheSize: .blocks(16), blockSize: 2))
        async let poisoned = Self.events(request(1, tokens(13, 1, 1), maxTokens: 9), on: engine)
        async let sound = Self.events(request(2, tokens(1, 1), maxTokens: 9), on: engine)
        #expect(try await poisoned.last == .failed(.logitsNotFinite(position: 5)))
        #expect(try await Self.answer(sound).count == 9)
        let report = await engine.verifyIdle()
        #expect(report.isClean)
        // Nobody may hit what the failed request computed.
        let again = try await Self.events(request(3, tokens(13, 1, 1), maxTokens: 1), on: engine)
        #expect(again.first == .started(cachedTokenCount: 0))
    }

    @Test func `a bias that forbids every token fails the request`() async throws {
        let model = ScriptedModel(vocabularySize: 2, contextLength: 64) { _, logits in
            logits[0] = -.infinity
            logits[1] = 0
        }
        let engine = try Engine(model: model, configuration: EngineConfiguration(cacheSize: .blocks(4)))
        var request = request(1, tokens(1), maxTokens: 4)
        request.endOfSequence = tokens(1).reduce(into: []) { $0.insert($1) }
        request.minTokens = 2
        #expect(try await Self.events(request, on: engine).last == .failed(.noTokenAllowed(position: 1)))
    }

    @Test func `submissions that cannot be served are refused with the reason`() async throws {
        let engine = try Self.engine()
        let cases: [(GenerationRequest, SubmissionError)] = [
            (request(1, [], maxTokens: 1), .emptyPrompt),
            (request(1, tokens(1, 64), maxTokens: 1), .tokenOutOfRange(token: 64, vocabularySize: 64)),
            (request(1, tokens(-1), maxTokens: 1), .tokenOutOfRange(token: -1, vocabularySize: 64)),
            (
                request(1, tokens(1), maxTokens: 256),
                .contextLengthExceeded(promptTokens: 1, maxTokens: 256, limit: 256)
            ),
            (
                request(1, tokens(1), maxTokens: -1),
                .limitOutOfRange(name: "max_tokens", value: -1, bounds: 0...2_147_483_647)
            ),
        ]
        for (request, expected) in cases {
            await #expect(throws: expected) { try await engine.submit(request) }
        }
        var greedyForLogprobs = request(1, tokens(1))
        greedyForLogprobs.logprobCount = 21
        await #expect(throws: SubmissionError.limitOutOfRange(name: "logprobs", value: 21, bounds: 0...20)) {
            try await engine.submit(greedyForLogprobs)
        }
        #expect(engine.statistics().refusedRequests == 6)
    }

    @Test func `an id that is in use is refused`() async throws {
        let gate = StepGate()
        let engine = try Self.engine(heldAtToken: 5, by: gate)
        let stream = try await engine.submit(request(1, tokens(1), maxTokens: 200))
        await #expect(throws: SubmissionError.duplicateRequest(RequestID(1))) {
            _ = try await gate.open(during: { try await engine.submit(request(1, tokens(1))) }, on: engine)
        }
        await engine.cancel(RequestID(1))
        for await _ in stream {}
    }

    @Test func `an engine that is dropped ends its thread and leaves no request open`() async throws {
        for _ in 0..<20 {
            var engine: Engine? = try Self.engine()
            weak let witness = engine
            let events = try await Self.events(request(1, tokens(1), maxTokens: 2), on: engine!)
            #expect(events.count == 4)
            engine = nil
            await expectSoon("the engine's end") { witness == nil }
        }
    }

    @Test func `statistics add up`() async throws {
        let engine = try Self.engine()
        let prompt = tokens(from: 0, count: 9)
        _ = try await Self.events(request(1, prompt, maxTokens: 4), on: engine)
        _ = try await Self.events(request(2, prompt, maxTokens: 4), on: engine)
        let statistics = engine.statistics()
        #expect(statistics.promptTokens == 18)
        #expect(statistics.cachedPromptTokens == 8)
        #expect(statistics.generatedTokens == 8)
        // Nine prompt tokens and three drawn ones for the first, one and three for the second.
        #expect(statistics.computedTokens == 16)
        #expect(statistics.finishedRequests == [.length: 2])
        #expect(statistics.timeToFirstToken.count == 2)
        #expect(statistics.interTokenLatency.count == 6)
        #expect(statistics.requestTime.count == 2)
        #expect(statistics.queueTime.count == 2)
        #expect(statistics.steps == statistics.stepTime.count)
        #expect(statistics.usedBlockCount == 0)
        #expect(statistics.runningCount + statistics.waitingCount == 0)
    }
}

extension EngineTests {
    /// An engine over the hashed model: 64 tokens, context 256, blocks of 4. The step in which a sequence has `heldToken`
    /// tokens waits for the gate.
    static func engine(
        blockCount: Int = 128,
        tokensPerStep: Int = 512,
        maxRunning: Int = 64,
        heldAtToken heldToken: Int = .max,
        by gate: StepGate? = nil
    ) throws -> Engine {
        try Engine(
            model: ScriptedModel(vocabularySize: 64, contextLength: 256) { tokens, logits in
                if tokens.count == heldToken { gate?.wait() }
                ScriptedModel.hashed(tokens, logits)
            },
            configuration: EngineConfiguration(
                cacheSize: .blocks(blockCount),
                blockSize: 4,
                limits: StepLimits(tokensPerStep: tokensPerStep, maxRunning: maxRunning)
            )
        )
    }

    /// Runs requests that are all queued before the first step, however busy the machine is.
    static func together(
        _ requests: [GenerationRequest],
        on engine: Engine
    ) async throws -> [RequestID: [GenerationEvent]] {
        var events: [RequestID: [GenerationEvent]] = [:]
        for (request, stream) in zip(requests, try await engine.submit(requests)) {
            for await event in stream { events[request.id, default: []].append(event) }
        }
        return events
    }

    static func events(_ request: GenerationRequest, on engine: Engine) async throws -> [GenerationEvent] {
        var events: [GenerationEvent] = []
        for await event in try await engine.submit(request) { events.append(event) }
        return events
    }

    static func answer(_ events: [GenerationEvent]) -> [TokenID] {
        events.compactMap { event in
            if case .token(let token, _) = event { return token }
            return nil
        }
    }

    /// The answer by the definition, with no engine: one token after the other, each from all before it.
    static func reference(_ request: GenerationRequest) -> [TokenID] {
        var sampler = Sampler(request)
        var scratch = SamplerScratch()
        var tokens = request.prompt
        let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: 64)
        defer { logits.deallocate() }
        for _ in 0..<request.maxTokens {
            ScriptedModel.hashed(tokens, logits)
            guard let drawn = try? sampler.draw(from: logits, scratch: &scratch) else { break }
            tokens.append(drawn.token)
        }
        return Array(tokens[request.prompt.count...])
    }
}

/// Holds a step while a call is made, so that a test knows which of the two came first.
final class StepGate: Sendable {
    private let isReached = Atomic<Bool>(false)
    private let isOpen = Atomic<Bool>(false)

    func wait() {
        isReached.store(true, ordering: .releasing)
        while !isOpen.load(ordering: .acquiring) { Thread.sleep(forTimeInterval: 0.000_1) }
    }

    func untilHeld() async {
        await expectSoon("a step that is held") { isReached.load(ordering: .acquiring) }
    }

    /// Makes `call` once the step is held, and lets the step go on once the call waits for it to end.
    func open<Answer: Sendable>(
        during call: @escaping @Sendable () async throws -> Answer,
        on engine: Engine
    ) async throws -> Answer {
        await untilHeld()
        // Before the other tests' tasks, which can keep the pool busy for longer than is waited.
        let answer = Task(priority: .high, operation: call)
        await expectSoon("a call that waits") { engine.hasWaitingCalls }
        isOpen.store(true, ordering: .releasing)
        return try await answer.value
    }
}
