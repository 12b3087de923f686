import Synchronization
import Testing

@testable import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct WorkerPoolTests {
    @Test(arguments: [1, 2, 3, 7], [0, 1, 2, 5, 64, 1001])
    func `every task runs exactly once, whatever the thread count`(threadCount: Int, taskCount: Int) {
        let pool = WorkerPool(threadCount: threadCount)
        let counts = UnsafeMutableBufferPointer<Int>.allocate(capacity: taskCount)
        counts.initialize(repeating: 0)
        defer { counts.deallocate() }
        for _ in 0..<5 {
            pool.run(taskCount: taskCount) { counts[$0] += 1 }
        }
        #expect(counts.allSatisfy { $0 == 5 })
    }

    @Test func `work is still done after the threads went to sleep`() {
        let pool = WorkerPool(threadCount: 3, spinLimit: 0)
        let total = Atomic<Int>(0)
        for _ in 0..<2_000 {
            pool.run(taskCount: 3) { total.add($0 + 1, ordering: .relaxed) }
        }
        #expect(total.load(ordering: .relaxed) == 12_000)
    }

    @Test func `the others do the share of a thread that is held up`() {
        let pool = WorkerPool(threadCount: 2)
        let done = Atomic<Int>(0)
        // Task 0 opens the caller's share and waits for all the rest: only the other thread can do them.
        pool.run(taskCount: 64) { task in
            if task == 0 {
                while done.load(ordering: .acquiring) < 63 { sched_yield() }
            } else {
                done.add(1, ordering: .acquiringAndReleasing)
            }
        }
        #expect(done.load(ordering: .acquiring) == 63)
    }

    @Test func `a caller that waits long for the last task sleeps and is woken`() {
        let pool = WorkerPool(threadCount: 2)
        let started = Atomic<Bool>(false)
        for _ in 0..<20 {
            started.store(false, ordering: .relaxed)
            // The caller's only task waits until the other thread is inside its own, which outlasts all spinning.
            pool.run(taskCount: 2) { task in
                if task == 0 {
                    while !started.load(ordering: .acquiring) { sched_yield() }
                } else {
                    started.store(true, ordering: .releasing)
                    usleep(3_000)
                }
            }
            let hasStarted = started.load(ordering: .acquiring)
            #expect(hasStarted)
        }
    }

    @Test func `what tasks wrote is visible when the region returns`() {
        let pool = WorkerPool(threadCount: 2)
        let cells = UnsafeMutableBufferPointer<Int>.allocate(capacity: 64)
        cells.initialize(repeating: 0)
        defer { cells.deallocate() }
        for round in 1...3_000 {
            pool.run(taskCount: 64) { cells[$0] += $0 }
            if round % 500 == 0 { #expect(cells.enumerated().allSatisfy { $0.element == $0.offset * round }) }
        }
    }

    @Test func `a worker that is late for the last region sees the end`() {
        for round in 0..<3_000 {
            let pool = WorkerPool(threadCount: 2, spinLimit: round % 2 * 1_000)
            pool.run(taskCount: 2) { _ in }
        }
    }

    @Test func `pools come and go without leaving threads behind`() {
        for _ in 0..<50 {
            let pool = WorkerPool(threadCount: 4, spinLimit: 100)
            pool.run(taskCount: 4) { _ in }
        }
    }
}
