import Tensors

/// e to a power, one at a time and over a row.
enum Exponential {
    /// e^`x` for `x` up to 0, within 2⁻²² of its value; 0 below -87.
    ///
    /// x = n·ln 2 + r with |r| ≤ ln 2 / 2: e^r by its series to r⁷, 2ⁿ by the exponent's bits. Free of branches.
    @inline(__always)
    static func value(_ x: Float) -> Float {
        let bounded = x < -87 ? -87 : x
        // Adding 1.5 · 2²³ rounds to a whole number and leaves it in the low bits.
        let shifted = bounded * 1.442_695_04 + 12_582_912
        let whole = shifted - 12_582_912
        let rest = (bounded - whole * 0.693_359_375) + whole * 2.121_944_4e-4
        var series: Float = 1 / 5_040
        series = series * rest + 1 / 720
        series = series * rest + 1 / 120
        series = series * rest + 1 / 24
        series = series * rest + 1 / 6
        series = series * rest + 0.5
        series = series * rest + 1
        series = series * rest + 1
        let exponent = (shifted.bitPattern &- 0x4B40_0000 &+ 127) &<< 23
        return x < -87 ? 0 : series * Float(bitPattern: exponent)
    }

    /// Fills `weights` with e to the power of `(logit - peak) · factor` and returns their sum; the bits are those of `value`.
    static func weigh(
        _ logits: UnsafeBufferPointer<Float>,
        _ weights: inout [Float],
        peak: Float,
        factor: Float,
        instructionSet: InstructionSet = .detected
    ) -> Double {
        if weights.count != logits.count { weights = Array(repeating: 0, count: logits.count) }
        return weights.withUnsafeMutableBufferPointer { weights in
            instructionSet.samplingWeights(logits, into: weights, maximum: peak, factor: factor)
            return sum(UnsafeBufferPointer(weights))
        }
    }

    /// The sum of `values`: runs of 64 in single precision, those in double.
    static func sum(_ values: UnsafeBufferPointer<Float>) -> Double {
        var total = 0.0
        var start = 0
        while start + 64 <= values.count {
            var lanes = SIMD8<Float>.zero
            for offset in stride(from: start, to: start + 64, by: 8) {
                lanes += UnsafeRawPointer(values.baseAddress! + offset).loadUnaligned(as: SIMD8<Float>.self)
            }
            total += Double(lanes.sum())
            start += 64
        }
        while start < values.count {
            total += Double(values[start])
            start += 1
        }
        return total
    }
}
