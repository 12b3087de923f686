import Grammars
import Inference
import Tokenization

/// Keeps an answer within a grammar, token by token.
struct GrammarConstraint: TokenConstraint {
    private var matcher: GrammarMatcher
    private let tokens: GrammarTokens
    /// Whether nothing was written yet and the first space of the answer would not be shown.
    private var dropsSpace: Bool
    private var lastEndings: Set<TokenID> = []
    /// Whether a token was taken that may not stand there. Nothing may follow then: better no answer than a wrong one.
    private var isLost = false

    init(_ grammar: Grammar, _ tokens: GrammarTokens, continuesText: Bool) {
        matcher = GrammarMatcher(grammar)
        self.tokens = tokens
        dropsSpace = tokens.dropsFirstSpace && !continuesText
    }

    var mustEnd: Bool { matcher.mustEnd }

    /// Without the space that the first token of an answer loses.
    private var vocabulary: GrammarVocabulary { dropsSpace ? tokens.firstVocabulary : tokens.vocabulary }

    /// Only what a vocabulary meets for the first time is worth another thread.
    var isWorthPreparing: Bool { !isLost && !matcher.knowsTokens(vocabulary) }

    /// The matcher keeps what it finds.
    mutating func prepare() {
        if !isLost { _ = matcher.allowedTokens(vocabulary) }
    }

    mutating func restrict(_ logits: UnsafeMutableBufferPointer<Float>, endingTokens: Set<TokenID>) {
        let endings = endingTokens.lazy.map { Int($0.rawValue) }.filter { logits.indices.contains($0) }
        let kept = matcher.mayEnd ? endings.map { ($0, logits[$0]) } : []
        lastEndings = endingTokens
        if isLost {
            for index in logits.indices { logits[index] = -.infinity }
            return
        }
        matcher.allowedTokens(vocabulary).forbidOthers(in: logits)
        for (token, logit) in kept { logits[token] = logit }
    }

    mutating func take(_ token: TokenID) {
        var bytes = tokens.tokenizer.bytes(of: token)
        if dropsSpace, bytes.first == 0x20 { bytes.removeFirst() }
        // A token that ends the answer is no part of it and leaves the matcher where it is.
        if lastEndings.contains(token) { return }
        if matcher.accept(bytes) {
            dropsSpace = false
        } else {
            isLost = true
        }
    }
}

/// The tokens of a model as constraints see them; built when the first constraint needs them.
final class GrammarTokens: Sendable {
    let tokenizer: Tokenizer
    let vocabulary: GrammarVocabulary
    /// For the first token of an answer, where the tokenizer takes its first space for none.
    let firstVocabulary: GrammarVocabulary

    var dropsFirstSpace: Bool { tokenizer.dropsFirstSpace }

    /// - Parameter markers: control tokens whose text may stand in an answer.
    init(_ tokenizer: Tokenizer, markers: Set<TokenID>) {
        self.tokenizer = tokenizer
        var texts: [(id: Int32, bytes: [UInt8])] = []
        for id in 0..<tokenizer.vocabularySize {
            let token = TokenID(id)
            let isControl = tokenizer.isSpecial(token) || tokenizer.endOfGeneration.contains(token)
            if isControl, !markers.contains(token) { continue }
            texts.append((token.rawValue, tokenizer.bytes(of: token)))
        }
        vocabulary = GrammarVocabulary(texts, size: tokenizer.vocabularySize)
        guard tokenizer.dropsFirstSpace else {
            firstVocabulary = vocabulary
            return
        }
        for index in texts.indices where texts[index].bytes.first == 0x20 { texts[index].bytes.removeFirst() }
        firstVocabulary = GrammarVocabulary(texts, size: tokenizer.vocabularySize)
    }
}
