import Deployments
import OpenAIAPI
import Testing
import Tokenization

@testable import Serving

@Suite struct AnswerCollectorTests {
    @Test func `the best answers to a prompt are those with the highest mean log probability`() {
        var collector = AnswerCollector(promptCount: 2, choiceCount: 3)
        let likelihoods: [[[Float]]] = [[[-1, -3], [-0.5], [-1, -1, -1]], [[-2], [], [-4]]]
        for (prompt, answers) in likelihoods.enumerated() {
            for (choice, tokens) in answers.enumerated() {
                let logprobs = tokens.map { TextLogprob(token: TokenID(1), text: "a", bytes: [0x61], logprob: $0) }
                collector.take(
                    .text(choice: choice, delta: "\(prompt)\(choice)", tokens: [], logprobs: logprobs),
                    prompt: prompt
                )
            }
        }
        collector.keepBest(2)
        #expect(collector.answers.map(\.text) == ["01", "02", "10", "12"])
    }
}
