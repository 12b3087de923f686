import Foundation

/// Why the model store could not do what it was asked; the sentence may be shown to the user.
package enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The folder may not be written: permissions, or a read-only file system.
    case notWritable(path: String, reason: String)
    /// The file system has no room. `neededBytes` is nil when a write found out.
    case diskFull(path: String, neededBytes: Int?, availableBytes: Int?)
    /// Any other failure of the file system.
    case fileSystem(operation: String, path: String, reason: String)
    /// A manifest that cannot be read.
    case damagedManifest(path: String, reason: String)
    /// The store has no model of that name.
    case modelUnknown(name: String, suggestions: [String])
    /// What arrived is longer or shorter than announced. It was not kept.
    case sizeMismatch(file: String, expected: Int, actual: Int)
    /// What arrived has another hash than announced. It was deleted.
    case hashMismatch(file: String, expected: String, actual: String)
    /// Blobs vanished again and again while a model was put together.
    case unsettled(name: String)
    /// The task was cancelled.
    case cancelled

    package var description: String {
        switch self {
        case .notWritable(let path, let reason):
            "\(path) cannot be written (\(reason)). Set HEARTH_HOME to a folder you may write, or change its permissions."
        case .diskFull(let path, let needed?, let available?):
            "The disk of \(path) has \(ByteCount(available)) free, but \(ByteCount(needed)) are needed. "
                + "Free some space (`hearth list`, `hearth remove MODEL`) or set HEARTH_HOME to another disk."
        case .diskFull(let path, _, _):
            "The disk of \(path) is full. Free some space and run the same command again: it goes on where it stopped."
        case .fileSystem(let operation, let path, let reason):
            "Could not \(operation) \(path): \(reason)."
        case .damagedManifest(let path, let reason):
            "The manifest \(path) cannot be read: \(reason) Delete it and pull the model again."
        case .modelUnknown(let name, let suggestions):
            "The store has no model \"\(name)\"." + NearNames.sentence(suggestions) + " `hearth list` shows all."
        case .sizeMismatch(let file, let expected, let actual):
            "\(file) came with \(actual) bytes where \(expected) were announced, and was not kept. Pull it again."
        case .hashMismatch(let file, let expected, let actual):
            "\(file) is not what was announced: SHA-256 \(actual) instead of \(expected). It was deleted. "
                + "Pull it again; if this repeats, something between you and the source changes files."
        case .unsettled(let name):
            "Files of \(name) were removed by another process while it was pulled. Pull it again."
        case .cancelled:
            "Interrupted. Run the same command again: it goes on where it stopped."
        }
    }

    /// The error that `code`, an `errno`, means for `path`.
    static func system(_ operation: String, _ path: String, code: Int32 = errno) -> StoreError {
        let reason = String(cString: strerror(code))
        switch code {
        case ENOSPC, EDQUOT: return .diskFull(path: path, neededBytes: nil, availableBytes: nil)
        case EACCES, EPERM, EROFS: return .notWritable(path: path, reason: reason)
        default: return .fileSystem(operation: operation, path: path, reason: reason)
        }
    }
}
