import Synchronization

/// What the threads of a region have still to begin: each its own from the front, and then the others' from the back. So a thread
/// that comes late or not at all is helped, and the others seldom look at the same memory.
///
/// An address and a count, for threads to copy; whoever allocates it deallocates it.
struct TaskShares: @unchecked Sendable {
    let threadCount: Int
    private let shares: UnsafeMutablePointer<TaskShare>

    static func allocate(threadCount: Int) -> TaskShares {
        let shares = UnsafeMutablePointer<TaskShare>.allocate(capacity: threadCount)
        for thread in 0..<threadCount { (shares + thread).initialize(to: TaskShare()) }
        return TaskShares(threadCount: threadCount, shares: shares)
    }

    func deallocate() {
        shares.deinitialize(count: threadCount)
        shares.deallocate()
    }

    /// Gives a thread what it has to do, while nobody takes anything.
    func fill(_ thread: Int, with tasks: Range<Int>) { shares[thread].fill(tasks) }

    /// The next task for `thread`, and whose it was; nil when all have begun.
    func takeNext(as thread: Int) -> (task: Int, owner: Int)? {
        if let task = shares[thread].takeFirst() { return (task, thread) }
        for distance in 1..<threadCount {
            let other = (thread + distance) % threadCount
            if let task = shares[other].takeLast() { return (task, other) }
        }
        return nil
    }
}

/// The tasks that a thread has still to begin: its own from the front, helpers from the back.
///
/// A value in memory of the pool's, not a class: every task begins here, and counting references would take as long as the
/// shortest of them.
private struct TaskShare: ~Copyable {
    /// Bits 32…63: the first task; below: the one after the last. Padded, so that threads share no two neighbouring cache lines.
    private let word = Atomic<UInt64>(0)
    private let padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    private let more: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)

    func fill(_ tasks: Range<Int>) {
        word.store(UInt64(tasks.lowerBound) << 32 | UInt64(tasks.upperBound), ordering: .relaxed)
    }

    func takeFirst() -> Int? { take { $0 + 1 << 32 }.map { Int($0 >> 32) } }

    func takeLast() -> Int? { take { $0 - 1 }.map { Int($0 & 0xFFFF_FFFF) - 1 } }

    /// Replaces the range unless it is empty; returns the old one.
    private func take(_ shrink: (UInt64) -> UInt64) -> UInt64? {
        var current = word.load(ordering: .relaxed)
        while current >> 32 < current & 0xFFFF_FFFF {
            let result = word.weakCompareExchange(expected: current, desired: shrink(current), ordering: .relaxed)
            if result.exchanged { return current }
            current = result.original
        }
        return nil
    }
}
