import Inference
import Tokenization

/// Ends an answer's thoughts with the model's own mark once they have had their tokens.
///
/// Before and after, tokens are drawn as ever, under the answer's own constraint where it has one.
struct ThoughtBudget: TokenConstraint {
    /// Where in the answer the next token stands.
    private enum Place {
        case before, within, closing, over
    }

    private var inner: (any TokenConstraint)?
    private let tokenizer: Tokenizer
    private let opening: [UInt8]
    private let closing: [UInt8]
    private let closingTokens: [TokenID]
    private var place: Place
    /// Tokens that may still be thought.
    private var remaining: Int
    /// Tokens of the closing mark that were written.
    private var closedCount = 0
    /// What was written before the thoughts, without the blanks it began with; then the last of the thoughts.
    private var text: [UInt8] = []

    /// - Parameters:
    ///   - limit: most tokens between the marks.
    ///   - isOpen: whether the answer begins within thoughts.
    ///   - inner: what the answer must be beside this; nil for anything.
    init(
        _ limit: Int,
        _ format: ReasoningFormat,
        isOpen: Bool,
        tokenizer: Tokenizer,
        within inner: (any TokenConstraint)?
    ) {
        self.inner = inner
        self.tokenizer = tokenizer
        opening = Array(format.mark.utf8)
        closing = Array(format.closing.utf8)
        closingTokens = tokenizer.encode(format.closing, addSpecial: false, parseSpecial: true)
        remaining = limit
        place = isOpen ? .within : .before
        if isOpen, limit == 0, !closingTokens.isEmpty { place = .closing }
    }

    var mustEnd: Bool { inner?.mustEnd ?? false }

    var isWorthPreparing: Bool { inner?.isWorthPreparing ?? false }

    mutating func prepare() { inner?.prepare() }

    mutating func restrict(_ logits: UnsafeMutableBufferPointer<Float>, endingTokens: Set<TokenID>) {
        inner?.restrict(logits, endingTokens: endingTokens)
        guard place == .closing else { return }
        let token = Int(closingTokens[closedCount].rawValue)
        // Better thoughts that go on than an answer that breaks off.
        guard logits.indices.contains(token), logits[token] > -.infinity else { return }
        for index in logits.indices where index != token { logits[index] = -.infinity }
    }

    mutating func take(_ token: TokenID) {
        inner?.take(token)
        switch place {
        case .over: break
        case .before: begin(tokenizer.bytes(of: token))
        case .within:
            remaining -= 1
            think(tokenizer.bytes(of: token))
        case .closing:
            if token == closingTokens[closedCount] {
                closedCount += 1
                if closedCount == closingTokens.count { place = .over }
            } else {
                closedCount = 0
                think(tokenizer.bytes(of: token))
            }
        }
    }

    /// Looks for the opening mark, which only blanks may stand before.
    private mutating func begin(_ bytes: [UInt8]) {
        text += bytes
        text.removeFirst(text.prefix(while: JSONScanner.isBlank).count)
        if text.starts(with: opening) {
            let thought = Array(text[opening.count...])
            text = []
            place = .within
            think(thought)
        } else if !opening.starts(with: text) {
            place = .over
        }
    }

    /// Looks for the closing mark, and asks for it when no more may be thought.
    private mutating func think(_ bytes: [UInt8]) {
        text += bytes
        if holdsClosing {
            place = .over
            return
        }
        text = text.suffix(closing.count - 1)
        // A mark that was begun is the model's own to end, in as many tokens as it has bytes.
        let waits = beginsClosing && remaining > -closing.count
        if remaining <= 0, !waits, !closingTokens.isEmpty { place = .closing }
    }

    private var beginsClosing: Bool {
        (1..<max(closing.count, 1)).contains { text.suffix($0) == closing.prefix($0) }
    }

    private var holdsClosing: Bool {
        guard text.count >= closing.count else { return false }
        return (0...text.count - closing.count).contains { text[$0...].starts(with: closing) }
    }
}
