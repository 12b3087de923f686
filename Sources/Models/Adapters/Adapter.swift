import Tensors

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
///
/// Unchecked: addresses that are written in `init` only.
package final class Adapter: @unchecked Sendable {
    /// Names the content: adapters that differ have different fingerprints, and share no cached blocks.
    package let fingerprint: String
    /// Bytes of the factors and weights in memory.
    package let byteCount: Int
    /// Numbers in the factors that every token meets, a mix's parts' among them.
    let tokenFactors: FactorCount
    /// The same of those that only tokens with logits meet: behind the last layer's cache.
    let logitFactors: FactorCount
    /// `[vocabulary, width]`: what tokens are looked up in; nil for the model's.
    let embedding: PackedMatrix?
    /// `[vocabulary, width]`: the output projection; nil for the model's.
    let head: PackedMatrix?
    /// `[layers][products]`.
    private let layers: [[LowRankProduct?]]
    /// `[layers · products]`: what steps need of them, without a reference to count.
    let parts: UnsafeBufferPointer<LowRankParts?>

    /// - Parameters:
    ///   - layers: `[layers][AdaptedProduct.allCases]`; nil where nothing is changed.
    ///   - byteCount: of all factors.
    ///   - weights: what stands in the place of the model's embedding and output projection.
    init(fingerprint: String, layers: [[LowRankProduct?]], byteCount: Int, weights: WholeWeights = WholeWeights()) {
        precondition(
            layers.allSatisfy { $0.count == AdaptedProduct.allCases.count },
            "Adapter: a layer without all of its products"
        )
        self.fingerprint = fingerprint
        self.layers = layers
        parts = Self.parts(of: layers)
        (tokenFactors, logitFactors) = Self.factorCounts(of: layers)
        self.byteCount = byteCount + (weights.embedding?.byteCount ?? 0) + (weights.ownHead?.byteCount ?? 0)
        embedding = weights.embedding
        head = weights.head
    }

    /// Weights that an adapter brings whole.
    struct WholeWeights {
        var embedding: PackedMatrix?
        /// The embedding itself where both are one.
        var head: PackedMatrix?

        /// The head where it takes memory of its own.
        var ownHead: PackedMatrix? { head === embedding ? nil : head }
    }

    /// Whether it replaces weights of the model whole, which cannot be scaled or added up.
    package var replacesWeights: Bool { embedding != nil || head != nil }

    /// The sum of several adapters of one decoder, each multiplied by a scale. It keeps their factors where they are.
    ///
    /// The order in which they are given changes nothing.
    package init(mixing parts: [(adapter: Adapter, scale: Float)]) {
        let parts = parts.sorted { ($0.adapter.fingerprint, $0.scale) < ($1.adapter.fingerprint, $1.scale) }
        precondition(Set(parts.map(\.adapter.layerCount)).count == 1, "Adapter: a mix of adapters of several decoders")
        precondition(!parts.contains { $0.adapter.replacesWeights }, "Adapter: a mix with whole weights")
        (embedding, head) = (nil, nil)
        fingerprint = "mix" + parts.map { " \($0.scale.bitPattern) \($0.adapter.fingerprint)" }.joined()
        byteCount = 0
        let layers = parts[0].adapter.layers.indices.map { layer in
            AdaptedProduct.allCases.map { product in
                LowRankProduct(
                    mixing: parts.compactMap { part in
                        part.adapter.change(of: product, layer: layer).map { (product: $0, scale: part.scale) }
                    }
                )
            }
        }
        self.layers = layers
        self.parts = Self.parts(of: layers)
        (tokenFactors, logitFactors) = Self.factorCounts(of: layers)
    }

    deinit { parts.deallocate() }

    /// Numbers in factors, of codes and exact ones.
    struct FactorCount {
        var codes = 0
        var exact = 0

        init(_ products: some Sequence<LowRankProduct?>) {
            for case .some(let product) in products {
                codes += product.factorCount(.int5) + product.factorCount(.int6)
                exact += product.factorCount(.exact)
            }
        }
    }

    private static func factorCounts(of layers: [[LowRankProduct?]]) -> (FactorCount, FactorCount) {
        let last = layers.last ?? []
        let beforeCache = AdaptedProduct.attentionOutput.rawValue
        let everywhere = layers.dropLast().joined() + last.prefix(beforeCache)
        return (FactorCount(everywhere), FactorCount(last.dropFirst(beforeCache)))
    }

    private static func parts(of layers: [[LowRankProduct?]]) -> UnsafeBufferPointer<LowRankParts?> {
        let memory = UnsafeMutableBufferPointer<LowRankParts?>.allocate(
            capacity: layers.count * AdaptedProduct.allCases.count
        )
        _ = memory.initialize(fromContentsOf: layers.flatMap { $0.map { $0?.parts } })
        return UnsafeBufferPointer(memory)
    }

    /// Highest rank of a matrix's change in a mix of those.
    package static func rank(mixing parts: [(adapter: Adapter, scale: Float)]) -> Int {
        let layerCount = parts.map(\.adapter.layerCount).min() ?? 0
        var highest = 0
        for layer in 0..<layerCount {
            for product in AdaptedProduct.allCases {
                let products = parts.compactMap { $0.adapter.change(of: product, layer: layer) }
                highest = max(highest, LowRankProduct.rank(mixing: products))
            }
        }
        return highest
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
