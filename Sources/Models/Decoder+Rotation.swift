import Checkpoints
import Tensors

extension Decoder {
    /// The rotary tables of the global layers and of those with a base of their own.
    static func rotations(
        _ configuration: ModelConfiguration,
        divisors: [Float]?,
        positionCount: Int
    ) throws(ModelError) -> (global: RotaryTable, local: RotaryTable) {
        let rope = configuration.rope
        func table(_ base: Float, _ scaling: RotaryScaling, _ divisors: [Float]?) throws(ModelError) -> RotaryTable {
            let frequencies = RotaryFrequencies(
                dimensionCount: rope.dimensionCount,
                base: Double(base),
                scaling: try frequencyScaling(scaling, configuration),
                divisors: divisors
            )
            let pairing: RotaryPairing = rope.pairing == .adjacent ? .adjacent : .halves
            return RotaryTable(frequencies, pairing: pairing, positionCount: positionCount)
        }
        let global = try table(rope.base, rope.scaling, divisors)
        guard let localBase = rope.localBase else { return (global, global) }
        return (global, try table(localBase, rope.localScaling, nil))
    }

    private static func frequencyScaling(
        _ scaling: RotaryScaling,
        _ configuration: ModelConfiguration
    ) throws(ModelError) -> RotaryFrequencyScaling {
        switch scaling {
        case .none: return .none
        case .linear(let factor): return .linear(factor: Double(factor))
        case .llama3(let factor, let low, let high, let original):
            return .llama3(
                factor: Double(factor),
                lowFrequencyFactor: Double(low),
                highFrequencyFactor: Double(high),
                originalContextLength: original
            )
        case .yarn(let yarn):
            return .yarn(
                Tensors.YarnScaling(
                    factor: Double(yarn.factor),
                    originalContextLength: yarn.originalContextLength,
                    betaFast: Double(yarn.betaFast),
                    betaSlow: Double(yarn.betaSlow),
                    attentionFactor: Double(yarn.attentionFactor)
                )
            )
        case .unsupported(let name):
            throw .unsupportedSetting(
                name: "rope_scaling",
                value: name,
                architecture: configuration.architecture
            )
        }
    }
}
