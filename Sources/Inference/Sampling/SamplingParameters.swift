package import Tokenization

/// Sampler settings as a caller writes them: unchecked, every default neutral.
package struct SamplingSettings: Sendable, Equatable {
    /// Divides the logits, 0 to 2; below 0.00001 the likeliest token is taken.
    package var temperature: Float = 1
    /// Keeps this many of the likeliest tokens; 0 keeps all, and so does -1, as vLLM's clients write it.
    package var topK = 0
    /// Keeps the likeliest tokens that together reach this probability, 0 to 1; 1 keeps all.
    package var topP: Float = 1
    /// Keeps tokens at least this fraction as likely as the likeliest, 0 to 1; 0 keeps all.
    package var minP: Float = 0
    /// Keeps the most typical tokens that together reach this probability, 0 to 1; 1 keeps all.
    package var typicalP: Float = 1
    /// Divides positive and multiplies negative logits of tokens in prompt or answer, above 0 up to 10; 1 is neutral.
    package var repetitionPenalty: Float = 1
    /// Subtracted from the logits of tokens in the answer, -2 to 2.
    package var presencePenalty: Float = 0
    /// Subtracted from a token's logit once per time it stands in the answer, -2 to 2.
    package var frequencyPenalty: Float = 0
    /// Added to the logits of these tokens, -100 to 100 each, for up to 1,024 tokens.
    package var logitBias: [TokenID: Float] = [:]
    /// The same seed gives the same answer to the same request; nil takes a random one.
    package var seed: UInt64?

    package init() {}
}

/// Sampler settings that have been checked.
@dynamicMemberLookup
package struct SamplingParameters: Sendable, Equatable {
    /// May be changed freely: every seed is valid.
    package var seed: UInt64? {
        get { settings.seed }
        set { settings.seed = newValue }
    }
    private var settings: SamplingSettings

    /// Takes the likeliest token at every place.
    package static let greedy = {
        var parameters = SamplingParameters()
        parameters.settings.temperature = 0
        return parameters
    }()

    /// Draws from the model's own distribution.
    package init() { settings = SamplingSettings() }

    /// Checks every setting against its bounds.
    package init(_ settings: SamplingSettings) throws(SamplingParameterError) {
        self.settings = settings
        try Self.require("temperature", settings.temperature, in: 0...2)
        try Self.require("top_k", Float(settings.topK), in: -1...Float(Int32.max))
        try Self.require("top_p", settings.topP, in: 0...1)
        try Self.require("min_p", settings.minP, in: 0...1)
        try Self.require("typical_p", settings.typicalP, in: 0...1)
        try Self.require("repetition_penalty", settings.repetitionPenalty, in: Float.leastNormalMagnitude...10)
        try Self.require("presence_penalty", settings.presencePenalty, in: -2...2)
        try Self.require("frequency_penalty", settings.frequencyPenalty, in: -2...2)
        try Self.require("number of tokens in logit_bias", Float(settings.logitBias.count), in: 0...1_024)
        for bias in settings.logitBias.values { try Self.require("logit_bias", bias, in: -100...100) }
    }

    /// Reads a setting.
    package subscript<Value>(dynamicMember path: KeyPath<SamplingSettings, Value>) -> Value { settings[keyPath: path] }

    private static func require(
        _ name: String,
        _ value: Float,
        in bounds: ClosedRange<Float>
    ) throws(SamplingParameterError) {
        // A NaN is in no range.
        if !bounds.contains(value) { throw SamplingParameterError(parameter: name, value: value, bounds: bounds) }
    }
}

/// A sampler setting outside its bounds.
package struct SamplingParameterError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The setting's name as requests spell it.
    package let parameter: String
    package let value: Float
    package let bounds: ClosedRange<Float>

    package var description: String {
        if bounds.lowerBound == .leastNormalMagnitude {
            return "\(parameter) is \(value), but must be above 0 and at most \(bounds.upperBound)."
        }
        return "\(parameter) is \(value), but must be from \(bounds.lowerBound) to \(bounds.upperBound)."
    }
}
