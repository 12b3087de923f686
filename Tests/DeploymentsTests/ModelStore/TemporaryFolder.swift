import Foundation
import Synchronization

@testable import Deployments

/// A folder that is gone when the value is.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "hearth-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Paths of all files below, sorted, without the folders.
    func files(under sub: String = "") -> [String] {
        let found = FileManager.default.enumerator(atPath: path + "/" + sub)?.compactMap { $0 as? String } ?? []
        return found.filter { AtomicFile.byteCount(of: "\(path)/\(sub)/\($0)") != nil }.sorted()
    }
}

/// A clock whose sleeps are over at once, and noted.
final class ImpatientClock: Clock, Sendable {
    typealias Instant = ContinuousClock.Instant
    private let notes = Mutex<[Duration]>([])

    /// What was slept so far.
    var sleeps: [Duration] { notes.withLock { $0 } }
    var now: Instant { ContinuousClock.now }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let duration = now.duration(to: deadline)
        notes.withLock { $0.append(.milliseconds(Int((duration / .milliseconds(1)).rounded()))) }
        try Task.checkCancellation()
        await Task.yield()
    }
}

/// Collects events of a pull.
final class PullRecorder: Sendable {
    private let notes = Mutex<[PullEvent]>([])

    var events: [PullEvent] { notes.withLock { $0 } }
    var report: PullReport { { event in self.notes.withLock { $0.append(event) } } }
}
