package import Foundation

/// Names and defaults of a deployment.
package struct DeploymentIdentity: Sendable {
    /// The name requests use.
    package var name: String
    /// Further names that mean the same deployment.
    package var aliases: [String]
    package var created: Date
    package var samplingDefaults: SamplingDefaults

    package init(
        name: String,
        aliases: [String] = [],
        created: Date = Date(),
        samplingDefaults: SamplingDefaults = SamplingDefaults()
    ) {
        self.name = name
        self.aliases = aliases
        self.created = created
        self.samplingDefaults = samplingDefaults
    }
}

/// Sampling settings a model's makers ship beside the weights (`generation_config.json`); nil where they are silent.
package struct SamplingDefaults: Sendable, Equatable {
    package var temperature: Float?
    package var topP: Float?
    package var topK: Int?
    package var minP: Float?
    package var repetitionPenalty: Float?

    package init(
        temperature: Float? = nil,
        topP: Float? = nil,
        topK: Int? = nil,
        minP: Float? = nil,
        repetitionPenalty: Float? = nil
    ) {
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
    }
}
