/// Estimates what the rows of a step cost beside each other: who is charged for which part of a step's time.
///
/// Counted are the operations that `DecoderCosts` counts: products of all tokens, those of the last layer and of the output
/// for the rows of logits, and attention, which grows with the context. Reading the weights is shared, as rows share it. An adapter's
/// factors add two operations each. Without figures of the model a row costs as much as it has tokens.
package struct RowCost: Sendable {
    /// Of one token's products.
    private var token = 1.0
    /// Of one row of logits.
    private var logits = 0.0
    /// Of a query with one key, by how far the layers see; nil sees all. Without the last layer.
    private var attention: [(reach: Int?, key: Double)] = []
    /// The same of the last layer, where rows of logits attend; nil without figures of the model.
    private var lastAttention: (reach: Int?, key: Double)?
    /// Whether there are figures of the model.
    private let isCounted: Bool

    /// How much longer an operation on floats takes than one on 8-bit integers, as the ceilings of a machine with VNNI
    /// have it (`MachineCeilings`). Where there is none, rows with long contexts pay some hundredths too much.
    static let floatOperation = 4.0

    /// - Parameter costs: nil where nobody has counted.
    package init(_ costs: DecoderCosts?) {
        isCounted = costs != nil
        guard let costs else { return }
        token = costs.layerProducts.reduce(0) { $0 + Self.operations(of: $1) }
        logits = (costs.lastProducts + [costs.outputProduct]).reduce(0) { $0 + Self.operations(of: $1) }
        let key = Double(costs.queryWidth) * (costs.hasIntegerAttention ? 8 : 4 * Self.floatOperation)
        lastAttention = costs.windows.last.map { ($0, key) }
        for window in costs.windows.dropLast() {
            if let known = attention.firstIndex(where: { $0.reach == window }) {
                attention[known].key += key
            } else {
                attention.append((window, key))
            }
        }
    }

    private static func operations(of product: DecoderCosts.Product) -> Double {
        Double(2 * product.quantizedWeights + 4 * product.halfWeights)
            + floatOperation * Double(2 * product.floatWeights)
    }

    /// The cost of a row by what it is spent on.
    package struct Parts: Sendable, Equatable {
        /// Products of weights and activations.
        package var products: Double
        /// Products with keys and values.
        package var attention: Double

        package init(products: Double = 0, attention: Double = 0) {
            self.products = products
            self.attention = attention
        }

        package static func + (left: Parts, right: Parts) -> Parts {
            Parts(products: left.products + right.products, attention: left.attention + right.attention)
        }

        package static func * (parts: Parts, factor: Double) -> Parts {
            Parts(products: parts.products * factor, attention: parts.attention * factor)
        }
    }

    /// The cost of `row`, above 0; its unit is an operation on 8-bit integers, or a token without figures of the model.
    package func callAsFunction(_ row: ForwardRow) -> Double {
        let parts = parts(of: row)
        return parts.products + parts.attention
    }

    /// The cost of `row` in its parts, in the same unit.
    package func parts(of row: ForwardRow) -> Parts {
        var parts = Parts(products: Double(row.tokenCount) * token + Double(row.logitCount) * logits)
        let positions = row.firstPosition..<row.firstPosition + row.tokenCount
        let withLogits = positions.suffix(row.logitCount)
        for layers in attention {
            parts.attention += layers.key * Double(Self.keyCount(at: positions, reach: layers.reach))
        }
        if let last = lastAttention {
            parts.attention += last.key * Double(Self.keyCount(at: withLogits, reach: last.reach))
        }
        if isCounted, let adapter = row.adapter {
            parts.products += Self.operations(of: adapter.tokenFactors) * Double(row.tokenCount)
            parts.products += Self.operations(of: adapter.logitFactors) * Double(row.logitCount)
        }
        return parts
    }

    private static func operations(of factors: Adapter.FactorCount) -> Double {
        2 * (Double(factors.codes) + floatOperation * Double(factors.exact))
    }

    /// Keys that queries at these positions see, all together.
    private static func keyCount(at positions: Range<Int>, reach: Int?) -> Int {
        if positions.isEmpty { return 0 }
        let (first, last) = (positions.lowerBound + 1, positions.upperBound)
        guard let reach, last > reach else { return sum(first, last) }
        if first >= reach { return positions.count * reach }
        return sum(first, reach) + (last - reach) * reach
    }

    /// first + … + last.
    private static func sum(_ first: Int, _ last: Int) -> Int { (first + last) * (last - first + 1) / 2 }
}
