/// Cuts a text into the words that a model tokenises one by one.
///
/// Stages run one inside the other, as in a Hugging Face `Sequence`: each cuts the pieces that the one before it left.
/// A text without stages is one word.
struct PreTokenizer: Sendable, Equatable {
    var stages: [SplitStage]

    /// Calls `emit` with the bounds of every word in `start..<end`, in order; no word is empty.
    @inline(__always)
    func forEachWord(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ emit: (Int, Int) -> Void
    ) {
        guard start < end else { return }
        split(text, from: start, to: end, stage: 0, emit)
    }

    private func split(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        stage: Int,
        _ emit: (Int, Int) -> Void
    ) {
        if stage == stages.count {
            emit(start, end)
        } else if stage == stages.count - 1 {
            stages[stage].forEachPiece(text, from: start, to: end, emit)
        } else {
            stages[stage].forEachPiece(text, from: start, to: end) { pieceStart, pieceEnd in
                split(text, from: pieceStart, to: pieceEnd, stage: stage + 1, emit)
            }
        }
    }
}

/// One step of a pre-tokenizer.
enum SplitStage: Sendable, Equatable {
    /// Cuts around the matches of a pattern.
    case pattern(PatternSplit)
    /// Cuts white space off the end: `\s+$`.
    case spaceAtEnd
    /// Cuts runs of decimal digits into threes, counted from the right. With `wholeWords`, only runs that end at a
    /// word boundary, as `\d{1,3}(?=(?:\d{3})*\b)` has it; without, every run: `(?=(\d{3})+(?!\d))`.
    case digitGroups(wholeWords: Bool)
    /// Sets bytes apart whose character in the byte alphabet is a number: what `Digits` does after `ByteLevel`, where it
    /// sees the alphabet and not the text. Also cuts characters; each byte by itself, or whole runs.
    case byteDigits(individual: Bool)

    /// A stage of one alternative.
    static func matching(_ alternative: WordPattern, _ behavior: PatternSplit.Behavior = .isolated) -> SplitStage {
        .pattern(PatternSplit(alternatives: [alternative], behavior: behavior))
    }

    /// The stage of an expression that is no list of alternatives.
    static func special(_ expression: String) -> SplitStage? {
        switch expression {
        case #"\s+$"#: .spaceAtEnd
        case #"\d{1,3}(?=(?:\d{3})*\b)"#: .digitGroups(wholeWords: true)
        case #"(?=(\d{3})+(?!\d))"#: .digitGroups(wholeWords: false)
        default: nil
        }
    }

    func forEachPiece(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ emit: (Int, Int) -> Void
    ) {
        switch self {
        case .pattern(let split): split.forEachPiece(text, from: start, to: end, emit)
        case .spaceAtEnd: Self.cutSpaceAtEnd(text, from: start, to: end, emit)
        case .digitGroups(let wholeWords):
            Self.cutDigitGroups(text, from: start, to: end, wholeWords: wholeWords, emit)
        case .byteDigits(let individual): Self.cutByteDigits(text, from: start, to: end, individual: individual, emit)
        }
    }

    private static func cutSpaceAtEnd(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ emit: (Int, Int) -> Void
    ) {
        var cut = end
        while cut > start {
            var previous = cut - 1
            while previous > start, cut - previous < 4, text[previous] & 0xC0 == 0x80 { previous -= 1 }
            let (scalar, length) = UTF8Decoding.scalar(text, at: previous, end: end)
            guard previous + length == cut, CharacterSet.whitespace.contains(scalar) else { break }
            cut = previous
        }
        if cut > start { emit(start, cut) }
        if cut < end { emit(cut, end) }
    }

    private static let numberBytes: [Bool] = ByteAlphabet.scalars.map { CharacterSet.numbers.contains($0) }

    private static func cutByteDigits(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        individual: Bool,
        _ emit: (Int, Int) -> Void
    ) {
        var pieceStart = start
        for position in start..<end where position > start {
            let isNumber = numberBytes[Int(text[position])]
            let wasNumber = numberBytes[Int(text[position - 1])]
            guard isNumber != wasNumber || (isNumber && individual) else { continue }
            emit(pieceStart, position)
            pieceStart = position
        }
        if pieceStart < end { emit(pieceStart, end) }
    }

    private static let decimalDigits = CharacterSet(CategoryMask(rawValue: 1 << 9))
    private static let wordCharacters = CharacterSet([.letters, .marks, .numbers], "_")

    private static func cutDigitGroups(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        wholeWords: Bool,
        _ emit: (Int, Int) -> Void
    ) {
        var gapStart = start
        var position = start
        while position < end {
            let (scalar, length) = UTF8Decoding.scalar(text, at: position, end: end)
            guard decimalDigits.contains(scalar) else {
                position += length
                continue
            }
            let runEnd = CharacterRun.runEnd(decimalDigits, text, from: position, to: end)
            let continues =
                runEnd < end && wordCharacters.contains(UTF8Decoding.scalar(text, at: runEnd, end: end).value)
            if !wholeWords || !continues {
                if gapStart < position { emit(gapStart, position) }
                emitThrees(text, from: position, to: runEnd, emit)
                gapStart = runEnd
            }
            position = runEnd
        }
        if gapStart < end { emit(gapStart, end) }
    }

    private static func emitThrees(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ emit: (Int, Int) -> Void
    ) {
        var count = 0
        for position in start..<end where text[position] & 0xC0 != 0x80 { count += 1 }
        var size = count % 3 == 0 ? 3 : count % 3
        var position = start
        while position < end {
            let next = CharacterRun.runEnd(decimalDigits, text, from: position, to: end, maximum: size)
            emit(position, next)
            position = next
            size = 3
        }
    }
}

/// Cuts around matches of a list of alternatives.
struct PatternSplit: Sendable, Equatable {
    /// What becomes of a match; the names are those of Hugging Face.
    enum Behavior: Sendable, Equatable {
        case isolated
        case removed
        case mergedWithPrevious
        case mergedWithNext
        case contiguous
    }

    private let alternatives: [WordPattern]
    private let behavior: Behavior
    private let isInverted: Bool
    /// Which alternatives may match where an ASCII byte stands, one bit each.
    private let candidates: [UInt32]

    /// - Parameters:
    ///   - alternatives: in order of preference, at most 32.
    ///   - isInverted: whether what lies between the matches counts as the matches.
    init(alternatives: [WordPattern], behavior: Behavior = .isolated, isInverted: Bool = false) {
        precondition(alternatives.count <= 32, "a pattern has \(alternatives.count) alternatives, more than 32")
        self.alternatives = alternatives
        self.behavior = behavior
        self.isInverted = isInverted
        candidates = (UInt8(0)..<128).map { byte in
            alternatives.enumerated().reduce(0) { mask, entry in
                entry.element.mayBegin(with: byte) ? mask | 1 << UInt32(entry.offset) : mask
            }
        }
    }

    @inline(__always)
    func forEachPiece(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ emit: (Int, Int) -> Void
    ) {
        if behavior == .isolated || behavior == .removed {
            forEachSpan(text, from: start, to: end) { spanStart, spanEnd, isMatch in
                if behavior == .isolated || isMatch == isInverted { emit(spanStart, spanEnd) }
            }
        } else {
            forEachMergedSpan(text, from: start, to: end, emit)
        }
    }

    private func forEachMergedSpan(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ emit: (Int, Int) -> Void
    ) {
        var pieceStart = start
        var pieceEnd = start
        var wasMatch = false
        forEachSpan(text, from: start, to: end) { spanStart, spanEnd, matched in
            let isMatch = matched != isInverted
            let joins =
                switch behavior {
                case .mergedWithPrevious: isMatch && !wasMatch
                case .mergedWithNext: !isMatch && wasMatch
                case .contiguous: isMatch == wasMatch
                case .isolated, .removed: false
                }
            if !joins, pieceStart < pieceEnd {
                emit(pieceStart, pieceEnd)
                pieceStart = spanStart
            }
            pieceEnd = spanEnd
            wasMatch = isMatch
        }
        if pieceStart < pieceEnd { emit(pieceStart, pieceEnd) }
    }

    /// Matches and what lies between them, in order.
    @inline(__always)
    private func forEachSpan(
        _ text: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ body: (Int, Int, Bool) -> Void
    ) {
        alternatives.withUnsafeBufferPointer { alternatives in
            candidates.withUnsafeBufferPointer { candidates in
                let all = UInt32(truncatingIfNeeded: ((1 as UInt64) << UInt64(alternatives.count)) - 1)
                var position = start
                var gapStart = start
                while position < end {
                    let byte = text[position]
                    var mask = byte < 0x80 ? candidates[Int(byte)] : all
                    var found: Int?
                    while mask != 0, found == nil {
                        found = alternatives[mask.trailingZeroBitCount].matchEnd(text, from: position, to: end)
                        mask &= mask &- 1
                    }
                    if let found {
                        if gapStart < position { body(gapStart, position, false) }
                        body(position, found, true)
                        position = found
                        gapStart = found
                    } else {
                        position += byte < 0x80 ? 1 : UTF8Decoding.scalar(text, at: position, end: end).length
                    }
                }
                if gapStart < end { body(gapStart, end, false) }
            }
        }
    }
}

extension PreTokenizer {
    /// BERT's: white space goes, every punctuation mark stands alone.
    static let bert = PreTokenizer(stages: [
        .matching(.run(CharacterRun(set: .whitespace)), .removed),
        .matching(.run(CharacterRun(set: .separatePunctuation, maximum: 1))),
    ])
}
