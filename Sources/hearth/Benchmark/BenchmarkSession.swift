import Deployments
import Inference
import Models
import Tensors

/// Measures cases on one deployment, and the machine's ceilings between their repetitions.
struct BenchmarkSession {
    private let deployment: Deployment
    private let costs: DecoderCosts
    private let ceilings: MachineCeilings
    private let tokensPerStep: Int
    private let repetitionCount: Int
    /// What the streams compute under, in turn; none for the model as it is.
    var adapters: [AdapterLease] = []

    /// - Parameter configuration: what `deployment` was loaded with; ceilings are those of its instruction set and threads.
    init(_ deployment: Deployment, _ configuration: DeploymentConfiguration, repetitionCount: Int) throws {
        guard let costs = deployment.details.costs else {
            throw GenerationFailure.failed("the model's work cannot be counted")
        }
        self.deployment = deployment
        self.costs = costs
        self.repetitionCount = repetitionCount
        tokensPerStep = configuration.limits.tokensPerStep
        ceilings = MachineCeilings(
            instructionSet: configuration.instructionSet,
            workers: WorkerPool(threadCount: configuration.threadCount)
        )
    }

    /// The report's lines for one case, after a warm-up.
    func rows(of measured: BenchmarkCase) async throws -> [BenchmarkRow] {
        let works = measured.kinds.map { BenchmarkWork($0, of: measured, costs, tokensPerStep: tokensPerStep) }
        let run = BenchmarkRun(deployment: deployment, measured: measured, adapters: adapters)
        let warmUp = measured.isCached ? measured : measured.shortened(tokensPerStep: tokensPerStep)
        try await BenchmarkRun(deployment: deployment, measured: warmUp, adapters: adapters).instants(run: 0)
        var rates: [BenchmarkRates] = []
        var samples = works.map { _ in [CeilingSample]() }
        for repetition in 1...repetitionCount {
            rates.append(try await run.rates(run: repetition))
            for (index, work) in works.enumerated() {
                samples[index].append(ceilings.sample(readBytes: work.byteCount / max(work.stepCount, 1)))
            }
        }
        return measured.kinds.enumerated().map { index, kind in
            BenchmarkRow(
                kind: kind,
                measured: measured,
                rates: rates.map(kind == .prefill ? \.prefill : \.decode),
                work: works[index],
                ceilings: CeilingSample(medianOf: samples[index])
            )
        }
    }
}
