import Models
import TestModels
import Testing
import Tokenization

@testable import Inference

@Suite struct ModelDrafterTests {
    @Test func `the guesses are what the draft model would say`() {
        let drafter = Self.drafter()
        let texts = [tokens(1, 2, 3), tokens(9), tokens(from: 20, count: 13)]
        let wishes = texts.enumerated().map { wish(UInt64($0), $1, limit: 2 + $0) }
        for (index, draft) in drafter.drafts(for: wishes).enumerated() {
            let answer = EngineTests.reference(request(1, texts[index], maxTokens: 2 + index))
            #expect(draft == Draft(tokens: answer, evidence: .model))
        }
    }

    @Test func `a text that goes on otherwise than guessed keeps the part that agrees`() {
        let model = ScriptedModel(vocabularySize: 64, contextLength: 256)
        let drafter = ModelDrafter(model: model, tokenCost: 0.1, blockCount: 32, blockSize: 4)
        var random = SeededGenerator(3)
        var text = tokens(from: 30, count: 10)
        for _ in 0..<30 {
            let draft = drafter.drafts(for: [wish(1, text, limit: 4)])[0]
            #expect(draft.tokens == EngineTests.reference(request(1, text, maxTokens: 4)))
            text += draft.tokens.prefix(Int.random(in: 0...4, using: &random))
            text.append(TokenID(Int.random(in: 0..<64, using: &random)))
            if text.count > 100 { break }
        }
    }

    @Test func `a long text is caught up with in chunks and guessed for afterwards`() {
        let drafter = Self.drafter(tokensPerStep: 16)
        let text = tokens(from: 0, count: 40)
        let drafts = (0..<3).map { _ in drafter.drafts(for: [wish(1, text, limit: 3)])[0].tokens }
        #expect(drafts == [[], [], EngineTests.reference(request(1, text, maxTokens: 3))])
    }

    @Test func `without a free block the text asked for longest ago is forgotten and computed again`() {
        let drafter = Self.drafter(blockCount: 8)
        let texts = (0..<4).map { tokens(from: 10 * $0, count: 10) }
        for _ in 0..<3 {
            for (index, text) in texts.enumerated() {
                let answer = EngineTests.reference(request(1, text, maxTokens: 3))
                #expect(drafter.drafts(for: [wish(UInt64(index), text, limit: 3)])[0].tokens == answer)
            }
        }
        // More at once than there are blocks for: whoever has none is not guessed for.
        let drafts = drafter.drafts(for: texts.enumerated().map { wish(UInt64($0), $1, limit: 1) })
        #expect(drafts.filter(\.tokens.isEmpty).count == 2)
        for index in 0..<4 { drafter.forget(RequestID(UInt64(index))) }
        #expect(!drafter.drafts(for: [wish(9, tokens(from: 0, count: 31), limit: 1)])[0].tokens.isEmpty)
    }

    @Test func `a draft model that says the same is right at every temperature`() async throws {
        let requests = try EquivalenceTests.requests(count: 16)
        let engine = try Engine(
            model: ScriptedModel(vocabularySize: 64, contextLength: 256),
            drafter: Self.drafter(blockCount: 256),
            configuration: EngineConfiguration(cacheSize: .blocks(256), blockSize: 4)
        )
        let events = try await EngineTests.together(requests, on: engine)
        for request in requests { #expect(EngineTests.answer(events[request.id]!) == EngineTests.reference(request)) }
        let statistics = engine.statistics()
        #expect(statistics.draftTokens > 50)
        #expect(statistics.acceptedDraftTokens == statistics.draftTokens)
    }

    private static func drafter(blockCount: Int = 64, tokensPerStep: Int = 128) -> ModelDrafter {
        ModelDrafter(
            model: ScriptedModel(vocabularySize: 64, contextLength: 256),
            tokenCost: 0.1,
            blockCount: blockCount,
            blockSize: 4,
            tokensPerStep: tokensPerStep
        )
    }
}
