import Foundation
import Testing
import Tokenization

@testable import Inference

@Suite struct SamplerTests {
    @Test(arguments: [1, 7, 8, 9, 63, 64, 65, 129, 1_000])
    func `greedy takes the largest logit and the lowest id among equals`(size: Int) throws {
        var random = SeededGenerator(size)
        for _ in 0..<50 {
            // Few distinct values make ties the rule.
            let logits = (0..<size).map { _ in Float(Int.random(in: -3...3, using: &random)) }
            let drawn = try Self.draw(logits, .greedy)
            #expect(drawn.token == TokenID(logits.firstIndex(of: logits.max()!)!))
        }
    }

    @Test func `temperatures next to zero are greedy and never overflow`() throws {
        for temperature: Float in [0, 1e-30, 1e-6, 1e-5, 1e-3] {
            let parameters = try Self.parameters { $0.temperature = temperature }
            for seed in 0..<20 { #expect(try Self.draw([1, 30, 29, -80], parameters, seed: seed).token == TokenID(1)) }
        }
    }

    @Test(arguments: 0..<12)
    func `draws follow the exact distribution`(index: Int) throws {
        let settings = Self.settings[index]
        var random = SeededGenerator(7)
        let logits = (0..<40).map { _ in Float.random(in: -4...3, using: &random) }
        let expected = TextbookDistribution.probabilities(logits, settings)
        var sampler = Sampler(Self.request(try SamplingParameters(settings)))
        var scratch = SamplerScratch()
        var counts = Array(repeating: 0, count: logits.count)
        let drawCount = 4_000
        for _ in 0..<drawCount {
            var row = logits
            let drawn = try row.withUnsafeMutableBufferPointer { row throws(SamplingFailure) in
                try sampler.draw(from: row, scratch: &scratch)
            }
            counts[Int(drawn.token.rawValue)] += 1
        }
        var chiSquare = 0.0
        var cellCount = 0.0
        for (count, probability) in zip(counts, expected) {
            if probability == 0 {
                #expect(count == 0, "a token that should be cut off was drawn")
                continue
            }
            let mean = probability * Double(drawCount)
            chiSquare += (Double(count) - mean) * (Double(count) - mean) / mean
            cellCount += 1
        }
        // Mean plus four standard deviations of chi-square with as many degrees of freedom.
        #expect(chiSquare < cellCount - 1 + 4 * (2 * max(cellCount - 1, 1)).squareRoot())
    }

    @Test func `the same seed gives the same draws and a draw depends on its place alone`() throws {
        let logits = (0..<100).map { Float($0 % 13) / 4 }
        let parameters = try Self.parameters { $0.seed = 42 }
        let first = try Self.draws(20, logits, parameters)
        #expect(try Self.draws(20, logits, parameters) == first)
        #expect(try Self.draws(20, logits, Self.parameters { $0.seed = 43 }) != first)
        // A row that was different at one place changes nothing after it.
        var sampler = Sampler(Self.request(parameters))
        var scratch = SamplerScratch()
        for place in 0..<20 {
            var row = place == 3 ? logits.map { -$0 } : logits
            let token = try row.withUnsafeMutableBufferPointer { row throws(SamplingFailure) in
                try sampler.draw(from: row, scratch: &scratch).token
            }
            if place != 3 { #expect(token == first[place]) }
        }
    }

    @Test func `without a seed two requests draw differently`() throws {
        let logits = Array(repeating: Float(0), count: 1_000)
        #expect(try Self.draws(10, logits, SamplingParameters()) != Self.draws(10, logits, SamplingParameters()))
    }

    @Test(arguments: [64, 100, 50_000, 262_144])
    func `what truncation keeps equals what a full sort keeps`(size: Int) throws {
        var random = SeededGenerator(size)
        // Rounded, so that ties at the cut are common.
        let logits = (0..<size).map { _ in (Float.random(in: -8...8, using: &random) * 16).rounded() / 16 }
        // The sorts of the expectation take seconds for large vocabularies, so those try less.
        for settings in Self.settings.prefix(size > 100_000 ? 2 : size > 10_000 ? 4 : 12) {
            let expected = TextbookDistribution.probabilities(logits, settings)
            let kept = try Self.kept(logits, SamplingParameters(settings))
            let support = Set(expected.indices.filter { expected[$0] > 0 }.map { Int32($0) })
            // Single precision may place the cut one token further or nearer.
            #expect(kept.symmetricDifference(support).count <= 1, "kept \(kept.count), expected \(support.count)")
        }
    }

    @Test func `logits that are no numbers are a failure and never a crash`() throws {
        for parameters in [SamplingParameters.greedy, try Self.parameters { $0.topP = 0.5 }, SamplingParameters()] {
            for place in [0, 7, 8, 63, 64, 69] {
                var logits = (0..<70).map { Float($0) }
                logits[place] = .nan
                #expect(throws: SamplingFailure.notFinite) { try Self.draw(logits, parameters) }
                logits[place] = .infinity
                #expect(throws: SamplingFailure.notFinite) { try Self.draw(logits, parameters) }
                logits = Array(repeating: -.infinity, count: 70)
                #expect(throws: SamplingFailure.nothingAllowed) { try Self.draw(logits, parameters) }
                logits[place] = -5
                #expect(try Self.draw(logits, parameters).token == TokenID(place))
            }
        }
    }

    @Test func `log probabilities are the model's own, whatever changes the logits`() throws {
        let logits: [Float] = [0.5, 2, -1, 2, 0]
        let sum = logits.reduce(0.0) { $0 + exp(Double($1)) }
        let parameters = try Self.parameters {
            $0.temperature = 0.3
            $0.topK = 1
            $0.logitBias = [TokenID(2): 50]
        }
        let logprobs = try #require(try Self.draw(logits, parameters, logprobCount: 3).logprobs)
        #expect(logprobs.token == TokenID(2))
        #expect(abs(Double(logprobs.logprob) - (-1 - log(sum))) < 1e-6)
        #expect(logprobs.rank == 5)
        #expect(logprobs.alternatives.map(\.token) == tokens(1, 3, 0))
        for alternative in logprobs.alternatives {
            let expected = Double(logits[Int(alternative.token.rawValue)]) - log(sum)
            #expect(abs(Double(alternative.logprob) - expected) < 1e-6)
        }
        #expect(try Self.draw(logits, parameters, logprobCount: 0).logprobs?.alternatives == [])
        #expect(try Self.draw(logits, parameters, logprobCount: 20).logprobs?.alternatives.count == 5)
        #expect(try Self.draw(logits, parameters).logprobs == nil)
    }

    @Test func `the likeliest alternatives of a large vocabulary are the right ones`() throws {
        var random = SeededGenerator(5)
        let logits = (0..<100_000).map { _ in Float.random(in: -9...9, using: &random) }
        let logprobs = try #require(try Self.draw(logits, .greedy, logprobCount: 20).logprobs)
        let expected = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(20).map { TokenID($0) }
        #expect(logprobs.alternatives.map(\.token) == expected)
        #expect(logprobs.rank == 1)
    }
}

extension SamplerTests {
    /// Settings that use every truncation alone and together.
    static let settings: [SamplingSettings] = {
        let changes: [@Sendable (inout SamplingSettings) -> Void] = [
            { $0.topK = 5 }, { $0.topP = 0.8 }, { $0.minP = 0.1 },
            {
                $0.topK = 200; $0.topP = 0.7
            },
            {
                $0.topP = 0.9; $0.minP = 0.05
            },
            {
                $0.temperature = 0.5; $0.topP = 0.95
            }, { $0.topP = 0 },
            { _ in }, { $0.temperature = 1.7 }, { $0.typicalP = 0.6 },
            {
                $0.topK = 20; $0.typicalP = 0.8
            },
            {
                $0.topK = 30; $0.typicalP = 0.9; $0.topP = 0.9; $0.minP = 0.2; $0.temperature = 1.3
            },
        ]
        return changes.map { change in
            var settings = SamplingSettings()
            settings.seed = 11
            change(&settings)
            return settings
        }
    }()

    static func parameters(_ change: (inout SamplingSettings) -> Void) throws -> SamplingParameters {
        var settings = SamplingSettings()
        change(&settings)
        return try SamplingParameters(settings)
    }

    static func request(_ parameters: SamplingParameters, logprobCount: Int? = nil) -> GenerationRequest {
        var request = GenerationRequest(id: RequestID(1), prompt: tokens(0), sampling: parameters, maxTokens: 1)
        request.logprobCount = logprobCount
        return request
    }

    static func draw(
        _ logits: [Float],
        _ parameters: SamplingParameters,
        seed: Int? = nil,
        logprobCount: Int? = nil
    ) throws(SamplingFailure) -> (token: TokenID, logprobs: TokenLogprobs?) {
        var parameters = parameters
        if let seed { parameters.seed = UInt64(seed) }
        var sampler = Sampler(request(parameters, logprobCount: logprobCount))
        var scratch = SamplerScratch()
        var row = logits
        return try row.withUnsafeMutableBufferPointer { row throws(SamplingFailure) in
            try sampler.draw(from: row, scratch: &scratch)
        }
    }

    static func draws(_ count: Int, _ logits: [Float], _ parameters: SamplingParameters) throws -> [TokenID] {
        var sampler = Sampler(request(parameters))
        var scratch = SamplerScratch()
        return try (0..<count).map { _ in
            var row = logits
            return try row.withUnsafeMutableBufferPointer { row throws(SamplingFailure) in
                try sampler.draw(from: row, scratch: &scratch).token
            }
        }
    }

    /// The tokens that a draw could have given.
    private static func kept(_ logits: [Float], _ parameters: SamplingParameters) throws -> Set<Int32> {
        var sampler = Sampler(request(parameters))
        var scratch = SamplerScratch()
        var row = logits
        _ = try row.withUnsafeMutableBufferPointer { row throws(SamplingFailure) in
            try sampler.draw(from: row, scratch: &scratch)
        }
        let isWhole = scratch.candidates.isEmpty
        return isWhole ? Set((0..<logits.count).map { Int32($0) }) : Set(scratch.candidates.map(\.token))
    }
}

/// Sampling as the papers define it: full sorts, double precision.
enum TextbookDistribution {
    static func probabilities(_ logits: [Float], _ settings: SamplingSettings) -> [Double] {
        let scaled = logits.map { Double($0) / Double(settings.temperature) }
        let peak = scaled.max() ?? 0
        var order = logits.indices.sorted { (-scaled[$0], $0) < (-scaled[$1], $1) }
        if settings.topK > 0 { order = Array(order.prefix(settings.topK)) }
        func normalized() -> [Int: Double] {
            let total = order.reduce(0) { $0 + exp(scaled[$1] - peak) }
            return Dictionary(uniqueKeysWithValues: order.map { ($0, exp(scaled[$0] - peak) / total) })
        }
        func keep(_ mass: Double, of probabilities: [Int: Double]) {
            var reached = 0.0
            let end = order.firstIndex { index in
                reached += probabilities[index] ?? 0
                return reached >= mass
            }
            order = Array(order.prefix((end ?? order.count - 1) + 1))
        }
        if settings.typicalP < 1 {
            let probabilities = normalized()
            let entropy = probabilities.values.reduce(0) { $0 - $1 * log($1) }
            let distance = probabilities.mapValues { abs(-log($0) - entropy) }
            order.sort { (distance[$0] ?? 0, $0) < (distance[$1] ?? 0, $1) }
            keep(Double(settings.typicalP), of: probabilities)
            order.sort { (-scaled[$0], $0) < (-scaled[$1], $1) }
        }
        if settings.topP < 1 { keep(Double(settings.topP), of: normalized()) }
        if settings.minP > 0 {
            let probabilities = normalized()
            let largest = probabilities.values.max() ?? 0
            order.removeAll { (probabilities[$0] ?? 0) < Double(settings.minP) * largest }
        }
        let final = normalized()
        return logits.indices.map { final[$0] ?? 0 }
    }
}
