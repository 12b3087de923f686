import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How rotary frequencies are stretched for contexts longer than those of pre-training.
package enum RotaryFrequencyScaling: Sendable, Equatable {
    /// As trained.
    case none
    /// Every frequency divided by `factor` (Chen et al., arXiv:2306.15595).
    case linear(factor: Double)
    /// Long wavelengths divided by `factor`, short ones kept, a linear blend between: the reference code of Llama 3.1.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContextLength: Int)
    /// YaRN (Peng et al., arXiv:2309.00071).
    case yarn(YarnScaling)
}

/// Parameters of YaRN, with the paper's defaults.
package struct YarnScaling: Sendable, Equatable {
    /// s: new context length over the original.
    package var factor: Double
    /// L: positions of pre-training.
    package var originalContextLength: Int
    /// β: dimensions that turn more often than this over L keep their frequency.
    package var betaFast: Double
    /// α: dimensions that turn less often than this are divided by s.
    package var betaSlow: Double
    /// What cosines and sines are multiplied by; nil takes 0.1 ln s + 1, the paper's √(1/t).
    package var attentionFactor: Double?

    package init(
        factor: Double,
        originalContextLength: Int,
        betaFast: Double = 32,
        betaSlow: Double = 1,
        attentionFactor: Double? = nil
    ) {
        self.factor = factor
        self.originalContextLength = originalContextLength
        self.betaFast = betaFast
        self.betaSlow = betaSlow
        self.attentionFactor = attentionFactor
    }
}

/// Which two elements of a head are a pair.
package enum RotaryPairing: Sendable, Equatable {
    /// 2i and 2i + 1: the original paper, and GGUF files of the Llama family.
    case adjacent
    /// i and i + half: Hugging Face.
    case halves
}

/// Frequencies and factor of a rotary embedding, computed in Double.
package struct RotaryFrequencies: Sendable, Equatable {
    /// `[dimensionCount / 2]`: radians a position.
    package var perPosition: [Double]
    /// What cosines and sines are multiplied by.
    package var attentionFactor: Double

    /// θᵢ = base^(−2i/d), stretched by `scaling`, then divided by `divisors`.
    ///
    /// - Parameters:
    ///   - dimensionCount: d, elements of a head that are rotated; even.
    ///   - base: θ in checkpoints.
    ///   - scaling: how frequencies are stretched.
    ///   - divisors: `[d / 2]`, from a checkpoint that brings its own (`rope_freqs`); nil for none.
    package init(
        dimensionCount: Int,
        base: Double,
        scaling: RotaryFrequencyScaling = .none,
        divisors: [Float]? = nil
    ) {
        precondition(dimensionCount > 0 && dimensionCount % 2 == 0, "rotary: \(dimensionCount) dimensions")
        precondition(
            divisors.map { $0.count == dimensionCount / 2 } ?? true,
            "rotary: \(divisors?.count ?? 0) divisors for \(dimensionCount) dimensions"
        )
        var frequencies = (0..<dimensionCount / 2).map { pow(base, -Double(2 * $0) / Double(dimensionCount)) }
        attentionFactor = 1
        switch scaling {
        case .none: break
        case .linear(let factor): frequencies = frequencies.map { $0 / factor }
        case .llama3(let factor, let low, let high, let original):
            frequencies = frequencies.map {
                Self.llama3($0, factor: factor, low: low, high: high, originalContextLength: original)
            }
        case .yarn(let yarn):
            let ramp = Self.yarnRamp(yarn, dimensionCount: dimensionCount, base: base)
            frequencies = frequencies.enumerated().map { index, frequency in
                // The paper's h(θ) = (1 − γ) θ / s + γ θ, section 3.2; `ramp` is 1 − γ.
                frequency * (1 - ramp(index)) + frequency / yarn.factor * ramp(index)
            }
            attentionFactor = yarn.attentionFactor ?? (yarn.factor > 1 ? 0.1 * log(yarn.factor) + 1 : 1)
        }
        if let divisors { frequencies = zip(frequencies, divisors).map { $0 / Double($1) } }
        perPosition = frequencies
    }

    private static func llama3(
        _ frequency: Double,
        factor: Double,
        low: Double,
        high: Double,
        originalContextLength: Int
    ) -> Double {
        let turns = Double(originalContextLength) * frequency / (2 * .pi)
        if turns > high { return frequency }
        if turns < low { return frequency / factor }
        let smooth = (turns - low) / (high - low)
        return (1 - smooth) * frequency / factor + smooth * frequency
    }

    /// How far dimension i is interpolated, 0 to 1: a ramp over the dimensions whose turns over the original context lie
    /// between β and α. The bounds are rounded outward to whole dimensions, as in the authors' code.
    private static func yarnRamp(_ yarn: YarnScaling, dimensionCount: Int, base: Double) -> (Int) -> Double {
        func dimension(turns: Double) -> Double {
            let wavelengths = Double(yarn.originalContextLength) / (turns * 2 * .pi)
            return Double(dimensionCount) * log(wavelengths) / (2 * log(base))
        }
        let low = max(0, dimension(turns: yarn.betaFast).rounded(.down))
        var high = min(Double(dimensionCount - 1), dimension(turns: yarn.betaSlow).rounded(.up))
        if high <= low { high = low + 0.001 }
        return { min(1, max(0, (Double($0) - low) / (high - low))) }
    }
}

/// Cosines and sines of all positions seen so far; grows as positions do, since a long context would take seconds.
///
/// It belongs to the one thread that runs steps.
package final class RotaryTable {
    package let frequencies: RotaryFrequencies
    package let pairing: RotaryPairing
    /// `[positions, 2 · half]`: cosines, then sines; the first `positionCount` rows are computed.
    private var table = FloatMatrix()
    private(set) var positionCount = 0
    private let limit: Int

    /// - Parameters:
    ///   - frequencies: radians a position.
    ///   - pairing: which elements are a pair.
    ///   - positionCount: most positions that will be asked for.
    package init(_ frequencies: RotaryFrequencies, pairing: RotaryPairing, positionCount: Int) {
        precondition(positionCount > 0, "RotaryTable: \(positionCount) positions")
        self.frequencies = frequencies
        self.pairing = pairing
        limit = positionCount
    }

    /// Elements of a head that are rotated.
    package var dimensionCount: Int { 2 * frequencies.perPosition.count }

    /// The table with at least the rows `0 ..< count`.
    func prepared(positions count: Int) -> UnsafePointer<Float> {
        precondition(count <= limit, "RotaryTable: position \(count - 1) of \(limit)")
        if count > positionCount { grow(to: min(limit, (count + Self.step - 1) / Self.step * Self.step)) }
        return UnsafePointer(table.pointer)
    }

    /// Positions that are computed together: running answers wait for them, so few.
    private static let step = 64

    private func grow(to count: Int) {
        if count > table.rows {
            let larger = FloatMatrix(rows: min(limit, max(count, 2 * table.rows, 1024)), width: dimensionCount)
            larger.pointer.update(from: table.pointer, count: positionCount * dimensionCount)
            table = larger
        }
        let half = frequencies.perPosition.count
        for position in positionCount..<count {
            let row = table.pointer + position * dimensionCount
            for (index, frequency) in frequencies.perPosition.enumerated() {
                let angle = Double(position) * frequency
                row[index] = Float(cos(angle) * frequencies.attentionFactor)
                row[half + index] = Float(sin(angle) * frequencies.attentionFactor)
            }
        }
        positionCount = count
    }
}

extension Compute {
    /// Rotates the first heads of every row in place (Su et al., *RoFormer*, arXiv:2104.09864, eq. 34).
    ///
    /// - Parameters:
    ///   - x: `[tokens, headCount · headWidth + …]`.
    ///   - headCount: heads to rotate: those of queries and keys where they lie beside one another.
    ///   - headWidth: elements of a head, at least the table's `dimensionCount`; those after it stay.
    ///   - positions: `[tokens]`.
    ///   - rotation: cosines and sines.
    package func rotate(
        _ x: FloatMatrix,
        headCount: Int,
        headWidth: Int,
        _ positions: [Int32],
        _ rotation: RotaryTable
    ) {
        precondition(positions.count == x.rows, "rotate: \(positions.count) positions for \(x.rows) tokens")
        positions.withUnsafeBufferPointer { positions in
            let rotation = RotationKernel(
                x,
                headCount: headCount,
                headWidth: headWidth,
                positions,
                rotation,
                set: instructionSet.rawValue
            )
            overRows(x.rows, floatsPerRow: headCount * headWidth, rotation) { $0.pointee.run($1.rows) }
        }
    }
}

/// The rotation of the first heads of every row in place, ready to run on any thread.
struct RotationKernel {
    private let start: UnsafeMutablePointer<Float>
    private let stride: Int
    private let headCount: Int
    private let headWidth: Int
    private let rotation: ck_rotation
    private let set: Int32

    /// Parameters as those of `rotate`; `positions` must outlive the kernel.
    init(
        _ x: FloatMatrix,
        headCount: Int,
        headWidth: Int,
        _ positions: UnsafeBufferPointer<Int32>,
        _ table: RotaryTable,
        set: Int32
    ) {
        precondition(
            headCount * headWidth <= x.width && table.dimensionCount <= headWidth,
            "rotate: \(headCount) heads of \(headWidth), \(table.dimensionCount) rotated, in rows of \(x.width)"
        )
        precondition((positions.min() ?? 0) >= 0, "rotate: a position below 0")
        start = x.start
        stride = x.stride
        self.headCount = headCount
        self.headWidth = headWidth
        rotation = ck_rotation(
            table: table.prepared(positions: Int(positions.max() ?? 0) + 1),
            positions: positions.baseAddress,
            half: table.dimensionCount / 2,
            pairing: Int32(table.pairing == .halves ? ck_pairing_halves : ck_pairing_adjacent)
        )
        self.set = set
    }

    func run(_ rows: Range<Int>) {
        var part = rotation
        part.positions = rotation.positions.map { $0 + rows.lowerBound }
        ck_rotate(set, start + rows.lowerBound * stride, stride, &part, rows.count, headCount, headWidth)
    }
}
