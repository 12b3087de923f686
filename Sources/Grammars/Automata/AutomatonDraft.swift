/// A deterministic automaton while it is built state by state, before the kinds of bytes that it tells apart are known.
struct AutomatonDraft {
    struct Edge: Hashable, Sendable {
        var bytes: ClosedRange<UInt8>
        var target: Int32
    }

    /// The edges of each state; their bytes do not overlap. State 0 is the start.
    private(set) var edges: [[Edge]] = []
    private(set) var accepting: [Bool] = []
    private(set) var boundary: [Bool] = []

    var stateCount: Int { edges.count }

    mutating func addState(isAccepting: Bool, isBoundary: Bool) -> Int32 {
        edges.append([])
        accepting.append(isAccepting)
        boundary.append(isBoundary)
        return Int32(edges.count - 1)
    }

    mutating func connect(_ state: Int32, _ bytes: ClosedRange<UInt8>, to target: Int32) {
        if let last = edges[Int(state)].last, last.target == target, last.bytes.upperBound < 255,
            last.bytes.upperBound + 1 == bytes.lowerBound
        {
            edges[Int(state)][edges[Int(state)].count - 1].bytes = last.bytes.lowerBound...bytes.upperBound
        } else {
            edges[Int(state)].append(Edge(bytes: bytes, target: target))
        }
    }
}

extension ByteAutomaton {
    /// What is known of a state that is described by a value.
    struct StateKind {
        var isAccepting: Bool
        var isBoundary: Bool
    }

    /// The automaton whose states are values, found one after the other from the first.
    ///
    /// - Parameters:
    ///   - kind: what a state is.
    ///   - edges: where bytes lead from it, without overlaps.
    ///   - budget: most states.
    static func exploring<State: Hashable>(
        from start: State,
        budget: Int,
        kind: (State) -> StateKind,
        edges: (State) throws(GrammarError) -> [(bytes: ClosedRange<UInt8>, target: State)]
    ) throws(GrammarError) -> ByteAutomaton {
        var draft = AutomatonDraft()
        var indices: [State: Int32] = [:]
        var states: [State] = []
        func index(_ state: State) throws(GrammarError) -> Int32 {
            if let index = indices[state] { return index }
            guard states.count < budget else { throw .tooManyStates(budget) }
            let kind = kind(state)
            let index = draft.addState(isAccepting: kind.isAccepting, isBoundary: kind.isBoundary)
            indices[state] = index
            states.append(state)
            return index
        }
        _ = try index(start)
        var position = 0
        while position < states.count {
            for edge in try edges(states[position]) {
                draft.connect(Int32(position), edge.bytes, to: try index(edge.target))
            }
            position += 1
        }
        return ByteAutomaton(draft)
    }
}

extension GrammarError {
    static func tooManyStates(_ budget: Int) -> GrammarError {
        .tooLarge("A pattern needs more than \(budget) states; make its repetitions or choices smaller.")
    }
}
