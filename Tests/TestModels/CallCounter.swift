import Foundation
import StepCounters

/// Counts what the threads it watches ask of the heap and of the system's locks.
///
/// `@unchecked Sendable`: the counts are atomic.
package final class CallCounter: @unchecked Sendable {
    private let counter: UnsafeMutablePointer<sc_counter>

    /// A counter that watches nobody yet.
    package init() {
        counter = .allocate(capacity: 1)
        let traces = ProcessInfo.processInfo.environment["HEARTH_TRACE_COUNTS"] != nil
        counter.initialize(to: sc_counter(allocations: 0, locks: 0, traces: traces))
    }

    deinit { counter.deallocate() }

    /// Counts what the calling thread does from now on. The counter must outlive the watch.
    package func watch() { sc_watch_this_thread(counter) }

    /// Ends the watch over the calling thread.
    package static func ignore() { sc_watch_this_thread(nil) }

    /// Whether calls can be counted: not under a sanitizer, which brings an allocator of its own.
    package static var isAvailable: Bool { sc_is_available() }

    /// Memory asked for.
    package var allocations: Int { Int(sc_allocations(counter)) }

    /// Locks taken and waits for other threads.
    package var locks: Int { Int(sc_locks(counter)) }
}
