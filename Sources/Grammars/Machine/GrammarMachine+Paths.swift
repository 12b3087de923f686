extension GrammarMachine {
    /// Nodes and frames that are looked at at most, as in a mask.
    private static let mostVisits = 100_000

    /// A way at a byte: to be read on from there, or left by its lexeme.
    private enum Place {
        case read(top: Int32, from: Int)
        case leave(top: Int32, before: Int)
    }

    /// The ways after some bytes, followed one by one.
    ///
    /// Where there are too many, which of them are left after one byte decides about the next. A mask is found without
    /// that: each way is followed to the end of a token by itself. So does this, in the same order and within the same
    /// budgets; so whatever token a mask allowed is taken.
    mutating func follow(_ ways: Ways, _ bytes: [UInt8]) -> Ways {
        beginCall()
        var tops = Set<Int32>()
        var mayEnd = false
        var visits = 0
        var visited = Set<UInt64>()
        var continuations: [Int32: [Int32]] = [:]
        var work = ways.tops.reversed().map { Place.read(top: $0, from: 0) }
        while visits < Self.mostVisits, tops.count < 2 * Self.mostWays, let place = work.popLast() {
            switch place {
            case .read(let top, let start):
                if !visited.insert(UInt64(UInt32(bitPattern: top)) << 32 | UInt64(start)).inserted { continue }
                visits += 1
                let (ends, last) = read(top, bytes, from: start)
                for (end, position) in ends.reversed() { work.append(.leave(top: end, before: position)) }
                guard let last else { continue }
                // Ways that were found are gone on with, whatever it took to find them.
                if tops.isEmpty, !mayEnd { renewTasks() }
                if last.goesOn { tops.insert(arena.intern(last.frame)) }
                if last.mayLeave {
                    let next = leave(arena.intern(last.frame))
                    tops.formUnion(next.tops)
                    mayEnd = mayEnd || next.mayEnd
                }
            case .leave(let top, let position):
                let frame = arena.frames[Int(top)]
                let known = isTracked(frame) ? nil : continuations[frame.parent]
                let next = known ?? leave(top).tops
                if !isTracked(frame) { continuations[frame.parent] = next }
                for top in next.reversed() { work.append(.read(top: top, from: position)) }
            }
        }
        return thinned(Ways(tops: Array(tops), mayEnd: mayEnd))
    }

    /// Follows the lexeme on top along bytes.
    ///
    /// - Returns: where it may end before the last byte, and what is after that one, if it comes so far.
    private mutating func read(
        _ top: Int32,
        _ bytes: [UInt8],
        from start: Int
    ) -> (ends: [(top: Int32, position: Int)], last: (frame: Frame, goesOn: Bool, mayLeave: Bool)?) {
        var frame = arena.frames[Int(top)]
        var ends: [(top: Int32, position: Int)] = []
        for position in start..<bytes.count {
            guard let next = after(frame, bytes[position]) else { return (ends, nil) }
            if position == bytes.count - 1 { return (ends, next) }
            if next.mayLeave { ends.append((arena.intern(next.frame), position + 1)) }
            if !next.goesOn { return (ends, nil) }
            frame = next.frame
        }
        return (ends, nil)
    }
}
