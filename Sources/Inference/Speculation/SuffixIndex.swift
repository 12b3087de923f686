import Tokenization

/// Finds where the end of a growing text of tokens has stood before.
///
/// Every place is chained to the latest place before it that ends in the same few tokens, as LZ77 compressors find
/// their matches (RFC 1951, section 4). Appending takes constant time, amortised; a search looks at a bounded number of
/// places. Memory is 12 to 24 bytes a token.
struct SuffixIndex {
    /// Tokens that must agree at least.
    let shortestMatch: Int
    /// Tokens beyond which a longer match makes no difference.
    let longestMatch: Int
    /// Places a search looks at, latest first.
    let searchLimit: Int
    /// The text.
    private(set) var tokens: [TokenID] = []
    /// `[power of two]`: the latest place by the hash of the tokens it ends in; -1 where there is none.
    private var heads: [Int32]
    /// `[tokens]`: the place before with the same hash; -1 where there is none.
    private var previous: [Int32] = []

    init(shortestMatch: Int = 3, longestMatch: Int = 32, searchLimit: Int = 32) {
        precondition(shortestMatch >= 1 && longestMatch >= shortestMatch && searchLimit >= 1, "SuffixIndex: limits")
        self.shortestMatch = shortestMatch
        self.longestMatch = longestMatch
        self.searchLimit = searchLimit
        heads = Array(repeating: -1, count: Self.smallestTable)
        reserveTexts()
    }

    /// Appends what `text` has beyond the tokens already here; the rest of it must be the same.
    mutating func catchUp(with text: [TokenID]) {
        for token in text[min(tokens.count, text.count)...] { append(token) }
    }

    /// Appends a token.
    mutating func append(_ token: TokenID) {
        if tokens.count == heads.count {
            heads = Array(repeating: -1, count: 2 * heads.count)
            reserveTexts()
            for place in tokens.indices { link(place) }
        }
        tokens.append(token)
        previous.append(-1)
        link(tokens.count - 1)
    }

    /// The place before whose end agrees longest with the end of the text, the latest among equals; nil when none
    /// agrees in `shortestMatch` tokens.
    func match() -> SuffixMatch? {
        var best: SuffixMatch?
        var place = tokens.isEmpty ? -1 : Int(previous[tokens.count - 1])
        var searchCount = 0
        while place >= 0, searchCount < searchLimit {
            searchCount += 1
            let length = agreement(at: place)
            if length >= shortestMatch, length > best?.length ?? 0 { best = SuffixMatch(place: place, length: length) }
            if length >= longestMatch { break }
            place = Int(previous[place])
        }
        return best
    }

    /// The `count` tokens that followed `match`. Where they reach the end of the text, they go on as if it repeated.
    func continuation(of match: SuffixMatch, count: Int) -> [TokenID] {
        let period = tokens.count - 1 - match.place
        return (0..<count).map { tokens[match.place + 1 + $0 % period] }
    }

    /// How many tokens up to `place` agree with those up to the end, at most `longestMatch`.
    private func agreement(at place: Int) -> Int {
        let limit = min(longestMatch, place + 1)
        var length = 0
        while length < limit, tokens[place - length] == tokens[tokens.count - 1 - length] { length += 1 }
        return length
    }

    /// Makes room for as many tokens as the table is for. Left to themselves the arrays grow when the heap happens to have
    /// given them no more than they asked for, and each in a step of its own.
    private mutating func reserveTexts() {
        tokens.reserveCapacity(heads.count)
        previous.reserveCapacity(heads.count)
    }

    private mutating func link(_ place: Int) {
        previous[place] = -1
        if place + 1 < shortestMatch { return }
        var hash: UInt64 = 0
        for token in tokens[(place + 1 - shortestMatch)...place] {
            hash = BitMixer.mix(hash ^ UInt64(UInt32(bitPattern: token.rawValue)))
        }
        let slot = Int(hash & UInt64(heads.count - 1))
        previous[place] = heads[slot]
        heads[slot] = Int32(place)
    }

    private static let smallestTable = 64
}

/// A place in a text that ends as the text does.
struct SuffixMatch: Equatable {
    /// Index of the match's last token.
    var place: Int
    /// Tokens that agree.
    var length: Int
}
