package import Checkpoints
import Tensors

/// Qwen 2 and 2.5: Llama's shape with biases on q, k and v.
///
/// Source: Yang et al., *Qwen2 Technical Report*, arXiv:2407.10671.
package enum Qwen2: Architecture {
    package static let names = ["qwen2"]

    /// Names and departures, as the sources above have them.
    package static func layout(
        _ configuration: ModelConfiguration,
        format: CheckpointFormat
    ) throws(ModelError) -> DecoderLayout {
        try requireActivation(.silu, configuration)
        try refuseSlidingWindow(configuration)
        var layout = DecoderLayout(layerCount: configuration.layerCount)
        layout.requiresBias = true
        return layout
    }
}
