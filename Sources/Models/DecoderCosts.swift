package import Tensors

/// What a computation takes at the very least: operations, and bytes that must come from beyond the caches next to a core.
///
/// A multiplication and an addition count two. Activations, norms and sampling are not counted; they are some hundredths.
package struct StepWork: Sendable, Equatable {
    /// Operations of products of integers, as many as 8-bit ones would be: one of 16 bits counts twice, since it takes
    /// twice as long.
    package var dotOperations = 0
    /// Operations of products with float32 weights, and of attention unless its cache is int8, on float32.
    package var floatOperations = 0
    /// Bytes of packed weights read, each once.
    package var weightBytes = 0
    /// Bytes of the KV cache: visible keys and values read once, new ones written.
    package var cacheBytes = 0

    package init() {}

    package static func += (left: inout StepWork, right: StepWork) {
        left.dotOperations += right.dotOperations
        left.floatOperations += right.floatOperations
        left.weightBytes += right.weightBytes
        left.cacheBytes += right.cacheBytes
    }
}

/// Counts the work of a decoder's steps from the shapes of its matrices, as they are packed, and of its cache.
package struct DecoderCosts: Sendable, Equatable {
    /// One product's share, for one row of activations.
    package struct Product: Sendable, Equatable {
        /// `[outputs, inputs]` products with int8 activations, in weights.
        package var quantizedWeights: Int
        /// The same with 12-bit activations, on 16-bit integers.
        package var halfWeights: Int
        /// The same with float32 activations.
        package var floatWeights: Int
        /// Bytes of the packed weights.
        package var byteCount: Int

        /// Counts the weights and bytes of `matrix`.
        package init(_ matrix: PackedMatrix) {
            quantizedWeights = matrix.outputCount(taking: .int8) * matrix.inputs
            halfWeights = matrix.outputCount(taking: .int12) * matrix.inputs
            floatWeights = matrix.outputCount(taking: .float32) * matrix.inputs
            byteCount = matrix.byteCount
        }

        package init(quantizedWeights: Int = 0, halfWeights: Int = 0, floatWeights: Int = 0, byteCount: Int) {
            self.quantizedWeights = quantizedWeights
            self.halfWeights = halfWeights
            self.floatWeights = floatWeights
            self.byteCount = byteCount
        }
    }

    /// One sequence's share of a step.
    package struct Row: Sendable, Equatable {
        /// Tokens of the sequence that are in the cache already.
        package var firstPosition: Int
        /// Tokens computed.
        package var tokenCount: Int
        /// Those of them whose logits are wanted.
        package var logitCount: Int

        package init(firstPosition: Int, tokenCount: Int, logitCount: Int) {
            self.firstPosition = firstPosition
            self.tokenCount = tokenCount
            self.logitCount = logitCount
        }

        /// What the last layer attends with: the tokens with logits.
        fileprivate var tail: Row {
            Row(
                firstPosition: firstPosition + tokenCount - logitCount,
                tokenCount: logitCount,
                logitCount: logitCount
            )
        }
    }

    /// Products that every token goes through: those of all layers but what comes behind the cache of the last.
    package var layerProducts: [Product]
    /// Products of the last layer that only tokens with logits go through.
    package var lastProducts: [Product]
    /// The product that makes logits.
    package var outputProduct: Product
    /// Bytes of one token's embedding.
    package var embeddingBytes: Int
    /// Window of every layer's attention; nil sees all. In the last layer only tokens with logits attend.
    package var windows: [Int?]
    /// heads · headWidth: elements of a query, over all heads.
    package var queryWidth: Int
    /// Bytes of one token's keys and values in one layer.
    package var cacheBytesPerLayer: Int
    /// Whether attention multiplies 16-bit integers rather than floats.
    package var hasIntegerAttention = false

    package init(
        layerProducts: [Product],
        lastProducts: [Product] = [],
        outputProduct: Product,
        embeddingBytes: Int,
        attention: (windows: [Int?], queryWidth: Int, cacheBytesPerLayer: Int)
    ) {
        self.layerProducts = layerProducts
        self.lastProducts = lastProducts
        self.outputProduct = outputProduct
        self.embeddingBytes = embeddingBytes
        windows = attention.windows
        queryWidth = attention.queryWidth
        cacheBytesPerLayer = attention.cacheBytesPerLayer
    }

    /// The work of one step that computes `rows` together.
    package func work(of rows: [Row]) -> StepWork {
        var work = StepWork()
        let tokenCount = rows.reduce(0) { $0 + $1.tokenCount }
        let logitCount = rows.reduce(0) { $0 + $1.logitCount }
        for product in layerProducts { add(product, rowCount: tokenCount, to: &work) }
        for product in lastProducts + [outputProduct] { add(product, rowCount: logitCount, to: &work) }
        work.weightBytes += tokenCount * embeddingBytes
        for row in rows {
            for window in windows.dropLast() { addAttention(of: row, window: window, to: &work) }
            if let window = windows.last, row.logitCount > 0 { addAttention(of: row.tail, window: window, to: &work) }
            work.cacheBytes += cacheBytesPerLayer * windows.count * row.tokenCount
        }
        return work
    }

    /// A product reads its weights once, however many rows it has.
    private func add(_ product: Product, rowCount: Int, to work: inout StepWork) {
        guard rowCount > 0 else { return }
        work.dotOperations += (2 * product.quantizedWeights + 4 * product.halfWeights) * rowCount
        work.floatOperations += 2 * product.floatWeights * rowCount
        work.weightBytes += product.byteCount
    }

    /// A query reads every key that it sees, multiplies with it, and the value of that key with the result: four operations for
    /// each element of the query and each key.
    private func addAttention(of row: Row, window: Int?, to work: inout StepWork) {
        let end = row.firstPosition + row.tokenCount
        let reach = window ?? end
        let keys = (row.firstPosition..<end).reduce(0) { $0 + min($1 + 1, reach) }
        if hasIntegerAttention {
            work.dotOperations += 8 * queryWidth * keys
        } else {
            work.floatOperations += 4 * queryWidth * keys
        }
        let firstSeen = max(0, row.firstPosition + 1 - reach)
        work.cacheBytes += cacheBytesPerLayer * (end - firstSeen)
    }
}

extension DecoderCosts {
    init(_ weights: DecoderWeights, layout: DecoderLayout, queryWidth: Int, cache: CacheShape) {
        let layers = weights.layers.map { layer in
            (before: layer.queryKeyValue, behind: [layer.attentionOutput, layer.gateUp, layer.down])
        }
        self.init(
            layerProducts: (layers.map(\.before) + layers.dropLast().flatMap(\.behind)).map(Product.init),
            lastProducts: (layers.last?.behind ?? []).map(Product.init),
            outputProduct: Product(weights.projection),
            embeddingBytes: weights.embedding.byteCount / max(weights.embedding.outputs, 1),
            attention: (layout.windows, queryWidth, cache.bytesPerToken / cache.layerCount)
        )
        hasIntegerAttention = cache.elementType == .i8 || cache.elementType == .i16
    }
}
