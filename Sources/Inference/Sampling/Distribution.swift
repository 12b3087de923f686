import Foundation

/// A token that may still be drawn.
struct Candidate: Sendable {
    var token: Int32
    /// Its logit after penalties and bias, before temperature.
    var logit: Float
    /// Its probability, up to a factor that all candidates share.
    var weight: Float
    /// What candidates are ordered by; smaller comes first.
    var key: Float

    /// Whether it comes before `other`; among equals the lower token does.
    func precedes(_ other: Candidate) -> Bool { key < other.key || (key == other.key && token < other.token) }
}

/// The probabilities of a row of logits at a temperature, cut down step by step.
struct Distribution {
    /// The largest logit of the row.
    private let peak: Float
    private let inverseTemperature: Float
    /// The weights of everything that may still be drawn, summed.
    private var total = 0.0

    init(peak: Float, temperature: Float) {
        self.peak = peak
        inverseTemperature = 1 / temperature
    }

    private func scaled(_ logit: Float) -> Float { (logit - peak) * inverseTemperature }

    /// Draws from the whole row.
    mutating func drawFromAll(
        _ logits: UnsafeBufferPointer<Float>,
        unit: Double,
        scratch: inout SamplerScratch
    ) -> Int {
        total = scratch.weigh(logits, peak: peak, factor: inverseTemperature)
        let target = unit * total
        var reached = 0.0
        var last = 0
        for (index, weight) in scratch.weights.enumerated() where weight > 0 {
            reached += Double(weight)
            last = index
            if reached > target { break }
        }
        return last
    }

    /// Collects what the truncations may keep: the `topK` likeliest, or else a superset of what the others leave.
    mutating func gather(
        _ logits: UnsafeBufferPointer<Float>,
        _ parameters: SamplingParameters,
        scratch: inout SamplerScratch
    ) {
        let topK = parameters.topK
        let bound: Float
        if topK > 0 {
            bound = scratch.blockMaxima.bound(reachedBy: topK, &scratch.weights)
        } else {
            total = scratch.weigh(logits, peak: peak, factor: inverseTemperature)
            bound = parameters.typicalP < 1 ? -.infinity : likelyBound(parameters, vocabularySize: logits.count)
        }
        var candidates = scratch.candidates
        scratch.candidates = []
        candidates.removeAll(keepingCapacity: true)
        scratch.blockMaxima.forEach(atLeast: bound, in: logits) { index, logit in
            let weight = Exponential.value(scaled(logit))
            if logit > -.infinity {
                candidates.append(Candidate(token: Int32(index), logit: logit, weight: weight, key: -logit))
            }
        }
        if topK > 0 {
            PartialOrder.keepPrefix(&candidates, reaching: Double(topK)) { _ in 1 }
            total = candidates.reduce(0) { $0 + Double($1.weight) }
        }
        scratch.candidates = candidates
    }

    /// Keeps the candidates whose surprise is nearest to the expected one until they reach `mass`.
    ///
    /// Source: Meister et al., *Locally Typical Sampling*, arXiv:2202.00666, section 3.
    mutating func keepTypical(_ mass: Float, _ candidates: inout [Candidate]) {
        let logTotal = Foundation.log(total)
        var entropy = 0.0
        for candidate in candidates where candidate.weight > 0 {
            let surprise = logTotal - Double(scaled(candidate.logit))
            entropy += Double(candidate.weight) / total * surprise
        }
        for index in candidates.indices {
            let surprise = logTotal - Double(scaled(candidates[index].logit))
            candidates[index].key = Float(abs(surprise - entropy))
        }
        keepPrefix(mass, &candidates)
        for index in candidates.indices { candidates[index].key = -candidates[index].logit }
    }

    /// Keeps the likeliest candidates until they reach `mass`.
    ///
    /// Source: Holtzman et al., *The Curious Case of Neural Text Degeneration*, arXiv:1904.09751, section 3.1.
    mutating func keepLikeliest(_ mass: Float, _ candidates: inout [Candidate]) { keepPrefix(mass, &candidates) }

    /// Keeps candidates at least `fraction` as likely as the likeliest of them.
    ///
    /// Source: Nguyen et al., *Turning Up the Heat: Min-p Sampling*, arXiv:2407.01082, section 3.
    mutating func keepAbove(_ fraction: Float, _ candidates: inout [Candidate]) {
        let largest = candidates.reduce(0) { max($0, $1.weight) }
        candidates.removeAll { $0.weight < fraction * largest }
    }

    /// Draws from what is left.
    func draw(from candidates: [Candidate], unit: Double) -> Int {
        let target = unit * candidates.reduce(0) { $0 + Double($1.weight) }
        var reached = 0.0
        for candidate in candidates {
            reached += Double(candidate.weight)
            if reached > target { return Int(candidate.token) }
        }
        return candidates.last.map { Int($0.token) } ?? 0
    }

    private mutating func keepPrefix(_ mass: Float, _ candidates: inout [Candidate]) {
        PartialOrder.keepPrefix(&candidates, reaching: Double(mass) * total) { Double($0.weight) }
        total = candidates.reduce(0) { $0 + Double($1.weight) }
    }

    /// A logit below which neither top-p nor min-p keeps anything.
    ///
    /// Tokens lighter than (1 - p)·total / vocabulary weigh less than (1 - p)·total together, so those above reach p.
    private func likelyBound(_ parameters: SamplingParameters, vocabularySize: Int) -> Float {
        let nucleus = (1 - Double(parameters.topP)) * total / Double(vocabularySize)
        let weight = max(nucleus, Double(parameters.minP))
        if weight <= 0 { return -.infinity }
        // A little lower, so that rounding loses nobody; the cuts themselves are exact.
        return peak + (Float(Foundation.log(weight)) - 0.01) / inverseTemperature
    }
}
