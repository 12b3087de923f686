/// A set of token ids: one bit for each token of a vocabulary.
package struct TokenSet: Sendable, Equatable {
    /// 64 tokens a word, the lowest bit first.
    package private(set) var words: [UInt64]

    /// The empty set.
    package init(vocabularySize: Int) {
        words = [UInt64](repeating: 0, count: (vocabularySize + 63) / 64)
    }

    /// Whether a token is in the set; tokens beyond the vocabulary are not.
    package func contains(_ token: Int) -> Bool {
        token >= 0 && token >> 6 < words.count && words[token >> 6] & (1 << UInt64(token & 63)) != 0
    }

    /// Adds a token of the vocabulary.
    package mutating func insert(_ token: Int) {
        if token >= 0, token >> 6 < words.count { words[token >> 6] |= 1 << UInt64(token & 63) }
    }

    mutating func remove(_ token: Int) {
        if token >= 0, token >> 6 < words.count { words[token >> 6] &= ~(1 << UInt64(token & 63)) }
    }

    mutating func formUnion(_ other: TokenSet) {
        words.withUnsafeMutableBufferPointer { mine in
            other.words.withUnsafeBufferPointer { theirs in
                for index in 0..<min(mine.count, theirs.count) { mine[index] |= theirs[index] }
            }
        }
    }

    /// Makes -∞ of the logits of tokens that are not in the set.
    ///
    /// - Parameter logits: `[vocabulary]`; tokens beyond those of the set count as not in it.
    package func forbidOthers(in logits: UnsafeMutableBufferPointer<Float>) {
        for (index, word) in words.enumerated() where word != .max {
            let first = index * 64
            let end = min(first + 64, logits.count)
            if first >= end { break }
            if word == 0 {
                logits[first..<end].update(repeating: -.infinity)
                continue
            }
            for token in first..<end where word >> UInt64(token - first) & 1 == 0 { logits[token] = -.infinity }
        }
        let known = words.count * 64
        if known < logits.count { logits[known...].update(repeating: -.infinity) }
    }

    package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    package var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
}
