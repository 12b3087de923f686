package import Tokenization

/// What an answer must be, followed token by token: a grammar, a schema, a choice.
///
/// A value: whoever holds it moves on with every token, and copies are independent of each other.
package protocol TokenConstraint: Sendable {
    /// Whether only a token that ends the answer may come next.
    var mustEnd: Bool { get }

    /// Whether `restrict` would take long. Another thread costs the step more than some microseconds here.
    var isWorthPreparing: Bool { get }

    /// Works out what `restrict` will need. Where it is worth it, the engine calls it while the model computes the logits, on
    /// another thread.
    mutating func prepare()

    /// Makes -∞ of the logits of tokens that may not come next.
    ///
    /// - Parameters:
    ///   - logits: `[vocabulary]`.
    ///   - endingTokens: allowed where the answer may end, and only there.
    mutating func restrict(_ logits: UnsafeMutableBufferPointer<Float>, endingTokens: Set<TokenID>)

    /// Takes note of a token that was drawn under `restrict`.
    mutating func take(_ token: TokenID)
}
