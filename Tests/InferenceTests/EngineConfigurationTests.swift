import Models
import Testing

@testable import Inference

@Suite struct EngineConfigurationTests {
    private let traits = ModelTraits(
        architecture: "scripted",
        vocabularySize: 8,
        contextLength: 100,
        cacheBytesPerToken: 10,
        parameterCount: 0
    )

    @Test func `bytes become whole blocks and no more than all sequences could fill`() throws {
        let limits = try StepLimits(tokensPerStep: 8, maxRunning: 3)
        func count(_ bytes: Int) throws -> Int {
            try EngineConfiguration(cacheSize: .bytes(bytes), blockSize: 32, limits: limits).blockCount(for: traits)
        }
        #expect(try count(320) == 1)
        #expect(try count(959) == 2)
        #expect(try count(1 << 30) == 12)
        #expect(throws: ConfigurationError.cacheTooSmall(bytes: 319, blockBytes: 320)) { try count(319) }
        #expect(try EngineConfiguration(cacheSize: .blocks(5)).blockCount(for: traits) == 5)
    }

    @Test func `settings that cannot work are refused by name`() {
        #expect(throws: ConfigurationError.outOfRange(name: "tokensPerStep", value: 0, bounds: 1...65_536)) {
            try StepLimits(tokensPerStep: 0)
        }
        #expect(throws: ConfigurationError.outOfRange(name: "logitRowsPerStep", value: 3, bounds: 4...65_536)) {
            try StepLimits(tokensPerStep: 8, maxRunning: 4, logitRowsPerStep: 3)
        }
        #expect(throws: ConfigurationError.outOfRange(name: "blockSize", value: 0, bounds: 1...1_024)) {
            try EngineConfiguration(cacheSize: .blocks(1), blockSize: 0)
        }
        #expect(throws: ConfigurationError.self) { try EngineConfiguration(cacheSize: .blocks(0)) }
    }
}
