import Tensors

/// What adapters add to every product of a decoder, kept from step to step while the same rows are computed under the same
/// adapters: to make them anew took 1 % of a step with eight.
final class LayerUpdates {
    private let productCount: Int
    private let buffers = LowRankBuffers()
    private var updates: [LowRankUpdate] = []
    /// `DecoderStep.runsVersion` of the runs that each was made of.
    private var versions: [Int] = []

    init(layerCount: Int) { productCount = layerCount * AdaptedProduct.allCases.count }

    /// What the step's adapters add to a product; nil where no row has any.
    ///
    /// Valid during the step, which keeps the adapters alive.
    func update(of product: AdaptedProduct, layer: Int, in step: DecoderStep) -> LowRankUpdate? {
        if step.adaptedRuns.isEmpty { return nil }
        if updates.isEmpty {
            updates = (0..<productCount).map { _ in LowRankUpdate(buffers) }
            versions = Array(repeating: 0, count: productCount)
        }
        let index = layer * AdaptedProduct.allCases.count + product.rawValue
        let update = updates[index]
        if versions[index] != step.runsVersion {
            make(update, at: index, step.adaptedRuns)
            versions[index] = step.runsVersion
        } else if index + 1 < productCount {
            updates[index + 1].expect()
        }
        return update
    }

    private func make(_ update: LowRankUpdate, at index: Int, _ runs: [DecoderStep.AdaptedRun]) {
        update.removeAll()
        for run in runs {
            if let parts = run.parts[index] { update.append(parts, rows: run.tokens) }
            if index + 1 < run.parts.count, let next = run.parts[index + 1] { LowRankUpdate.expect(next) }
        }
    }
}
