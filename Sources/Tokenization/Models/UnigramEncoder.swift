/// The most probable way to cut a word into pieces, by the pieces' log probabilities.
///
/// Source: Kudo, *Subword Regularization*, arXiv:1804.10959, section 3.2 (Viterbi).
struct UnigramEncoder: Sendable {
    private let trie: PieceTrie
    /// Score of each piece as it is used: 0 for user-defined pieces.
    private let scores: [Double]
    private let unknown: Int32
    private let unknownScore: Double
    private let fallbackBytes: [Int32]

    /// How much worse than the worst piece an unknown character is.
    private static let unknownPenalty = 10.0

    /// - Parameters:
    ///   - pieces: all pieces by id.
    ///   - kinds: those that are normal, user-defined or unused take part.
    ///   - fallbackBytes: the tokens of single bytes or nothing; they stand for unknown characters then.
    init(pieces: PieceStore, scores: [Float], kinds: [TokenKind], unknown: Int32, fallbackBytes: [Int32]) {
        var trie = PieceTrie(capacity: pieces.count * 6)
        var worst = Double.greatestFiniteMagnitude
        var used = [Double](repeating: 0, count: pieces.count)
        for id in 0..<pieces.count {
            switch kinds[id] {
            case .normal:
                worst = min(worst, Double(scores[id]))
                used[id] = Double(scores[id])
            case .unused: used[id] = Double(scores[id])
            case .userDefined: used[id] = 0
            case .control, .unknown, .byte: continue
            }
            if pieces.byteCount(of: id) <= AddedTokenMatcher.longestByteCount {
                trie.insert(pieces[id], id: Int32(id))
            }
        }
        self.trie = trie
        self.scores = used
        self.unknown = unknown
        unknownScore = (worst == .greatestFiniteMagnitude ? 0 : worst) - Self.unknownPenalty
        self.fallbackBytes = fallbackBytes
    }

    /// Appends the tokens of the word `start..<end`. Unknown characters next to each other become one unknown token,
    /// also across words.
    func encode(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ scratch: EncodingScratch,
        into output: inout [TokenID]
    ) {
        let unreached = UnigramStep(score: -.greatestFiniteMagnitude, start: -1, id: unknown)
        scratch.path.removeAll(keepingCapacity: true)
        scratch.path.append(contentsOf: repeatElement(unreached, count: end - start + 1))
        scratch.path[0].score = 0
        scratch.path.withUnsafeMutableBufferPointer { path in
            var position = start
            while position < end {
                let length = UTF8Decoding.scalar(text, at: position, end: end).length
                extend(path, text, from: position - start, at: position, to: end, characterEnd: position + length)
                position += length
            }
        }
        appendBest(scratch.path, text, from: start, into: &output)
    }

    /// Tries every piece that begins here; the path so far has `offset` bytes.
    @inline(__always)
    private func extend(
        _ path: UnsafeMutableBufferPointer<UnigramStep>,
        _ text: UnsafeBufferPointer<UInt8>,
        from offset: Int,
        at position: Int,
        to end: Int,
        characterEnd: Int
    ) {
        let soFar = path[offset].score
        var coversCharacter = false
        trie.forEachMatch(text, from: position, to: end) { id, matchEnd in
            if matchEnd == characterEnd { coversCharacter = true }
            let score = soFar + scores[Int(id)]
            let target = offset + matchEnd - position
            if score > path[target].score { path[target] = UnigramStep(score: score, start: Int32(offset), id: id) }
        }
        let target = offset + characterEnd - position
        if !coversCharacter, soFar + unknownScore > path[target].score {
            path[target] = UnigramStep(score: soFar + unknownScore, start: Int32(offset), id: unknown)
        }
    }

    private func appendBest(
        _ path: [UnigramStep],
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        into output: inout [TokenID]
    ) {
        let first = output.count
        var offset = path.count - 1
        while offset > 0 {
            let step = path[offset]
            let begin = max(0, Int(step.start))
            if step.id == unknown, !fallbackBytes.isEmpty {
                for byte in text[(start + begin)..<(start + offset)].reversed() {
                    output.append(TokenID(rawValue: fallbackBytes[Int(byte)]))
                }
            } else if step.id != unknown || output.count == first || output.last?.rawValue != unknown {
                output.append(TokenID(rawValue: step.id))
            }
            offset = begin
        }
        output[first...].reverse()
        if first > 0, first < output.count, output[first].rawValue == unknown, output[first - 1].rawValue == unknown {
            output.remove(at: first)
        }
    }
}

/// The best way found to reach a place of a word.
struct UnigramStep {
    var score: Double
    /// Where the last piece begins, or -1.
    var start: Int32
    var id: Int32
}
