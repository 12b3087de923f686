/// Bounds on a text that comes from a file or the network.
package struct JSONLimits: Sendable, Equatable {
    /// What an object that names a key twice means.
    package enum DuplicateKeys: Sendable, Equatable {
        /// The last value wins and stands at the first one's place, as in Python.
        case keepLast
        /// The text is refused with `JSONError.duplicateKey`.
        case reject
    }

    /// Levels of arrays and objects: `1` allows `[]` but not `[[]]`. The parser recurses, so the ceiling is 1,024.
    package var maximumDepth: Int
    /// Length of the text in bytes. A value takes up to some 20 times as much memory as its text.
    package var maximumBytes: Int
    /// What to do with a key that is there twice.
    package var duplicateKeys: DuplicateKeys

    package init(
        maximumDepth: Int = 128,
        maximumBytes: Int = 256 << 20,
        duplicateKeys: DuplicateKeys = .keepLast
    ) {
        precondition((0...1024).contains(maximumDepth), "JSON depth limit \(maximumDepth) is not within 0...1024")
        precondition(maximumBytes >= 0, "JSON byte limit \(maximumBytes) is negative")
        self.maximumDepth = maximumDepth
        self.maximumBytes = maximumBytes
        self.duplicateKeys = duplicateKeys
    }

    /// 128 levels, 256 MiB, the last of two equal keys wins.
    package static let `default` = JSONLimits()
}
