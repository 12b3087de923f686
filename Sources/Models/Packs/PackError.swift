/// Why a pack cannot be used or written. None of these keeps a model from running: its weights are then packed again.
package enum PackError: Error, Equatable, CustomStringConvertible {
    /// There is none.
    case missing
    /// It was made from another checkpoint, or by another version.
    case stale(reason: String)
    /// Its bytes are not what was written.
    case damaged(reason: String)
    /// The checkpoint's files have been replaced since it was opened.
    case replaced(path: String)
    /// The file system refused.
    case system(operation: String, path: String, reason: String)
    /// The disk has no room for it; sizes in bytes.
    case diskFull(path: String, neededBytes: Int)
    /// There is no writing to where it belongs; a sentence.
    case unwritable(reason: String)

    package var description: String {
        switch self {
        case .missing: "There is no pack yet."
        case .stale(let reason): "The pack is out of date: \(reason)."
        case .damaged(let reason): "The pack is damaged: \(reason)."
        case .replaced(let path):
            "\(path) has been replaced while it was being opened: this start runs what it was, the next what it is."
        case .system(let operation, let path, let reason): "Could not \(operation) \(path): \(reason)."
        case .unwritable(let reason): reason
        case .diskFull(let path, let needed):
            "The disk of \(path) has no room for \(needed >> 20) MiB of packed weights."
        }
    }
}
