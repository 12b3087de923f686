import Foundation
import TestModels

/// Counts what a steady step asks of the heap and of the system's locks, in the build that users run, and fails when it
/// is more than it may be. A debug build, in which the other tests run, allocates for generics that this one resolves.
@main struct StepCountsCommand {
    static func main() async throws {
        guard CallCounter.isAvailable else { return print("step-counts: nothing can be counted in this build") }
        var isClean = true
        func measure(_ name: String, _ steps: DecoderSteps) {
            let counts = steps.count(16)
            isClean = isClean && counts.allocations == 0 && counts.locks == 0
            print("\(name): \(counts.allocations) allocations, \(counts.locks) locks in 16 passes")
        }
        let tokenCounts = [1, 5, 1, 1]
        for threadCount in [1, 2] {
            for model in DecoderSteps.models {
                let steps = try DecoderSteps(model, threadCount: threadCount, tokenCounts: tokenCounts)
                measure("\(model), \(threadCount) threads", steps)
            }
            let model = DecoderSteps.models[0]
            let adapted = try DecoderSteps(
                model,
                threadCount: threadCount,
                tokenCounts: tokenCounts,
                owners: [0, 1, nil, 0]
            )
            measure("\(model) under adapters that stand apart, \(threadCount) threads", adapted)
        }
        let unread = try await EngineSteps(threadCount: 2).count(readsAlong: false)
        let eventCount = unread.stepCount * EngineSteps.answerCount
        print("\(unread.stepCount) steps with \(eventCount) events: \(unread.description)")
        isClean = isClean && unread.stepCount > 0 && unread.inForward == CallCounts()
        isClean = isClean && unread.between.allocations == 0 && unread.between.locks == eventCount
        let read = try await EngineSteps(threadCount: 2).count(readsAlong: true)
        print("the same with readers to wake: \(read.description)")
        isClean = isClean && read.inForward == CallCounts() && read.between.allocations <= 8 * eventCount
        let guessing = try await EngineSteps(threadCount: 2, guesses: true).count(readsAlong: false)
        print("the first with guesses from the text: \(guessing.description)")
        isClean = isClean && guessing == unread
        guard !isClean else { return }
        print("step-counts: a steady step allocates or takes a lock; HEARTH_TRACE_COUNTS=1 shows where")
        exit(1)
    }
}
