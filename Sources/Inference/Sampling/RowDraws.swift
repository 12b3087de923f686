import Synchronization
import Tensors
import Tokenization

/// Draws the tokens of a step's rows, on all threads where there are several: a row of logits takes as long as a part of a layer.
///
/// Kept from step to step: a step of as many rows as one before it asks for no memory. It belongs to the engine's thread; the
/// pool's threads touch it only inside a region.
final class RowDraws {
    /// What a row came to.
    typealias Outcome = Result<(token: TokenID, logprobs: TokenLogprobs?), SamplingFailure>

    /// A row that draws, alone with its sampler.
    fileprivate struct Row {
        var request: ActiveRequest
        var logits: UnsafeMutableBufferPointer<Float>
        var outcome: Outcome?
    }

    private let workers: WorkerPool?
    private var rows: [Row] = []
    private var taken = 0
    /// `[threads]`: each draws with memory of its own.
    private let scratches: UnsafeMutableBufferPointer<SamplerScratch>
    private let claimedCount = Atomic<Int>(0)

    /// Draws on the threads of `workers`, or on the caller's alone.
    init(workers: WorkerPool?, instructionSet: InstructionSet) {
        self.workers = workers
        scratches = .allocate(capacity: workers?.threadCount ?? 1)
        scratches.initialize(repeating: SamplerScratch(instructionSet: instructionSet))
    }

    deinit {
        scratches.deinitialize()
        scratches.deallocate()
    }

    /// Adds a row to those that `run` draws.
    func append(_ request: ActiveRequest, _ logits: UnsafeMutableBufferPointer<Float>) {
        rows.append(Row(request: request, logits: logits, outcome: nil))
    }

    /// Draws one token of every row.
    func run() {
        rows.withUnsafeMutableBufferPointer { rows in
            let job = Job(draws: Unmanaged.passUnretained(self), rows: rows)
            claimedCount.store(0, ordering: .relaxed)
            let threadCount = min(rows.count, scratches.count)
            guard let workers, threadCount > 1 else {
                if !rows.isEmpty { job.work(as: 0) }
                return
            }
            workers.run(taskCount: threadCount, job) { job, thread in job.pointee.work(as: thread) }
        }
    }

    /// The outcome of the next row, in the order in which they were added.
    func next() -> Outcome {
        guard taken < rows.count, let outcome = rows[taken].outcome else {
            preconditionFailure("RowDraws: row \(taken) of \(rows.count) has not drawn")
        }
        taken += 1
        return outcome
    }

    /// Forgets the rows.
    func removeAll() {
        rows.removeAll(keepingCapacity: true)
        taken = 0
    }

    /// Calls `body` with memory to draw with, between steps' draws.
    func withScratch<Value, Failure: Error>(
        _ body: (inout SamplerScratch) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try body(&scratches[0])
    }

    /// What the threads share: each takes the next row that nobody has taken.
    private struct Job {
        let draws: Unmanaged<RowDraws>
        let rows: UnsafeMutableBufferPointer<Row>

        func work(as thread: Int) {
            draws._withUnsafeGuaranteedRef { draws in
                while true {
                    let index = draws.claimedCount.add(1, ordering: .relaxed).oldValue
                    guard index < rows.count else { return }
                    rows[index].draw(with: &draws.scratches[thread])
                }
            }
        }
    }
}

extension RowDraws.Row {
    fileprivate mutating func draw(with scratch: inout SamplerScratch) {
        do throws(SamplingFailure) {
            outcome = .success(try request.sampler.draw(from: logits, scratch: &scratch))
        } catch {
            outcome = .failure(error)
        }
    }
}
