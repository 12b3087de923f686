import NIOCore

/// Runs the tasks that write an answer on the thread that serves its connection.
///
/// A token passes several tasks before it is on the wire. On the shared pool each hand-over wakes a thread, and the last one
/// the connection's; all of that takes time from the cores that compute. Here the engine wakes one thread, which does the
/// rest. What runs here must be short: other connections wait for it.
///
/// The loop must outlive the tasks, which the process-wide loops of the server do.
final class ConnectionExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
