/// A deterministic automaton over bytes.
///
/// From every state the end of some text can be reached; the automaton that accepts no text has no state. It is the
/// smallest of its language in a canonical numbering, so equal languages (with equal boundaries) are equal values.
package struct ByteAutomaton: Sendable, Hashable {
    /// Where no text leads.
    package static let dead: Int32 = -1

    /// The kind of each byte; bytes of one kind lead to the same states everywhere.
    private let classes: [UInt8]
    private let classCount: Int
    /// `[state][class]`.
    private let transitions: [Int32]
    private let flags: [UInt8]
    /// The state of the empty text; `dead` when nothing is accepted.
    package let start: Int32

    private static let acceptingFlag = AutomatonTable.accepting
    private static let boundaryFlag = AutomatonTable.boundary
    private static let finalFlag: UInt8 = 4

    /// Accepts nothing.
    package static let empty = ByteAutomaton(AutomatonDraft())

    /// The smallest automaton of a table's language.
    ///
    /// Equal languages with equal boundaries have equal automata.
    init(_ table: consuming AutomatonTable) {
        let table = table.canonical()
        let classCount = table.classCount
        classes = table.classes
        self.classCount = classCount
        transitions = table.transitions
        flags = table.flags.enumerated().map { state, flags in
            let row = table.transitions[state * classCount..<(state + 1) * classCount]
            return flags | (row.allSatisfy { $0 == Self.dead } ? Self.finalFlag : 0)
        }
        start = table.stateCount == 0 ? Self.dead : 0
    }

    init(_ draft: AutomatonDraft) { self.init(AutomatonTable(draft)) }

    /// The automaton as a table that can be changed.
    var table: AutomatonTable {
        var isCut = [Bool](repeating: false, count: 257)
        for byte in 1..<256 { isCut[byte] = classes[byte] != classes[byte - 1] }
        var table = AutomatonTable(cuts: isCut)
        for state in 0..<Int32(stateCount) {
            _ = table.addState(flags[Int(state)] & (Self.acceptingFlag | Self.boundaryFlag))
            for edge in edges(state) { table.connect(state, edge.bytes, to: edge.target) }
        }
        return table
    }

    /// The smallest automaton of the same language and boundaries. All automata are made so; this one is equal.
    package func minimized() -> ByteAutomaton { ByteAutomaton(table) }

    package var stateCount: Int { flags.count }

    /// Bytes that it takes.
    var byteCount: Int { 4 * transitions.count + flags.count + classes.count }

    /// The state after a byte; `dead` when it cannot come.
    package func next(_ state: Int32, _ byte: UInt8) -> Int32 {
        transitions[Int(state) * classCount + Int(classes[Int(byte)])]
    }

    /// Whether the text that leads to `state` is accepted.
    package func isAccepting(_ state: Int32) -> Bool { flags[Int(state)] & Self.acceptingFlag != 0 }

    /// Whether nothing can follow.
    package func isFinal(_ state: Int32) -> Bool { flags[Int(state)] & Self.finalFlag != 0 }

    /// Whether whole characters lead to `state`; a text has as many characters as it enters such states.
    package func isBoundary(_ state: Int32) -> Bool { flags[Int(state)] & Self.boundaryFlag != 0 }

    package var isEmpty: Bool { start == Self.dead }

    package var acceptsEmpty: Bool { !isEmpty && isAccepting(start) }

    /// Whether a whole text is accepted.
    package func accepts(_ bytes: some Sequence<UInt8>) -> Bool {
        var state = start
        for byte in bytes {
            if state == Self.dead { return false }
            state = next(state, byte)
        }
        return state != Self.dead && isAccepting(state)
    }

    /// The states and the kind of the bytes on one way, for `StatePairs`.
    func next(_ state: Int32, kind: UInt8) -> Int32 { transitions[Int(state) * classCount + Int(kind)] }

    /// The kind of a byte; bytes of one kind lead to the same states everywhere.
    func kind(of byte: UInt8) -> UInt8 { classes[Int(byte)] }

    /// The tables by themselves, for loops that follow many bytes.
    struct Tables {
        var classes: UnsafeBufferPointer<UInt8>
        var classCount: Int
        var transitions: UnsafeBufferPointer<Int32>
        var flags: UnsafeBufferPointer<UInt8>

        func next(_ state: Int32, _ byte: UInt8) -> Int32 {
            transitions[Int(state) &* classCount &+ Int(classes[Int(byte)])]
        }

        func isAccepting(_ state: Int32) -> Bool { flags[Int(state)] & ByteAutomaton.acceptingFlag != 0 }

        func isBoundary(_ state: Int32) -> Bool { flags[Int(state)] & ByteAutomaton.boundaryFlag != 0 }

        func isFinal(_ state: Int32) -> Bool { flags[Int(state)] & ByteAutomaton.finalFlag != 0 }
    }

    func withTables<Result>(_ body: (Tables) -> Result) -> Result {
        classes.withUnsafeBufferPointer { classes in
            transitions.withUnsafeBufferPointer { transitions in
                flags.withUnsafeBufferPointer { flags in
                    body(Tables(classes: classes, classCount: classCount, transitions: transitions, flags: flags))
                }
            }
        }
    }

    /// The states that follow `state`, each with the bytes that lead there.
    func edges(_ state: Int32) -> [AutomatonDraft.Edge] {
        var edges: [AutomatonDraft.Edge] = []
        var first = 0
        while first < 256 {
            let target = next(state, UInt8(first))
            var last = first
            while last < 255, next(state, UInt8(last + 1)) == target { last += 1 }
            if target != Self.dead { edges.append(.init(bytes: UInt8(first)...UInt8(last), target: target)) }
            first = last + 1
        }
        return edges
    }

    /// The state from which the same texts follow as from the start of another automaton.
    func state(like other: ByteAutomaton) -> Int32? {
        (0..<Int32(stateCount)).first { state in
            // Most states differ at once. The smallest automaton has at most one that does not.
            guard isAccepting(state) == other.acceptsEmpty, isBoundary(state) else { return false }
            var pairs: Set<[Int32]> = [[state, other.start]]
            var work = [(state, other.start)]
            while let (left, right) = work.popLast() {
                guard isAccepting(left) == other.isAccepting(right) else { return false }
                for byte in UInt8(0)...255 {
                    let (left, right) = (next(left, byte), other.next(right, byte))
                    if left == Self.dead && right == Self.dead { continue }
                    if left == Self.dead || right == Self.dead { return false }
                    if pairs.insert([left, right]).inserted { work.append((left, right)) }
                    if pairs.count > other.stateCount { return false }
                }
            }
            return true
        }
    }

    // MARK: Words

    /// Whether finitely many texts are accepted.
    package var isFinite: Bool { isEmpty || !leadingToLoops().contains(true) }

    /// Whether from every state texts of any length can follow, or none at all.
    package var everyStateLoops: Bool {
        let leads = leadingToLoops()
        return (0..<Int32(stateCount)).allSatisfy { leads[Int($0)] || isFinal($0) }
    }

    /// The states from which a loop can be reached: all but those that are taken away when states without followers
    /// are, repeatedly.
    func leadingToLoops() -> [Bool] {
        var leads = [Bool](repeating: true, count: stateCount)
        for state in statesBehindLoops() { leads[Int(state)] = false }
        return leads
    }

    /// The states from which no loop can be reached, each after all that follow it.
    private func statesBehindLoops() -> [Int32] {
        var remaining = [Int](repeating: 0, count: stateCount)
        var users = [[Int32]](repeating: [], count: stateCount)
        for state in 0..<Int32(stateCount) {
            let targets = Set(edges(state).map(\.target))
            remaining[Int(state)] = targets.count
            for target in targets { users[Int(target)].append(state) }
        }
        var order = (0..<Int32(stateCount)).filter { remaining[Int($0)] == 0 }
        var position = 0
        while position < order.count {
            for user in users[Int(order[position])] {
                remaining[Int(user)] -= 1
                if remaining[Int(user)] == 0 { order.append(user) }
            }
            position += 1
        }
        return order
    }

    /// The number of accepted texts; `limit` when there are as many or more.
    package func wordCount(limit: Int) -> Int {
        guard !isEmpty else { return 0 }
        var counts = [Int](repeating: limit, count: stateCount)
        for state in statesBehindLoops() {
            var count = isAccepting(state) ? 1 : 0
            for edge in edges(state) {
                let (product, overflows) = counts[Int(edge.target)].multipliedReportingOverflow(by: edge.bytes.count)
                count = overflows || product >= limit ? limit : min(limit, count + product)
            }
            counts[Int(state)] = min(limit, count)
        }
        return counts[Int(start)]
    }

    /// All accepted texts in order; nil when there are more than `limit`.
    package func words(limit: Int) -> [[UInt8]]? {
        guard !isEmpty else { return [] }
        // A count of one more than the limit tells "more" apart from "as many".
        guard limit < .max, wordCount(limit: limit + 1) <= limit else { return nil }
        var words: [[UInt8]] = []
        var work: [(state: Int32, text: [UInt8])] = [(start, [])]
        while let (state, text) = work.popLast() {
            if isAccepting(state) { words.append(text) }
            for edge in edges(state).reversed() {
                for byte in edge.bytes.reversed() { work.append((edge.target, text + [byte])) }
            }
        }
        return words
    }
}
