import Testing
import Tokenization

@testable import Inference

@Suite struct PenaltiesTests {
    private func logits(_ values: [Float], after drawn: [TokenID], _ penalties: Penalties) -> [Float] {
        var penalties = penalties
        for token in drawn { penalties.append(token) }
        var row = values
        row.withUnsafeMutableBufferPointer { penalties.apply(to: $0) }
        return row
    }

    @Test func `repetition divides positive and multiplies negative logits of prompt and answer`() throws {
        let parameters = try SamplerTests.parameters { $0.repetitionPenalty = 2 }
        let penalties = Penalties(parameters, prompt: tokens(0, 0, 1))
        #expect(logits([4, -4, 3, -3, 5], after: tokens(2, 3, 3), penalties) == [2, -8, 1.5, -6, 5])
    }

    @Test func `frequency counts and presence does not, in the answer alone`() throws {
        let parameters = try SamplerTests.parameters {
            $0.frequencyPenalty = 0.5
            $0.presencePenalty = 1
        }
        let penalties = Penalties(parameters, prompt: tokens(0, 0, 1))
        #expect(logits([4, -4, 3, -3, 5], after: tokens(2, 3, 3), penalties) == [4, -4, 1.5, -5, 5])
    }

    @Test func `repetition comes first, then frequency and presence, then bias`() throws {
        let parameters = try SamplerTests.parameters {
            $0.repetitionPenalty = 2
            $0.frequencyPenalty = 0.25
            $0.presencePenalty = -0.5
            $0.logitBias = [TokenID(1): 3, TokenID(2): -100]
        }
        let penalties = Penalties(parameters, prompt: tokens(0))
        #expect(logits([4, 4, 4], after: tokens(1, 1), penalties) == [2, 2 - 0.5 + 0.5 + 3, -96])
    }

    @Test func `neutral settings change nothing`() throws {
        let penalties = Penalties(SamplingParameters(), prompt: tokens(0, 1))
        #expect(logits([1, -2, 3], after: tokens(0, 1, 2), penalties) == [1, -2, 3])
    }
}
