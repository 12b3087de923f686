/// One entry of a vocabulary.
///
/// A type of its own so that a token and a block or a count cannot be mixed up. Its layout is one `Int32`, so an array
/// of ids can be handed to the kernels as it is.
package struct TokenID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Index into the vocabulary, from 0.
    package var rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// Shorthand for literals and loops.
    package init(_ value: Int) { self.rawValue = Int32(value) }

    package static func < (left: TokenID, right: TokenID) -> Bool { left.rawValue < right.rawValue }

    package var description: String { String(rawValue) }
}
