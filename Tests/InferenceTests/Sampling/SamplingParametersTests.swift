import Testing
import Tokenization

@testable import Inference

@Suite struct SamplingParametersTests {
    private typealias Change = @Sendable (inout SamplingSettings) -> Void

    @Test func `the defaults and both ends of every range are accepted`() throws {
        let changes: [Change] = [
            { _ in }, { $0.temperature = 0 }, { $0.temperature = 2 }, { $0.topK = -1 }, { $0.topK = 1_000_000 },
            { $0.topP = 0 }, { $0.topP = 1 }, { $0.minP = 0 }, { $0.minP = 1 }, { $0.typicalP = 0 },
            { $0.repetitionPenalty = 0.01 }, { $0.repetitionPenalty = 10 }, { $0.presencePenalty = -2 },
            { $0.frequencyPenalty = 2 }, { $0.logitBias = [TokenID(1): -100, TokenID(2): 100] }, { $0.seed = .max },
        ]
        for change in changes {
            var settings = SamplingSettings()
            change(&settings)
            #expect(try SamplingParameters(settings).topP == settings.topP)
        }
    }

    @Test func `what is out of bounds is refused by name`() {
        let changes: [(String, Change)] = [
            ("temperature", { $0.temperature = -0.1 }), ("temperature", { $0.temperature = 2.1 }),
            ("temperature", { $0.temperature = .nan }), ("temperature", { $0.temperature = .infinity }),
            ("top_k", { $0.topK = -2 }), ("top_p", { $0.topP = 1.01 }), ("top_p", { $0.topP = -0.01 }),
            ("min_p", { $0.minP = 2 }), ("typical_p", { $0.typicalP = -1 }),
            ("repetition_penalty", { $0.repetitionPenalty = 0 }), ("repetition_penalty", { $0.repetitionPenalty = 11 }),
            ("presence_penalty", { $0.presencePenalty = 2.5 }), ("frequency_penalty", { $0.frequencyPenalty = -2.5 }),
            ("logit_bias", { $0.logitBias = [TokenID(1): 101] }), ("logit_bias", { $0.logitBias = [TokenID(1): .nan] }),
            (
                "number of tokens in logit_bias",
                { for id in 0...1_024 { $0.logitBias[TokenID(id)] = 1 } }
            ),
        ]
        for (name, change) in changes {
            var settings = SamplingSettings()
            change(&settings)
            let error = #expect(throws: SamplingParameterError.self) { try SamplingParameters(settings) }
            #expect(error?.parameter == name)
        }
    }

    @Test func `the error says what was given and what may be`() {
        var settings = SamplingSettings()
        settings.temperature = 3
        let error = #expect(throws: SamplingParameterError.self) { try SamplingParameters(settings) }
        #expect(error?.description == "temperature is 3.0, but must be from 0.0 to 2.0.")
    }
}
