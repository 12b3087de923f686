import Deployments
import OpenAIAPI
import Synchronization

/// The generations behind one request, one for every prompt, and what can end them early.
final class GenerationRun: Sendable {
    /// The generations, in the order of the prompts.
    let generations: [TextGeneration]
    /// The adapter that is charged with them; nil for the model as it is.
    let adapter: String?
    private let interruption = Mutex<APIError?>(nil)
    private let isAbandoned = Mutex(false)

    init(generations: [TextGeneration], adapter: String?) {
        self.generations = generations
        self.adapter = adapter
    }

    /// Why the run was cut short; nil while it was not.
    var interruptionError: APIError? { interruption.withLock { $0 } }

    /// Whether the client has gone.
    var clientHasGone: Bool { isAbandoned.withLock { $0 } }

    /// Stops computing; the caller is told `error`. The first reason stands.
    func interrupt(_ error: APIError) {
        interruption.withLock { $0 = $0 ?? error }
        for generation in generations { generation.cancel() }
    }

    /// Stops computing because nobody is there to read.
    func abandon() {
        isAbandoned.withLock { $0 = true }
        for generation in generations { generation.cancel() }
    }

    /// Passes every event on, with the index of its prompt, until all generations have ended.
    /// Events of one prompt come in order; those of different prompts come at the same time.
    func forEachEvent(_ body: @escaping @Sendable (_ prompt: Int, TextEvent) -> Void) async {
        await withDiscardingTaskGroup { group in
            for (prompt, generation) in generations.enumerated() {
                group.addTask {
                    for await event in generation.events { body(prompt, event) }
                }
            }
        }
    }
}
