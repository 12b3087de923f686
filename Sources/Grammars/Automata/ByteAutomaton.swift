/// A deterministic automaton over bytes.
///
/// From every state the end of some text can be reached; the automaton that accepts no text has no state.
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

    private static let acceptingFlag: UInt8 = 1
    private static let boundaryFlag: UInt8 = 2
    private static let finalFlag: UInt8 = 4

    /// Accepts nothing.
    package static let empty = ByteAutomaton(AutomatonDraft())

    /// The states of a draft from which the end can be reached, numbered as they are met.
    init(_ draft: AutomatonDraft) {
        let order = draft.usefulStates()
        var numbers = [Int32](repeating: Self.dead, count: draft.stateCount)
        for (number, state) in order.enumerated() { numbers[state] = Int32(number) }
        let (classes, classCount) = draft.byteClasses(order)
        var transitions = [Int32](repeating: Self.dead, count: order.count * classCount)
        var flags = [UInt8](repeating: 0, count: order.count)
        for (number, state) in order.enumerated() {
            var isFinal = true
            for edge in draft.edges[state] where numbers[Int(edge.target)] != Self.dead {
                isFinal = false
                var previous: UInt8?
                for byte in edge.bytes where classes[Int(byte)] != previous {
                    previous = classes[Int(byte)]
                    transitions[number * classCount + Int(classes[Int(byte)])] = numbers[Int(edge.target)]
                }
            }
            flags[number] =
                (draft.accepting[state] ? Self.acceptingFlag : 0) | (draft.boundary[state] ? Self.boundaryFlag : 0)
                | (isFinal ? Self.finalFlag : 0)
        }
        self.classes = classes
        self.classCount = classCount
        self.transitions = transitions
        self.flags = flags
        start = order.isEmpty ? Self.dead : 0
    }

    package var stateCount: Int { flags.count }

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

    /// The first byte of every run of bytes that this automaton and the other both treat alike.
    func runStarts(with other: ByteAutomaton) -> [UInt8] {
        (0...255).compactMap { byte in
            let isStart =
                byte == 0 || classes[byte] != classes[byte - 1] || other.classes[byte] != other.classes[byte - 1]
            return isStart ? UInt8(byte) : nil
        }
    }

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

    // MARK: Words

    /// Whether finitely many texts are accepted.
    package var isFinite: Bool { isEmpty || !loops().contains(true) }

    /// Whether from every state texts of any length can follow.
    package var everyStateLoops: Bool {
        let leads = leadingToLoops()
        return (0..<Int32(stateCount)).allSatisfy { leads[Int($0)] || isFinal($0) }
    }

    /// Whether each state leads to one that can come again, and so to texts of any length.
    func leadingToLoops() -> [Bool] {
        var users = [[Int32]](repeating: [], count: stateCount)
        for state in 0..<Int32(stateCount) {
            for target in Set(edges(state).map(\.target)) { users[Int(target)].append(state) }
        }
        var leads = loops()
        var work = leads.indices.filter { leads[$0] }
        while let state = work.popLast() {
            for user in users[state] where !leads[Int(user)] {
                leads[Int(user)] = true
                work.append(Int(user))
            }
        }
        return leads
    }

    /// The states that can come again: all but those that are taken away when states without followers are, repeatedly.
    private func loops() -> [Bool] {
        var remaining = [Int](repeating: 0, count: stateCount)
        var users = [[Int32]](repeating: [], count: stateCount)
        for state in 0..<Int32(stateCount) {
            let targets = Set(edges(state).map(\.target))
            remaining[Int(state)] = targets.count
            for target in targets { users[Int(target)].append(state) }
        }
        var ended = (0..<Int32(stateCount)).filter { remaining[Int($0)] == 0 }
        var loops = [Bool](repeating: true, count: stateCount)
        while let state = ended.popLast() {
            loops[Int(state)] = false
            for user in users[Int(state)] {
                remaining[Int(user)] -= 1
                if remaining[Int(user)] == 0 { ended.append(user) }
            }
        }
        return loops
    }

    /// All accepted texts in order; nil when there are more than `limit`.
    package func words(limit: Int) -> [[UInt8]]? {
        guard !isEmpty else { return [] }
        guard limit > 0, isFinite else { return nil }
        var words: [[UInt8]] = []
        var work: [(state: Int32, text: [UInt8])] = [(start, [])]
        while let (state, text) = work.popLast() {
            if isAccepting(state) { words.append(text) }
            for edge in edges(state).reversed() {
                for byte in edge.bytes.reversed() { work.append((edge.target, text + [byte])) }
            }
            // Every way that waits leads to at least one more.
            if words.count + work.count > limit { return nil }
        }
        return words
    }
}
