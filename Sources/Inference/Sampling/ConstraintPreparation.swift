import Dispatch
import Synchronization

/// Works out what the rows of a step may say next, on a thread of its own, while the model computes what they want to say.
///
/// What may come next follows from what was said before, so it need not wait for the logits. Between `begin` and `end` the
/// constraints are here and nowhere else.
final class ConstraintPreparation: Sendable {
    /// A row's constraint on its way.
    struct Row: Sendable {
        var id: RequestID
        var constraint: any TokenConstraint
    }

    private let queue = DispatchQueue(label: "hearth-constraints", qos: .userInteractive)
    private let group = DispatchGroup()
    private let rows = Mutex<[Row]>([])

    /// Starts on `rows`; nothing may be under way.
    func begin(_ rows: consuming [Row]) {
        self.rows.withLock { [rows] in $0 = rows }
        queue.async(group: group) { [self] in
            self.rows.withLock { rows in
                for index in rows.indices { rows[index].constraint.prepare() }
            }
        }
    }

    /// Waits for what was begun and gives it back.
    func end() -> [Row] {
        group.wait()
        return rows.withLock { rows in
            defer { rows = [] }
            return rows
        }
    }
}
