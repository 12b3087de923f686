/// What operations run on: an instruction set, threads, and the scratch memory that they share.
///
/// It belongs to the one thread that runs steps. Operations are extensions of it, a file each under `Operations`.
package final class Compute {
    /// What the kernels may execute.
    package let instructionSet: InstructionSet
    /// The threads of every operation.
    package let workers: WorkerPool
    /// Activations of the product that is running, in the forms that its weights want.
    let int8Activations = QuantizedActivations(.int8)
    let short8Activations: QuantizedActivations
    let int12Activations = QuantizedActivations(.int12)

    /// Uses `instructionSet`, which this machine must have.
    ///
    /// - Parameter pairsSteps: whether products compute two steps in one dot product where they can, which changes no bit;
    ///   nil where it is faster.
    package init(instructionSet: InstructionSet = .detected, workers: WorkerPool, pairsSteps: Bool? = nil) {
        precondition(instructionSet.isAvailable, "Compute: this machine has no \(instructionSet.name)")
        self.instructionSet = instructionSet
        let pairsSteps = pairsSteps ?? instructionSet.pairsSteps
        let forPairs: PairedSteps = pairsSteps && instructionSet.canPairSteps ? .made : .possible
        short8Activations = QuantizedActivations(.int8, forPairs)
        self.workers = workers
    }
}
