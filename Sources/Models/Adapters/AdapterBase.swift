package import Checkpoints
package import Tensors

/// What an adapter must fit: the names, shapes and row orders of a decoder's weights.
package struct AdapterBase: Sendable {
    let configuration: ModelConfiguration
    let names: LayerNames
    /// What files call models of this architecture.
    private let architectureNames: [String]
    /// Whether the model's embedding is its output projection too.
    let isTied: Bool
    /// How factors are kept; exact where the base's weights take no activations of 8 bits.
    package var precision = FactorPrecision.int5
    /// Products, by layer, whose weights take activations of 8 bits.
    private var takesBytes: [Set<AdaptedProduct>]
    private let spare = SpareMemory()

    /// - Parameter checkpoint: of the decoder that adapters are for.
    package init(_ checkpoint: Checkpoint) throws(ModelError) {
        configuration = checkpoint.configuration
        let architecture = try ArchitectureRegistry.architecture(named: configuration.architecture)
        architectureNames = architecture.names
        names = try architecture.layout(configuration, format: checkpoint.format).names
        isTied = !checkpoint.hasOwnHead
        takesBytes = []
        let (layerCount, base) = (configuration.layerCount, self)
        takesBytes = (0..<layerCount).map { layer in
            Set(
                AdaptedProduct.allCases.filter { product in
                    let forms = base.matrices(of: product).map { name -> ActivationForm? in
                        let weight = base.weightName(of: name, layer: layer, in: checkpoint)
                        // A shape that is no matrix's is refused where the weights are loaded.
                        guard let tensor = checkpoint.tensor(weight), tensor.shape.count == 2 else { return nil }
                        return ActivationForm(of: tensor.elementType, inputs: tensor.shape[1])
                    }
                    return forms.contains(.int8) && !forms.contains(.float32) && !forms.contains(nil)
                }
            )
        }
    }

    /// A matrix that can be changed.
    struct Target {
        var layer: Int
        var product: AdaptedProduct
        /// Which of the product's matrices it is.
        var section: Int
        var inputs: Int
        var outputs: Int
        /// Heads whose rows the two formats order differently; nil where they agree.
        var rotatedHeads: Int?

        /// Where it stands in a step.
        fileprivate var place: (Int, Int, Int) { (layer, product.rawValue, section) }
    }

    /// Inputs of a product, and the outputs of its matrices.
    private func shape(of product: AdaptedProduct) -> (inputs: Int, outputs: [Int]) {
        let width = configuration.width
        let queries = configuration.headCount * configuration.headWidth
        let keys = configuration.kvHeadCount * configuration.headWidth
        switch product {
        case .queryKeyValue: return (width, [queries, keys, keys])
        case .attentionOutput: return (queries, [width])
        case .gateUp: return (width, [configuration.feedForwardWidth, configuration.feedForwardWidth])
        case .down: return (configuration.feedForwardWidth, [width])
        }
    }

    func matrices(of product: AdaptedProduct) -> [TensorName] {
        switch product {
        case .queryKeyValue: [names.query, names.key, names.value]
        case .attentionOutput: [names.attentionOutput]
        case .gateUp: [names.gate, names.up]
        case .down: [names.down]
        }
    }

    /// Bytes that no adapter's file is larger than: all factors with the highest rank and all weights that can be saved whole,
    /// in float32, behind the largest header.
    package var largestFile: Int {
        let sides = AdaptedProduct.allCases.reduce(0) { sum, product in
            let shape = shape(of: product)
            return sum + shape.outputs.reduce(0) { $0 + shape.inputs + $1 }
        }
        let factors = configuration.layerCount * sides * AdapterCheckpoint.rankLimit
        let saved = AdapterCheckpoint.WholeWeight.allCases.count * configuration.vocabularySize * configuration.width
        return 4 * (factors + saved) + 64 << 20
    }

    /// Every matrix by its name in the format given.
    func targets(_ format: CheckpointFormat) -> [String: Target] {
        var targets: [String: Target] = [:]
        for layer in 0..<configuration.layerCount {
            for product in AdaptedProduct.allCases {
                let shape = shape(of: product)
                for (section, name) in matrices(of: product).enumerated() {
                    let spelled =
                        format == .gguf ? "blk.\(layer).\(name.gguf)" : "model.layers.\(layer).\(name.huggingFace)"
                    var target = Target(
                        layer: layer,
                        product: product,
                        section: section,
                        inputs: shape.inputs,
                        outputs: shape.outputs[section]
                    )
                    if product == .queryKeyValue, section < 2 {
                        target.rotatedHeads = shape.outputs[section] / configuration.headWidth
                    }
                    targets[spelled] = target
                }
            }
        }
        return targets
    }

    /// Makes an adapter of what was read, or says by name what does not fit.
    ///
    /// - Parameters:
    ///   - fingerprint: names the content.
    ///   - pace: lets those who compute meanwhile go first.
    package func adapter(
        _ checkpoint: AdapterCheckpoint,
        fingerprint: String,
        pace: WorkPace? = nil
    ) throws(ModelError) -> Adapter {
        let none = AdaptedProduct.allCases.map { [LowRankChange?](repeating: nil, count: shape(of: $0).outputs.count) }
        var changes = Array(repeating: none, count: configuration.layerCount)
        var byteCount = 0
        // In the order in which a step reads them.
        let parts = try matched(checkpoint).sorted { $0.target.place < $1.target.place }
        var space = FactorSpace()
        for (factors, target) in parts {
            let precision = precision(at: target)
            space.add(rank: factors.rank, inputs: factors.inputs, outputs: factors.outputs, precision: precision)
        }
        guard let memory = FactorMemory(space, recycling: spare) else {
            throw .memoryRefused(bytes: space.byteCount, purpose: "the adapter's factors")
        }
        // One buffer for all that are not packed as they are stored.
        var (a, b): ([Float], [Float]) = ([], [])
        for (factors, target) in parts {
            let precision = precision(at: target)
            let change = factors.a.withStored(&a) { a in
                withRows(of: factors.b, target, rank: factors.rank, from: checkpoint.format, &b) { b in
                    let (rank, scale) = (factors.rank, factors.scale)
                    return LowRankChange(a: a, b: b, rank: rank, scale: scale, precision: precision, in: memory)
                }
            }
            byteCount += change.byteCount
            changes[target.layer][target.product.rawValue][target.section] = change
            pace?.pause()
        }
        memory.trim()
        let weights = try wholeWeights(checkpoint)
        let layers = products(of: changes)
        // Blocks of the cache are kept from one start to the next: what was computed otherwise is another adapter's.
        let fingerprint = precision == .exact ? fingerprint : "\(fingerprint) \(precision.rawValue)"
        return Adapter(fingerprint: fingerprint, layers: layers, byteCount: byteCount, weights: weights)
    }

    /// `[layers][products]` of `[layers][products][sections]`, each with what a step reads after it.
    private func products(of changes: [[[LowRankChange?]]]) -> [[LowRankProduct?]] {
        var products: [[LowRankProduct?]] = []
        var following: [LowRankChange] = []
        for layer in changes.reversed() {
            var reversed: [LowRankProduct?] = []
            for (product, changes) in zip(AdaptedProduct.allCases, layer).reversed() {
                let made = changes.compactMap { $0 }
                let outputs = shape(of: product).outputs
                reversed.append(made.isEmpty ? nil : LowRankProduct(changes, outputs: outputs, following: following))
                if !made.isEmpty { following = made }
            }
            products.append(reversed.reversed())
        }
        return products.reversed()
    }

    private func precision(at target: Target) -> FactorPrecision {
        takesBytes[target.layer].contains(target.product) ? precision : .exact
    }

    /// The factors of an adapter, each with the matrix that it changes, or what does not fit by name.
    func matched(
        _ checkpoint: AdapterCheckpoint
    ) throws(ModelError) -> [(factors: AdapterCheckpoint.Factors, target: Target)] {
        let targets = targets(checkpoint.format)
        if let other = checkpoint.architecture, !architectureNames.contains(other) {
            throw .adapterUnfit(
                weight: "general.architecture",
                reason:
                    "it is for a model of the architecture \(other), and this one's is \(configuration.architecture)"
            )
        }
        var matched: [(factors: AdapterCheckpoint.Factors, target: Target)] = []
        var names: Set<String> = []
        for factors in checkpoint.factors {
            let name = Self.plain(factors.name)
            guard let target = targets[name] else {
                throw .adapterUnfit(weight: factors.name, reason: "the model has no linear layer of that name")
            }
            if !names.insert(name).inserted {
                throw .adapterUnfit(
                    weight: factors.name,
                    reason: "it changes \(name), which other factors change already"
                )
            }
            guard factors.inputs == target.inputs, factors.outputs == target.outputs else {
                throw .adapterUnfit(
                    weight: factors.name,
                    reason: "it changes a weight of \([factors.outputs, factors.inputs]), "
                        + "and the model's is \([target.outputs, target.inputs])"
                )
            }
            matched.append((factors, target))
        }
        for weight in AdapterCheckpoint.WholeWeight.allCases {
            guard let tensor = checkpoint.saved[weight] else { continue }
            let expected = [configuration.vocabularySize, configuration.width]
            if tensor.shape == expected { continue }
            throw .adapterUnfit(
                weight: tensor.name,
                reason: "it is \(tensor.shape), and the model's is \(expected)"
                    + (tensor.shape[1] == expected[1] ? "; added tokens are not supported" : "")
            )
        }
        return matched
    }

    /// Packs the weights that an adapter brings whole, in the type that they were saved in.
    private func wholeWeights(_ checkpoint: AdapterCheckpoint) throws(ModelError) -> Adapter.WholeWeights {
        var weights = Adapter.WholeWeights()
        if checkpoint.saved.isEmpty { return weights }
        // Steps have the other threads: this runs beside them.
        let workers = WorkerPool(threadCount: 1)
        func packed(_ weight: AdapterCheckpoint.WholeWeight) throws(ModelError) -> PackedMatrix? {
            guard let tensor = checkpoint.saved[weight] else { return nil }
            let source = PackedMatrix.Source(
                bytes: checkpoint.bytes(of: tensor),
                elementType: tensor.elementType,
                outputs: tensor.shape[0]
            )
            do {
                return try PackedMatrix(packing: [source], inputs: tensor.shape[1], on: workers)
            } catch .memoryRefused(let bytes) {
                throw .memoryRefused(bytes: bytes, purpose: "the adapter's \(tensor.name)")
            } catch {
                throw .adapterUnfit(weight: tensor.name, reason: error.description)
            }
        }
        weights.embedding = try packed(.embedding)
        weights.head = try packed(.head) ?? (isTied && checkpoint.tiesSaved ? weights.embedding : nil)
        return weights
    }

    /// A name without what models that also see images put before it.
    private static func plain(_ name: String) -> String {
        for prefix in ["language_model.", "model.language_model."] where name.hasPrefix(prefix) {
            let rest = String(name.dropFirst(prefix.count))
            return rest.hasPrefix("model.") ? rest : "model." + rest
        }
        return name
    }

    /// Calls `body` with B, its rows as the model has them.
    private func withRows<Result>(
        of b: AdapterFactor,
        _ target: Target,
        rank: Int,
        from format: CheckpointFormat,
        _ buffer: inout [Float],
        _ body: (StoredFactor) -> Result
    ) -> Result {
        if rotatedHeads(target, from: format) == nil { return b.withStored(&buffer, body) }
        b.read(into: &buffer)
        buffer = reordered(buffer, target, rank: rank, from: format)
        return StoredFactor.with(buffer, body)
    }

    /// Heads whose rows have to change places; nil where the two formats agree.
    private func rotatedHeads(_ target: Target, from format: CheckpointFormat) -> Int? {
        let isAdjacent = configuration.rope.pairing == .adjacent
        let wasAdjacent = format == .gguf && Self.permuted.contains(configuration.architecture)
        return isAdjacent == wasAdjacent ? nil : target.rotatedHeads
    }

    /// B with its rows as the model has them: llama's GGUF files put the two numbers that are turned together beside each
    /// other, folders half a head apart (`permute` in llama.cpp's `convert_hf_to_gguf.py`).
    func reordered(_ b: [Float], _ target: Target, rank: Int, from format: CheckpointFormat) -> [Float] {
        guard let heads = rotatedHeads(target, from: format) else { return b }
        let isAdjacent = configuration.rope.pairing == .adjacent
        let width = configuration.headWidth
        var rows: [Float] = []
        rows.reserveCapacity(b.count)
        for head in 0..<heads {
            for index in 0..<width {
                // The row of the other order that comes to stand at `index`.
                let half = width / 2
                let source = isAdjacent ? index % 2 * half + index / 2 : index % half * 2 + index / half
                let start = (head * width + source) * rank
                rows += b[start..<start + rank]
            }
        }
        return rows
    }

    /// Architectures whose GGUF files are reordered.
    private static let permuted: Set<String> = ["llama", "mistral"]
}
