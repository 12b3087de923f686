/// An automaton over bytes that may be in many states at once, and that may look ahead.
struct NondeterministicAutomaton {
    struct Edge {
        var source: Int32
        var bytes: ClosedRange<UInt8>
        var target: Int32
    }

    /// When a state is entered together with another.
    enum Condition: Hashable {
        case always
        case textStart
        case textEnd
        /// The rest of the text is one that a lookahead accepts; its index.
        case lookahead(Int)
    }

    struct Jump {
        var source: Int32
        var condition: Condition
        var target: Int32
    }

    /// What must come from here to the end of the text: it may depend on whether this is the start.
    struct Lookahead {
        var atStart: ByteAutomaton
        var later: ByteAutomaton
    }

    private(set) var edges: [Edge] = []
    private(set) var jumps: [Jump] = []
    /// Whether a character is half read in a state.
    private(set) var isInside: [Bool] = []
    private(set) var lookaheads: [Lookahead] = []
    /// Accepts every text; needed beside lookaheads, to know when they demand no more.
    var anything: ByteAutomaton?
    /// A state from which every text is accepted. Nothing else needs to be followed beside it.
    var universal: Int32?

    private let stateLimit: Int
    private let budget: Int

    var stateCount: Int { isInside.count }

    init(budget: Int) {
        self.budget = budget
        stateLimit = 4 * budget
    }

    mutating func addState(isInside inside: Bool = false) throws(GrammarError) -> Int32 {
        guard isInside.count < stateLimit else { throw .tooManyStates(budget) }
        isInside.append(inside)
        return Int32(isInside.count - 1)
    }

    mutating func connect(_ source: Int32, _ bytes: ClosedRange<UInt8>, to target: Int32) {
        edges.append(Edge(source: source, bytes: bytes, target: target))
    }

    mutating func jump(from source: Int32, to target: Int32, when condition: Condition = .always) {
        jumps.append(Jump(source: source, condition: condition, target: target))
    }

    /// Adds what a jump can depend on; the index for `Condition.lookahead`.
    mutating func add(_ lookahead: Lookahead) -> Int {
        lookaheads.append(lookahead)
        return lookaheads.count - 1
    }

    /// Adds a whole automaton; its first state, and its accepting ones.
    mutating func add(_ automaton: ByteAutomaton) throws(GrammarError) -> (start: Int32, ends: [Int32]) {
        let offset = Int32(stateCount)
        var ends: [Int32] = []
        for state in 0..<Int32(automaton.stateCount) {
            let number = try addState(isInside: !automaton.isBoundary(state))
            if automaton.isAccepting(state) { ends.append(number) }
            for edge in automaton.edges(state) { connect(number, edge.bytes, to: offset + edge.target) }
        }
        return (offset + automaton.start, ends)
    }

    /// The deterministic automaton of the texts that lead from `start` to `end`.
    ///
    /// - Parameters:
    ///   - isTextStart: whether the text begins at `start`; else it has begun before.
    ///   - budget: most states.
    ///   - work: steps that may still be taken, some nanoseconds each; what is taken is subtracted.
    func deterministic(
        start: Int32,
        end: Int32,
        isTextStart: Bool = true,
        budget: Int,
        work: inout Int
    ) throws(GrammarError) -> ByteAutomaton {
        var construction = SubsetConstruction(self, end: end, budget: budget, work: work)
        defer { work = construction.work }
        return ByteAutomaton(try construction.table(from: start, isTextStart: isTextStart))
    }
}

/// Lists of numbers, one for each of a range of numbers, stored one after the other.
struct GroupedLists<Element> {
    private var offsets: [Int32]
    private var elements: [Element]

    init(_ elements: [Element], groupCount: Int, group: (Element) -> Int32) {
        offsets = [Int32](repeating: 0, count: groupCount + 1)
        for element in elements { offsets[Int(group(element)) + 1] += 1 }
        for index in 0..<groupCount { offsets[index + 1] += offsets[index] }
        var filled = offsets
        var order = [Int32](repeating: 0, count: elements.count)
        for (index, element) in elements.enumerated() {
            let number = Int(group(element))
            order[Int(filled[number])] = Int32(index)
            filled[number] += 1
        }
        self.elements = order.map { elements[Int($0)] }
    }

    subscript(group: Int32) -> ArraySlice<Element> {
        elements[Int(offsets[Int(group)])..<Int(offsets[Int(group) + 1])]
    }
}
