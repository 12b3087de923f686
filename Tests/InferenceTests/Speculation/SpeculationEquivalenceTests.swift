import Models
import TestModels
import Testing
import Tokenization

@testable import Inference

/// The tokens, log probabilities and ends of requests are equal with and without guesses, whatever the guesses are.
@Suite struct SpeculationEquivalenceTests {
    @Test(arguments: [0, 0.2, 0.7, 1])
    func `answers equal those without guesses, however wrong the guesses are`(errorRate: Double) async throws {
        let requests = try EquivalenceTests.requests(count: 24)
        let engine = try Self.engine(OracleDrafter(requests, errorRate: errorRate))
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests { #expect(EngineTests.answer(events[request.id]!) == EngineTests.reference(request)) }
        let statistics = engine.statistics()
        #expect(statistics.draftTokens > 0)
        #expect((statistics.acceptedDraftTokens > 0) == (errorRate < 1))
        #expect(await engine.verifyIdle().isClean)
    }

    @Test(arguments: [1, 2, 3, 7, 16])
    func `answers equal those without guesses in steps of few tokens`(tokensPerStep: Int) async throws {
        let requests = try EquivalenceTests.requests(count: 24)
        let engine = try Self.engine(OracleDrafter(requests, errorRate: 0.2), tokensPerStep: tokensPerStep)
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests { #expect(EngineTests.answer(events[request.id]!) == EngineTests.reference(request)) }
        #expect(await engine.verifyIdle().isClean)
    }

    @Test(arguments: [26, 30, 40])
    func `answers equal those without guesses when requests are preempted`(blockCount: Int) async throws {
        let requests = try EquivalenceTests.requests(count: 24)
        let drafter = OracleDrafter(requests, errorRate: 0.2)
        let engine = try Self.engine(drafter, blockCount: blockCount, tokensPerStep: 24, maxRunning: 12)
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests { #expect(EngineTests.answer(events[request.id]!) == EngineTests.reference(request)) }
        #expect(engine.statistics().preemptions > 0)
        #expect(engine.statistics().acceptedDraftTokens > 0)
        #expect(await engine.verifyIdle().isClean)
    }

    @Test func `log probabilities and usage are those without guesses`() async throws {
        var requests = try EquivalenceTests.requests(count: 8)
        for index in requests.indices {
            requests[index].logprobCount = 3
            requests[index].promptLogprobCount = index % 2 == 0 ? 2 : nil
        }
        let plain = try EngineTests.engine()
        let engine = try Self.engine(OracleDrafter(requests, errorRate: 0.2))
        let expected = try await EngineTests.together(requests, on: plain)
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests {
            #expect(
                EquivalenceTests.comparable(events[request.id]!) == EquivalenceTests.comparable(expected[request.id]!)
            )
        }
        #expect(engine.statistics().acceptedDraftTokens > 0)
        #expect(engine.statistics().generatedTokens == plain.statistics().generatedTokens)
    }

    @Test func `a token that ends the answer ends it inside a run of right guesses`() async throws {
        for place in 1..<20 {
            var stopping = request(1, tokens(5, 6), maxTokens: 40)
            let free = EngineTests.reference(stopping)
            stopping.stopTokens = [free[place]]
            let drafter = OracleDrafter([stopping], errorRate: 0)
            let events = try await EngineTests.events(stopping, on: try Self.engine(drafter))
            let length = free.firstIndex(of: free[place])!
            #expect(EngineTests.answer(events) == Array(free[..<length]))
            let usage = GenerationUsage(promptTokens: 2, completionTokens: length + 1)
            #expect(events.last == .finished(.stop(free[place]), usage))
        }
    }

    @Test(arguments: 1...20)
    func `the longest answer allowed ends inside a run of right guesses`(maxTokens: Int) async throws {
        let bounded = request(1, tokens(5, 6), maxTokens: maxTokens)
        // The guesses go on beyond the end.
        let drafter = OracleDrafter([request(1, tokens(5, 6), maxTokens: 60)], errorRate: 0)
        let events = try await EngineTests.events(bounded, on: try Self.engine(drafter))
        #expect(EngineTests.answer(events) == EngineTests.reference(bounded))
        let usage = GenerationUsage(promptTokens: 2, completionTokens: maxTokens)
        #expect(events.last == .finished(.length, usage))
    }

    @Test func `the minimum length holds inside a run of right guesses`() async throws {
        var patient = request(1, tokens(5, 6), maxTokens: 30)
        patient.stopTokens = Set(EngineTests.reference(patient))
        patient.minTokens = 12
        let plain = try await EngineTests.events(patient, on: EngineTests.engine())
        let engine = try Self.engine(OracleDrafter([patient], errorRate: 0))
        #expect(try await EngineTests.events(patient, on: engine) == plain)
    }

    @Test func `a cancelled request leaves nothing behind`() async throws {
        let long = request(1, tokens(1), maxTokens: 250)
        let engine = try Self.engine(OracleDrafter([long], errorRate: 0.1))
        var iterator = try await engine.submit(long).makeAsyncIterator()
        _ = await iterator.next()
        _ = await iterator.next()
        await engine.cancel(RequestID(1))
        var received: [TokenID] = []
        while let event = await iterator.next() {
            if case .token(let token, _) = event { received.append(token) }
        }
        #expect(EngineTests.reference(long).dropFirst().starts(with: received))
        #expect(await engine.verifyIdle().isClean)
    }

    @Test func `blocks that guessed tokens filled are found by others only with the right content`() async throws {
        let requests = try EquivalenceTests.requests(count: 12)
        let engine = try Self.engine(OracleDrafter(requests, errorRate: 0.3), blockCount: 512)
        let first = try await EngineTests.together(requests, on: engine)
        for var request in requests {
            // Prompt and answer of the first run, so that blocks filled while answering are hit.
            request.prompt += EngineTests.answer(first[request.id]!)
            request.id = RequestID(request.id.rawValue + 100)
            let events = try await EngineTests.events(request, on: engine)
            #expect(EngineTests.answer(events) == EngineTests.reference(request))
            // The answer's last token was never an input.
            #expect(events.first == .started(cachedTokenCount: (request.prompt.count - 1) / 4 * 4))
        }
    }

    @Test func `a text that repeats itself is guessed from itself, in fewer steps`() async throws {
        let repeating = request(1, tokens(1, 2, 3), maxTokens: 200)
        let plain = try Engine(model: Self.forgetfulModel(), configuration: Self.configuration())
        let engine = try Engine(
            model: Self.forgetfulModel(),
            drafter: LookupDrafter(),
            configuration: Self.configuration()
        )
        let expected = try await EngineTests.events(repeating, on: plain)
        #expect(try await EngineTests.events(repeating, on: engine) == expected)
        #expect(plain.statistics().steps == 200)
        #expect(engine.statistics().steps < 60)
        #expect(engine.statistics().generatedTokens == 200)
    }

    private static func engine(
        _ drafter: sending OracleDrafter,
        blockCount: Int = 128,
        tokensPerStep: Int = 512,
        maxRunning: Int = 64
    ) throws -> Engine {
        try Engine(
            model: ScriptedModel(vocabularySize: 64, contextLength: 256),
            drafter: drafter,
            configuration: configuration(blockCount, tokensPerStep, maxRunning)
        )
    }

    private static func configuration(
        _ blockCount: Int = 128,
        _ tokensPerStep: Int = 512,
        _ maxRunning: Int = 64
    ) throws -> EngineConfiguration {
        try EngineConfiguration(
            cacheSize: .blocks(blockCount),
            blockSize: 4,
            limits: StepLimits(tokensPerStep: tokensPerStep, maxRunning: maxRunning)
        )
    }

    /// A model that remembers two tokens only, so that its greedy answers soon repeat themselves.
    private static func forgetfulModel() -> ScriptedModel {
        ScriptedModel(vocabularySize: 6, contextLength: 256) { tokens, logits in
            ScriptedModel.hashed(tokens.suffix(2), logits)
        }
    }
}

/// Guesses the true answers of known requests, with errors at random places.
final class OracleDrafter: Drafter {
    let tokenCost = 0.0
    private let texts: [RequestID: [TokenID]]
    private let errorRate: Double
    private var random = SeededGenerator(11)

    /// Knows what the hashed model answers.
    convenience init(_ requests: [GenerationRequest], errorRate: Double) {
        let texts = requests.reduce(into: [:]) { $0[$1.id] = $1.prompt + EngineTests.reference($1) }
        self.init(texts: texts, errorRate: errorRate)
    }

    /// - Parameter texts: prompt and answer of each request.
    init(texts: [RequestID: [TokenID]], errorRate: Double) {
        self.texts = texts
        self.errorRate = errorRate
    }

    func appendDrafts(for wishes: [DraftWish], to drafts: inout [Draft]) {
        for wish in wishes {
            let rest = texts[wish.id, default: []].dropFirst(wish.tokens.count).prefix(wish.limit)
            let guesses = rest.map { token in
                Double.random(in: 0..<1, using: &random) < errorRate ? TokenID((Int(token.rawValue) + 1) % 64) : token
            }
            drafts.append(Draft(tokens: guesses, evidence: .longMatch))
        }
    }

    func forget(_ id: RequestID) {}
}
