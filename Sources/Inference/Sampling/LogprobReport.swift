import Foundation
package import Tokenization

/// The model's own log probabilities at one place, before anything changes the logits.
struct LogprobReport {
    /// ln Σ e^logit.
    private let logNormalizer: Double
    private let alternatives: [TokenLogprob]

    /// Reads `logits` and finds the `count` likeliest tokens.
    init(
        _ logits: UnsafeBufferPointer<Float>,
        count: Int,
        scratch: inout SamplerScratch
    ) throws(SamplingFailure) {
        let peak = try scratch.blockMaxima.scan(logits)
        let sum = scratch.weigh(logits, peak: peak, factor: 1)
        logNormalizer = Double(peak) + Foundation.log(sum)
        alternatives = Self.likeliest(count, logits, logNormalizer, &scratch)
    }

    /// The report for the token at `index` of the same `logits`.
    func logprobs(of index: Int, in logits: UnsafeBufferPointer<Float>) -> TokenLogprobs {
        let logit = logits[index]
        return TokenLogprobs(
            token: TokenID(index),
            logprob: Float(Double(logit) - logNormalizer),
            rank: logits.reduce(1) { $0 + ($1 > logit ? 1 : 0) },
            alternatives: alternatives
        )
    }

    private static func likeliest(
        _ count: Int,
        _ logits: UnsafeBufferPointer<Float>,
        _ logNormalizer: Double,
        _ scratch: inout SamplerScratch
    ) -> [TokenLogprob] {
        if count < 1 { return [] }
        let bound = scratch.blockMaxima.bound(reachedBy: count, &scratch.weights)
        var candidates: [Candidate] = []
        scratch.blockMaxima.forEach(atLeast: bound, in: logits) { index, logit in
            candidates.append(Candidate(token: Int32(index), logit: logit, weight: 0, key: -logit))
        }
        PartialOrder.keepPrefix(&candidates, reaching: Double(count)) { _ in 1 }
        candidates.sort { $0.precedes($1) }
        return candidates.map { candidate in
            TokenLogprob(token: TokenID(Int(candidate.token)), logprob: Float(Double(candidate.logit) - logNormalizer))
        }
    }
}

extension SamplerScratch {
    /// Log probabilities of a token that stands in the prompt already.
    ///
    /// - Parameters:
    ///   - token: the prompt's token at the place that `logits` predict.
    ///   - count: alternatives to report.
    package mutating func promptLogprobs(
        of token: TokenID,
        in logits: UnsafeMutableBufferPointer<Float>,
        count: Int
    ) throws(SamplingFailure) -> TokenLogprobs {
        let row = UnsafeBufferPointer(logits)
        let report = try LogprobReport(row, count: count, scratch: &self)
        return report.logprobs(of: Int(token.rawValue), in: row)
    }
}
