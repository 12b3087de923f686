import Synchronization

/// The memory of what went last, for what comes next: where things of one size take turns, fresh pages take longer than all that
/// is written to them (32 of 74 ms for 12 MB in a virtual machine, whose host has to find them first).
package final class SpareMemory: Sendable {
    private let memory = Mutex<ReservedMemory?>(nil)
    private let byteLimit: Int

    /// - Parameter byteLimit: bytes above which memory is not kept.
    package init(byteLimit: Int = .max) { self.byteLimit = byteLimit }

    /// Memory of so many bytes and at most twice as many, with anything in it; nil if none was kept.
    package func take(bytes: Int) -> ReservedMemory? {
        memory.withLock { memory in
            guard let kept = memory, (bytes...2 * bytes).contains(kept.capacity) else { return nil }
            memory = nil
            return kept
        }
    }

    /// Keeps it, in place of what was kept before.
    package func keep(_ reserved: ReservedMemory) {
        if reserved.capacity > byteLimit { return }
        // What was kept goes back to the system outside of the lock.
        _ = memory.withLock { memory in
            defer { memory = reserved }
            return memory
        }
    }
}
