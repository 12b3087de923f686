package import Tensors

/// The products of a decoder layer that an adapter can change, each with the matrices that stand in it.
package enum AdaptedProduct: Int, Sendable, CaseIterable {
    /// Query, key and value.
    case queryKeyValue
    case attentionOutput
    /// Gate and up.
    case gateUp
    case down
}

/// A low-rank adapter of a decoder, ready to compute with.
///
/// Rows of a step name the adapter that they are computed under; whoever holds one keeps its factors alive.
/// Source: Hu et al., *LoRA*, arXiv:2106.09685; rows of several in one step: Chen et al., *Punica*, arXiv:2310.18547.
package final class Adapter: Sendable {
    /// Names the content: adapters that differ have different fingerprints, and share no cached blocks.
    package let fingerprint: String
    /// Bytes of the factors in memory.
    package let byteCount: Int
    /// `[layers][products]`.
    private let layers: [[LowRankProduct?]]

    /// - Parameters:
    ///   - layers: `[layers][AdaptedProduct.allCases]`; nil where nothing is changed.
    ///   - byteCount: of all factors.
    package init(fingerprint: String, layers: [[LowRankProduct?]], byteCount: Int) {
        precondition(
            layers.allSatisfy { $0.count == AdaptedProduct.allCases.count },
            "Adapter: a layer without all of its products"
        )
        self.fingerprint = fingerprint
        self.layers = layers
        self.byteCount = byteCount
    }

    /// What a product of a layer is changed by; nil where it stays as it is.
    func change(of product: AdaptedProduct, layer: Int) -> LowRankProduct? { layers[layer][product.rawValue] }

    /// Layers of the decoder that it belongs to.
    var layerCount: Int { layers.count }
}

extension Adapter: Equatable {
    /// Whether both are the same object.
    package static func == (left: Adapter, right: Adapter) -> Bool { left === right }
}
