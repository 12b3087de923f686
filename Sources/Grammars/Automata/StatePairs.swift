/// Two numbers that are a state together.
struct StatePair: Equatable {
    var left: Int32
    var right: Int32
}

/// Explores an automaton whose states are pairs, as products of two automata are.
///
/// Pairs are numbered in an open hash table of their own: products of large automata are most of what large schemas cost.
struct StatePairs {
    private var table: AutomatonTable
    private var pairs: [StatePair] = []
    /// The number of a pair; -1 where a place is free. As many places as a power of two.
    private var places: [Int32]
    private let budget: Int
    private let flags: (StatePair) -> AutomatonTable.Flags

    /// - Parameters:
    ///   - table: has no states yet, but the kinds of bytes.
    ///   - flags: what a pair is.
    init(_ table: AutomatonTable, budget: Int, flags: @escaping (StatePair) -> AutomatonTable.Flags) {
        self.table = table
        self.budget = budget
        self.flags = flags
        places = [Int32](repeating: -1, count: 1024)
    }

    /// The table of all pairs that the first leads to.
    ///
    /// - Parameter next: where a pair leads with a kind of bytes; nil where nowhere.
    mutating func explore(
        from start: StatePair,
        next: (StatePair, Int) -> StatePair?
    ) throws(GrammarError) -> AutomatonTable {
        _ = try number(start)
        var position = 0
        while position < pairs.count {
            let pair = pairs[position]
            for kind in 0..<table.classCount {
                guard let target = next(pair, kind) else { continue }
                table.transitions[position * table.classCount + kind] = try number(target)
            }
            position += 1
        }
        return table
    }

    private mutating func number(_ pair: StatePair) throws(GrammarError) -> Int32 {
        var place = hash(pair)
        while places[place] != -1 {
            if pairs[Int(places[place])] == pair { return places[place] }
            place = (place + 1) & (places.count - 1)
        }
        guard pairs.count < budget else { throw .tooManyStates(budget) }
        let number = table.addState(flags(pair))
        pairs.append(pair)
        places[place] = number
        if pairs.count * 2 > places.count { grow() }
        return number
    }

    private func hash(_ pair: StatePair) -> Int {
        let value = UInt64(UInt32(bitPattern: pair.left)) << 32 | UInt64(UInt32(bitPattern: pair.right))
        // The upper bits of a product with an odd number mix all the lower ones.
        return Int((value &* 0x9E37_79B9_7F4A_7C15) >> 32) & (places.count - 1)
    }

    private mutating func grow() {
        places = [Int32](repeating: -1, count: places.count * 2)
        for (number, pair) in pairs.enumerated() {
            var place = hash(pair)
            while places[place] != -1 { place = (place + 1) & (places.count - 1) }
            places[place] = Int32(number)
        }
    }
}
