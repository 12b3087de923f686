package import Checkpoints
package import Tensors

extension Checkpoint {
    /// The checkpoint with its float matrices (F32, F16, BF16) kept as `type`. Embedding and output projection get 8 bits at least,
    /// which they are worth; vectors, matrices of other types, and those whose rows are not whole blocks stay as they are.
    ///
    /// New values are computed when they are read: each is rounded once, by the reference writer's formulas (`encode`).
    ///
    /// - Parameters:
    ///   - type: one of `ElementType.reducedTypes`.
    ///   - workers: what computes them; nobody else may use it when the result is read.
    package func reduced(to type: ElementType, on workers: WorkerPool) -> Checkpoint {
        var replacements: [String: TensorReplacement] = [:]
        for tensor in tensors {
            guard let wanted = reducedType(of: tensor, to: type) else { continue }
            replacements[tensor.name] = TensorReplacement(elementType: wanted, shape: tensor.shape) { [self] target in
                let rows = StoredRows(bytes: bytes(of: tensor), type: tensor.elementType, width: tensor.shape[1])
                rows.rewrite(tensor.shape[0], as: wanted, to: target, on: workers)
                release(tensor)
            }
        }
        return replacing(replacements)
    }

    /// Whether `reduced` changes anything.
    package var hasFloatMatrices: Bool { tensors.contains { reducedType(of: $0, to: .q8_0) != nil } }

    /// What `reduced` keeps a tensor as; nil for what it is.
    func reducedType(of tensor: TensorEntry, to type: ElementType) -> ElementType? {
        guard tensor.shape.count == 2, [.f32, .f16, .bf16].contains(tensor.elementType) else { return nil }
        let wanted = [embeddingName, headName].contains(tensor.name) ? .q8_0 : type
        return wanted.bytes(forElementCount: tensor.shape[1]) == nil ? nil : wanted
    }
}
