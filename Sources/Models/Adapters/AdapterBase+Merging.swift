package import Checkpoints
package import Tensors

extension AdapterBase {
    /// The checkpoint with an adapter folded into its weights: W + scale · B A for W, and whole weights for the base's.
    ///
    /// New values are kept in the type of the tensor, or in Q8_0 where that one is read only or `isPrecise` asks for it; those of
    /// floats as `floatType` where that is given. They are computed when they are read, a row at a time: base and product in float32,
    /// rounded once.
    ///
    /// - Parameters:
    ///   - adapter: one that fits.
    ///   - base: the checkpoint that this was made of.
    ///   - isPrecise: whether changed weights of fewer than 8 bits get 8.
    ///   - floatType: what changed float weights are kept as, by the rules of `Checkpoint.reduced`.
    ///   - workers: what computes them; nobody else may use it when the result is read.
    package func merged(
        _ adapter: AdapterCheckpoint,
        into base: Checkpoint,
        isPrecise: Bool = false,
        floatsAs floatType: ElementType? = nil,
        on workers: WorkerPool
    ) throws(ModelError) -> Checkpoint {
        let types = MergedTypes(base: base, isPrecise: isPrecise, floatType: floatType)
        var replacements: [String: TensorReplacement] = [:]
        for (factors, target) in try matched(adapter) {
            let name = weightName(of: target, in: base)
            guard let tensor = base.tensor(name) else { throw .missingTensor(name: name) }
            guard tensor.shape == [target.outputs, target.inputs], let type = types.type(of: tensor)
            else { throw .unsupportedType(tensor: name, type: "\(tensor.elementType.name) \(tensor.shape)") }
            let (a, b) = (factors.a.values, factors.b.values)
            try checkRange(factors, a, b)
            let change = MergedRows(
                base: base,
                tensor: tensor,
                a: a,
                b: reordered(b, target, rank: factors.rank, from: adapter.format),
                scale: factors.scale,
                type: type
            )
            replacements[name] = TensorReplacement(elementType: type, shape: tensor.shape) { bytes in
                change.write(to: bytes, on: workers)
            }
        }
        try replaceWholeWeights(adapter, in: base, types, &replacements)
        return base.replacing(replacements)
    }

    /// Refuses a change that could be larger than halves are, which weights and the scales of their blocks are kept as.
    private func checkRange(_ factors: AdapterCheckpoint.Factors, _ a: [Float], _ b: [Float]) throws(ModelError) {
        let largest = [a, b].map { values in Double(values.reduce(0) { max($0, abs($1)) }) }
        let bound = Double(abs(factors.scale)) * Double(factors.rank) * largest[0] * largest[1]
        if bound <= Double(Float16.greatestFiniteMagnitude) { return }
        throw .adapterUnfit(
            weight: factors.name,
            reason: "its change may reach \(bound), more than a merged weight can be; check its factors and lora_alpha"
        )
    }

    private func weightName(of target: Target, in base: Checkpoint) -> String {
        weightName(of: matrices(of: target.product)[target.section], layer: target.layer, in: base)
    }

    /// What a matrix is called in a checkpoint of the decoder.
    func weightName(of name: TensorName, layer: Int, in base: Checkpoint) -> String {
        switch base.format {
        case .gguf: "blk.\(layer).\(name.gguf).weight"
        case .safetensors: base.textModelPrefix + "model.layers.\(layer).\(name.huggingFace).weight"
        }
    }

    /// Embedding and head of the adapter. Where the base has one matrix for both and the adapter parts them, the head becomes
    /// a tensor of its own, which only GGUF files can say.
    private func replaceWholeWeights(
        _ adapter: AdapterCheckpoint,
        in base: Checkpoint,
        _ types: MergedTypes,
        _ replacements: inout [String: TensorReplacement]
    ) throws(ModelError) {
        if adapter.saved.isEmpty { return }
        let isFolder = base.format == .safetensors
        let (embedding, head) = (base.embeddingName, base.headName)
        guard let old = base.tensor(embedding) else { throw .missingTensor(name: embedding) }
        guard let type = types.type(of: base.tensor(head) ?? old), let embeddingType = types.type(of: old)
        else { throw .unsupportedType(tensor: embedding, type: old.elementType.name) }
        let parts = isTied && (adapter.saved[.head] != nil || !adapter.tiesSaved)
        if parts, isFolder {
            throw .adapterUnfit(
                weight: adapter.saved[.head]?.name ?? adapter.saved[.embedding]?.name ?? head,
                reason: "the model has one matrix for its embedding and its head, and its folder cannot hold two; "
                    + "serve the adapter beside it, or merge it into a GGUF file"
            )
        }
        if let tensor = adapter.saved[.embedding] {
            replacements[embedding] = Self.converted(tensor, of: adapter, to: embeddingType)
        }
        if let tensor = adapter.saved[.head] {
            replacements[head] = Self.converted(tensor, of: adapter, to: type)
        } else if parts {
            replacements[head] = TensorReplacement(elementType: old.elementType, shape: old.shape) { bytes in
                bytes.copyMemory(from: base.bytes(of: old))
            }
        }
    }

    private static func converted(
        _ tensor: TensorEntry,
        of adapter: AdapterCheckpoint,
        to type: ElementType
    ) -> TensorReplacement {
        // Rows that are not whole blocks stay as they were saved.
        let type = type.bytes(forElementCount: tensor.shape[1]) == nil ? tensor.elementType : type
        return TensorReplacement(elementType: type, shape: tensor.shape) { bytes in
            let rows = StoredRows(bytes: adapter.bytes(of: tensor), type: tensor.elementType, width: tensor.shape[1])
            var row = [Float](repeating: 0, count: tensor.shape[1])
            for index in 0..<tensor.shape[0] {
                row.withUnsafeMutableBufferPointer { row in
                    rows.read(index, into: row)
                    StoredRows.write(row, as: type, at: index, of: bytes)
                }
            }
        }
    }
}

/// What merged weights are kept as.
private struct MergedTypes {
    let base: Checkpoint
    let isPrecise: Bool
    let floatType: ElementType?

    /// nil for what is no weight.
    func type(of tensor: TensorEntry) -> ElementType? {
        if let floatType, let reduced = base.reducedType(of: tensor, to: isPrecise ? .q8_0 : floatType) {
            return reduced
        }
        return isPrecise ? tensor.elementType.preciseCounterpart : tensor.elementType.encodableCounterpart
    }
}

/// A matrix with a low-rank change, row by row.
private struct MergedRows: Sendable {
    let base: Checkpoint
    let tensor: TensorEntry
    /// `[rank, inputs]`.
    let a: [Float]
    /// `[outputs, rank]`, rows as the base's.
    let b: [Float]
    let scale: Float
    let type: ElementType

    func write(to bytes: UnsafeMutableRawBufferPointer, on workers: WorkerPool) {
        let rows = StoredRows(bytes: base.bytes(of: tensor), type: tensor.elementType, width: tensor.shape[1])
        rows.rewrite(tensor.shape[0], as: type, to: bytes, on: workers) { addChange(of: $0, to: $1) }
    }

    /// row += scale · B[output] A.
    private func addChange(of output: Int, to row: UnsafeMutableBufferPointer<Float>) {
        let rank = a.count / row.count
        guard let values = row.baseAddress else { return }
        a.withUnsafeBufferPointer { a in
            for k in 0..<rank {
                let factor = scale * b[output * rank + k]
                guard factor != 0, let source = a.baseAddress.map({ $0 + k * row.count }) else { continue }
                for input in 0..<row.count { values[input] += factor * source[input] }
            }
        }
    }
}
