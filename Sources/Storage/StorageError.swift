/// Why something could not be stored or read.
package enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The database cannot be opened or written.
    case unwritable(path: String, reason: String)
    /// The file is no database, or a broken one.
    case damaged(path: String, reason: String)
    /// A newer version of this program wrote the database.
    case newer(path: String)
    /// No room on the disk.
    case full(path: String)
    /// Another process held the database for too long.
    case busy(path: String)
    /// One record alone is beyond the store's limit.
    case tooLarge(byteCount: Int, limit: Int)
    /// Anything else that went wrong.
    case failed(path: String, reason: String)

    package var description: String {
        switch self {
        case .unwritable(let path, let reason):
            "The storage \(path) cannot be opened or written (\(reason)). "
                + "Change its permissions, or choose another place with --storage."
        case .damaged(let path, let reason):
            "The storage \(path) is damaged or no database (\(reason)). "
                + "Move the file away to start anew, or choose another with --storage."
        case .newer(let path):
            "The storage \(path) was written by a newer version of Hearth. Use that version, or another --storage."
        case .full(let path):
            "There is no room on the disk for the storage \(path). Free some space, or turn it off with --storage off."
        case .busy(let path):
            "Another process kept the storage \(path) busy for too long. Try again."
        case .tooLarge(let byteCount, let limit):
            "The record has \(byteCount) bytes, and the storage holds \(limit)."
        case .failed(let path, let reason):
            "The storage \(path) failed: \(reason)."
        }
    }
}
