package import Tensors
package import Tokenization

/// Draws one sequence's tokens from the model's logits.
///
/// The order is: repetition, frequency and presence penalty, logit bias, minimum length, constraint, temperature, top-k,
/// typical, top-p, min-p, draw. `docs/sampling.md` says where it agrees with others. Each draw takes its random number
/// from the seed and the token's place in the answer alone, so neither batch mates nor a preemption change an answer.
package struct Sampler: Sendable {
    private let parameters: SamplingParameters
    private let logprobCount: Int?
    private let endingTokens: Set<TokenID>
    private let minTokens: Int
    private let random: SamplingRandom
    private var penalties: Penalties
    private var constraint: (any TokenConstraint)?
    private var outputCount = 0

    /// A sampler at the start of the request's answer.
    package init(_ request: GenerationRequest) {
        parameters = request.sampling
        logprobCount = request.logprobCount
        endingTokens = request.endingTokens
        minTokens = request.minTokens
        random = SamplingRandom(seed: request.sampling.seed ?? .random(in: .min ... .max))
        penalties = Penalties(request.sampling, prompt: request.prompt)
        constraint = request.constraint
    }

    /// Hands the constraint out, if there is one and it is worth preparing; nothing may be drawn until it is back.
    mutating func lendConstraint() -> (any TokenConstraint)? {
        guard constraint?.isWorthPreparing == true else { return nil }
        defer { constraint = nil }
        return constraint
    }

    mutating func takeBack(_ constraint: any TokenConstraint) { self.constraint = constraint }

    /// Draws the next token and takes note of it.
    ///
    /// - Parameters:
    ///   - logits: `[vocabulary]`, the model's own; overwritten.
    ///   - scratch: reused from call to call, for any sequence.
    package mutating func draw(
        from logits: UnsafeMutableBufferPointer<Float>,
        scratch: inout SamplerScratch
    ) throws(SamplingFailure) -> (token: TokenID, logprobs: TokenLogprobs?) {
        var report: LogprobReport?
        if let logprobCount {
            scratch.keep(logits)
            report = try LogprobReport(UnsafeBufferPointer(logits), count: logprobCount, scratch: &scratch)
        }
        penalties.apply(to: logits)
        // An answer that cannot go on ends, however short it is.
        if outputCount < minTokens, constraint?.mustEnd != true { forbidEnd(in: logits) }
        let endings = endingTokens
        constraint?.restrict(logits, endingTokens: endings)
        let index = try choose(UnsafeBufferPointer(logits), scratch: &scratch)
        penalties.append(TokenID(index))
        constraint?.take(TokenID(index))
        outputCount += 1
        let logprobs = report.map { report in
            scratch.withKept { report.logprobs(of: index, in: $0) }
        }
        return (TokenID(index), logprobs)
    }

    private func forbidEnd(in logits: UnsafeMutableBufferPointer<Float>) {
        // A tokenizer may know tokens the model has no logits for.
        for token in endingTokens where logits.indices.contains(Int(token.rawValue)) {
            logits[Int(token.rawValue)] = -.infinity
        }
    }

    private func choose(
        _ logits: UnsafeBufferPointer<Float>,
        scratch: inout SamplerScratch
    ) throws(SamplingFailure) -> Int {
        let peak = try scratch.blockMaxima.scan(logits)
        if parameters.temperature < Self.greedyTemperature {
            return scratch.blockMaxima.firstIndex(of: peak, in: logits)
        }
        var distribution = Distribution(peak: peak, temperature: parameters.temperature)
        let unit = random.unit(at: outputCount)
        let isTruncated = parameters.topK > 0 || parameters.topP < 1 || parameters.minP > 0 || parameters.typicalP < 1
        if !isTruncated { return distribution.drawFromAll(logits, unit: unit, scratch: &scratch) }
        distribution.gather(logits, parameters, scratch: &scratch)
        if parameters.typicalP < 1 { distribution.keepTypical(parameters.typicalP, &scratch.candidates) }
        if parameters.topP < 1 { distribution.keepLikeliest(parameters.topP, &scratch.candidates) }
        if parameters.minP > 0 { distribution.keepAbove(parameters.minP, &scratch.candidates) }
        return distribution.draw(from: scratch.candidates, unit: unit)
    }

    /// Below it the likeliest token is as good as certain, and dividing by it could overflow.
    private static let greedyTemperature: Float = 1e-5
}

/// Why no token can be drawn from a row of logits.
package enum SamplingFailure: Error, Equatable, Sendable {
    /// A logit is NaN or +∞.
    case notFinite
    /// Every logit is -∞.
    case nothingAllowed
}

/// Memory that samplers share: one for each thread that draws.
package struct SamplerScratch: Sendable {
    var blockMaxima = BlockMaxima()
    /// `[vocabulary]`: unnormalised probabilities.
    var weights: [Float] = []
    var candidates: [Candidate] = []
    /// `[vocabulary]`: the logits before they were overwritten.
    private var kept: [Float] = []

    /// - Parameter instructionSet: what rows are read with; the bits are the same with any.
    package init(instructionSet: InstructionSet = .detected) { blockMaxima.instructionSet = instructionSet }

    /// `Exponential.weigh` into `weights`.
    mutating func weigh(_ logits: UnsafeBufferPointer<Float>, peak: Float, factor: Float) -> Double {
        let set = blockMaxima.instructionSet
        return Exponential.weigh(logits, &weights, peak: peak, factor: factor, instructionSet: set)
    }

    mutating func keep(_ logits: UnsafeMutableBufferPointer<Float>) {
        kept.removeAll(keepingCapacity: true)
        kept.append(contentsOf: logits)
    }

    func withKept<Result>(_ body: (UnsafeBufferPointer<Float>) -> Result) -> Result {
        kept.withUnsafeBufferPointer(body)
    }
}

/// Random numbers that can be computed for any place without those before it.
struct SamplingRandom: Sendable {
    private let key: UInt64

    init(seed: UInt64) { key = BitMixer.mix(seed ^ 0x5851_F42D_4C95_7F2D) }

    /// The number for the answer's token `index`, from 0 up to but not 1, in steps of 2⁻⁵³.
    func unit(at index: Int) -> Double {
        let word = BitMixer.mix(BitMixer.mix(key &+ UInt64(index) &* BitMixer.golden) ^ key)
        return Double(word >> 11) * 0x1p-53
    }
}
