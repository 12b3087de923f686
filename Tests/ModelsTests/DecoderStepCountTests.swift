import TestModels
import Testing

/// A step of a decoder in a steady state neither allocates nor takes a lock, on no thread.
///
/// `HEARTH_TRACE_COUNTS=1` writes where each counted call came from to the standard error. Debug builds allocate for
/// generics that a release build resolves, so there only locks are counted; `make test` runs `step-counts`, a release
/// build of the same.
@Suite(.enabled(if: CallCounter.isAvailable, "sanitizers bring an allocator of their own"), .serialized)
struct DecoderStepCountTests {
    @Test(arguments: DecoderSteps.models, [1, 2])
    func `a decode step of four sequences does not allocate and takes no lock`(
        model: String,
        threadCount: Int
    ) throws {
        let run = try DecoderSteps(model, threadCount: threadCount, tokenCounts: [1, 1, 1, 1])
        let counts = run.count(20)
        #expect(counts.locks == 0)
        #if !DEBUG
            #expect(counts.allocations == 0)
        #endif
    }

    @Test(arguments: [1, 2])
    func `a step that verifies guessed tokens beside a decode does not allocate and takes no lock`(
        threadCount: Int
    ) throws {
        let run = try DecoderSteps("llama-q4_0.gguf", threadCount: threadCount, tokenCounts: [5, 1, 9])
        let counts = run.count(8)
        #expect(counts.locks == 0)
        #if !DEBUG
            #expect(counts.allocations == 0)
        #endif
    }

    @Test(arguments: [1, 2])
    func `a step whose rows of one adapter stand apart does not allocate and takes no lock`(threadCount: Int) throws {
        let owners: [Int?] = [0, nil, 1, 0, nil, 1]
        let counts = try DecoderSteps(
            "llama-q4_0.gguf",
            threadCount: threadCount,
            tokenCounts: [1, 1, 3, 2, 1, 1],
            owners: owners
        ).count(12)
        #expect(counts.locks == 0)
        #if !DEBUG
            #expect(counts.allocations == 0)
        #endif
    }

    /// Product of the norm, attention, product, product of the norm, product of the gate: five where one sequence decodes
    /// and nothing but products and heads is worth sharing.
    @Test func `a layer of a decode step takes five regions`() throws {
        let run = try DecoderSteps("llama-q4_0.gguf", threadCount: 2, tokenCounts: [1])
        let layers = 2
        #expect(run.countRegions() == 5 * layers + 1)
    }

    @Test func `what is counted would be seen`() {
        let counter = CallCounter()
        counter.watch()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 16)
        CallCounter.ignore()
        memory.deallocate()
        #expect(counter.allocations == 1)
    }
}
