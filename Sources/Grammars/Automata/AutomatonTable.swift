/// A deterministic automaton as one flat table, before it is trimmed and made minimal. State 0 is the start.
struct AutomatonTable {
    /// What is known of a state, as bits.
    typealias Flags = UInt8

    static let accepting: Flags = 1
    static let boundary: Flags = 2

    static let dead: Int32 = -1

    /// The kind of each byte, `[256]`. Kinds are counted from 0 without gaps.
    var classes: [UInt8]
    var classCount: Int
    /// `[state][class]`.
    var transitions: [Int32] = []
    var flags: [Flags] = []

    var stateCount: Int { flags.count }

    /// A table without states.
    ///
    /// - Parameter isCut: `[257]`, whether a byte is told apart from the one before it.
    init(cuts isCut: [Bool]) {
        classes = [UInt8](repeating: 0, count: 256)
        var current = 0
        for byte in 1..<256 {
            if isCut[byte] { current += 1 }
            classes[byte] = UInt8(current)
        }
        classCount = current + 1
    }

    /// Adds a state that leads nowhere.
    mutating func addState(_ stateFlags: Flags) -> Int32 {
        flags.append(stateFlags)
        transitions.append(contentsOf: repeatElement(Self.dead, count: classCount))
        return Int32(flags.count - 1)
    }

    /// The table of a draft.
    init(_ draft: AutomatonDraft) {
        var isCut = [Bool](repeating: false, count: 257)
        for edge in draft.edges.joined() {
            isCut[Int(edge.bytes.lowerBound)] = true
            isCut[Int(edge.bytes.upperBound) + 1] = true
        }
        self.init(cuts: isCut)
        flags.reserveCapacity(draft.stateCount)
        transitions.reserveCapacity(draft.stateCount * classCount)
        for state in 0..<draft.stateCount {
            _ = addState(
                (draft.accepting[state] ? Self.accepting : 0) | (draft.boundary[state] ? Self.boundary : 0)
            )
            for edge in draft.edges[state] { connect(Int32(state), edge.bytes, to: edge.target) }
        }
    }

    /// Makes whole kinds of bytes lead from one state to another.
    mutating func connect(_ state: Int32, _ bytes: ClosedRange<UInt8>, to target: Int32) {
        let row = Int(state) * classCount
        for kind in classes[Int(bytes.lowerBound)]...classes[Int(bytes.upperBound)] {
            transitions[row + Int(kind)] = target
        }
    }

    // MARK: Canonical form

    /// The one smallest table of the same language and the same boundaries: without useless states, equal states made
    /// one, kinds of bytes that no state tells apart made one, states in the order in which a walk meets them.
    consuming func canonical() -> AutomatonTable {
        removeUselessStates()
        mergeClasses()
        if stateCount > 1 {
            let blocks = StatePartition(self).blocks()
            renumber(blocks.numbers, count: blocks.count)
            mergeClasses()
        }
        sortStates()
        return self
    }

    /// Takes away the states that lead to no accepting one, and the ways to them.
    private mutating func removeUselessStates() {
        let leads = statesThatLead()
        for index in transitions.indices {
            let target = transitions[index]
            if target != Self.dead, !leads[Int(target)] { transitions[index] = Self.dead }
        }
        guard let start = leads.first, start else {
            flags = []
            transitions = []
            return
        }
        sortStates()
    }

    private func statesThatLead() -> [Bool] {
        var leads = flags.map { $0 & Self.accepting != 0 }
        // The ways to each state: where its list begins, then who is in it.
        var offsets = [Int32](repeating: 0, count: stateCount + 1)
        for target in transitions where target != Self.dead { offsets[Int(target) + 1] += 1 }
        for index in 0..<stateCount { offsets[index + 1] += offsets[index] }
        var sources = [Int32](repeating: 0, count: Int(offsets[stateCount]))
        var filled = offsets
        for state in 0..<stateCount {
            for index in state * classCount..<(state + 1) * classCount where transitions[index] != Self.dead {
                let target = Int(transitions[index])
                sources[Int(filled[target])] = Int32(state)
                filled[target] += 1
            }
        }
        var work = (0..<Int32(stateCount)).filter { leads[Int($0)] }
        while let state = work.popLast() {
            for index in Int(offsets[Int(state)])..<Int(offsets[Int(state) + 1]) {
                let source = Int(sources[index])
                if !leads[source] {
                    leads[source] = true
                    work.append(Int32(source))
                }
            }
        }
        return leads
    }

    /// Numbers states as a walk from the start meets them; those that it does not meet go.
    private mutating func sortStates() {
        guard stateCount > 0 else { return }
        var numbers = [Int32](repeating: Self.dead, count: stateCount)
        var order: [Int32] = [0]
        numbers[0] = 0
        var position = 0
        while position < order.count {
            let row = Int(order[position]) * classCount
            for index in row..<row + classCount {
                let target = transitions[index]
                if target != Self.dead, numbers[Int(target)] == Self.dead {
                    numbers[Int(target)] = Int32(order.count)
                    order.append(target)
                }
            }
            position += 1
        }
        renumber(numbers, count: order.count)
    }

    /// Gives states new numbers; of several with the same number the first stays.
    private mutating func renumber(_ numbers: [Int32], count: Int) {
        var isFilled = [Bool](repeating: false, count: count)
        var newTransitions = [Int32](repeating: Self.dead, count: count * classCount)
        var newFlags = [Flags](repeating: 0, count: count)
        for state in 0..<stateCount where numbers[state] != Self.dead && !isFilled[Int(numbers[state])] {
            let number = Int(numbers[state])
            isFilled[number] = true
            newFlags[number] = flags[state]
            for kind in 0..<classCount {
                let target = transitions[state * classCount + kind]
                newTransitions[number * classCount + kind] = target == Self.dead ? Self.dead : numbers[Int(target)]
            }
        }
        transitions = newTransitions
        flags = newFlags
    }

    /// Makes kinds of bytes one that lead to the same states everywhere.
    private mutating func mergeClasses() {
        var columns: [[Int32]: UInt8] = [:]
        var numbers = [UInt8](repeating: 0, count: classCount)
        var kept: [Int] = []
        for kind in 0..<classCount {
            let column = (0..<stateCount).map { transitions[$0 * classCount + kind] }
            if let number = columns[column] {
                numbers[kind] = number
            } else {
                numbers[kind] = UInt8(kept.count)
                columns[column] = numbers[kind]
                kept.append(kind)
            }
        }
        guard kept.count < classCount else { return }
        var merged: [Int32] = []
        merged.reserveCapacity(stateCount * kept.count)
        for state in 0..<stateCount {
            for kind in kept { merged.append(transitions[state * classCount + kind]) }
        }
        classes = classes.map { numbers[Int($0)] }
        (transitions, classCount) = (merged, kept.count)
    }
}
