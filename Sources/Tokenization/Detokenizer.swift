/// Turns tokens into text as they come, whole characters only.
///
/// The pieces of text it returns, one after the other, are what `Tokenizer.decode` makes of all the tokens: bytes that
/// are the beginning of a character wait for the rest, those that cannot be one become U+FFFD.
package struct Detokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecial: Bool
    private let keptSpecial: Set<TokenID>
    /// Bytes that wait: at most three.
    private var held: [UInt8] = []
    private var mayDropSpace: Bool

    /// - Parameters:
    ///   - skipSpecial: leaves control tokens out.
    ///   - keeping: control tokens that stay in the text nevertheless, such as those around function calls.
    ///   - continuesText: the tokens go on after a text, so a space at their beginning belongs to them. Otherwise the
    ///     space that some vocabularies put before every text is taken away.
    package init(
        _ tokenizer: Tokenizer,
        skipSpecial: Bool,
        keeping: Set<TokenID> = [],
        continuesText: Bool = false
    ) {
        self.tokenizer = tokenizer
        skipsSpecial = skipSpecial
        keptSpecial = keeping
        mayDropSpace = tokenizer.dropsFirstSpace && !continuesText
    }

    /// The text that a token completes; often its own, sometimes nothing.
    package mutating func append(_ id: TokenID) -> String {
        if skipsSpecial, tokenizer.isSpecial(id), !keptSpecial.contains(id) { return "" }
        var bytes = held
        tokenizer.appendBytes(of: id, to: &bytes)
        if mayDropSpace, let first = bytes.first {
            if first == 0x20 { bytes.removeFirst() }
            mayDropSpace = false
        }
        let heldCount = UTF8Decoding.incompleteSuffixCount(bytes)
        held = Array(bytes.suffix(heldCount))
        return String(decoding: bytes.dropLast(heldCount), as: UTF8.self)
    }

    /// What still waits, at the end: one U+FFFD for the beginning of a character that never came.
    package mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }
}
