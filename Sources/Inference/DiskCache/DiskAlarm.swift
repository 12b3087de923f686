/// Decides which troubles of a disk cache are told: one that lasts once, one that comes and goes at most once a sweep.
struct DiskAlarm: Sendable {
    private enum Writing { case working, failing, recovered }

    private var writing = Writing.working
    private var hasToldKey = false

    /// Notes that a block was not taken; whether that is to be told.
    mutating func noteFailure() -> Bool {
        defer { writing = .failing }
        return writing == .working
    }

    /// Notes that a block was taken at the first try.
    mutating func noteSuccess() { if writing == .failing { writing = .recovered } }

    /// Notes that some time has gone by.
    mutating func noteSweep() { if writing == .recovered { writing = .working } }

    /// Notes whether the folder's key is the one that this process names blocks by; whether that is to be told.
    mutating func noteKey(isOwn: Bool) -> Bool {
        defer { hasToldKey = !isOwn }
        return !isOwn && !hasToldKey
    }
}
