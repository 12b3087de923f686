/// Follows all the states that an automaton may be in at once, each set of them as one state.
///
/// What is in such a set are places: states, each with what lookaheads still demand (`Demands`). Without lookaheads a
/// place is a state. Sets hold only the places that bytes or the end of the text lead on from.
struct SubsetConstruction: ~Copyable {
    /// Steps that one automaton may take, of some 20 ns each.
    static let workLimit = 4_000_000
    /// What a new set costs beside the steps of finding it.
    private static let setCost = 25
    /// What a step costs where lookaheads demand something.
    private static let demandCost = 20

    private let automaton: NondeterministicAutomaton
    private let end: Int32
    private let budget: Int
    private(set) var work: Int

    /// An edge with the kinds of its bytes.
    private struct KindEdge {
        var source: Int32
        var kinds: ClosedRange<UInt8>
        var target: Int32
    }

    /// The kinds of bytes that some edge or lookahead tells apart; no states.
    private let kinds: AutomatonTable
    private let firstByteOfKind: [UInt8]
    private let edges: GroupedLists<KindEdge>
    private let jumps: GroupedLists<NondeterministicAutomaton.Jump>
    /// Whether a state must be in sets: bytes lead on, or the text may end.
    private let isKept: [Bool]
    /// Whether the end of the text leads on from a state.
    private let asksForEnd: [Bool]
    private var demands: Demands

    /// The sets as bytes lead to them, and the number of the state that each is.
    private var kernels = NumberSets()
    private var stateOfKernel: [Int32] = []
    /// The sets with all that is entered with them.
    private var sets = NumberSets()

    /// When a place was last met by `closure`.
    private var met: [Int32]
    private var round: Int32 = 0
    /// Of `expand`: where runs of kinds begin, the run of each kind, and where runs lead.
    private var cuts: [Bool]
    private var runOf: [Int]
    private var targets: [[Int32]]

    init(_ automaton: NondeterministicAutomaton, end: Int32, budget: Int, work: Int) {
        self.automaton = automaton
        self.end = end
        self.budget = budget
        self.work = work
        demands = Demands(
            automaton.lookaheads,
            anything: automaton.anything,
            stateCount: automaton.stateCount
        )
        var isCut = demands.cuts
        for edge in automaton.edges {
            isCut[Int(edge.bytes.lowerBound)] = true
            isCut[Int(edge.bytes.upperBound) + 1] = true
        }
        let kinds = AutomatonTable(cuts: isCut)
        self.kinds = kinds
        firstByteOfKind = [0] + (UInt8(1)...255).filter { isCut[Int($0)] }
        let kindEdges = automaton.edges.map { edge in
            let bytes = edge.bytes
            return KindEdge(
                source: edge.source,
                kinds: kinds.classes[Int(bytes.lowerBound)]...kinds.classes[Int(bytes.upperBound)],
                target: edge.target
            )
        }
        edges = GroupedLists(kindEdges, groupCount: automaton.stateCount) { $0.source }
        jumps = GroupedLists(automaton.jumps, groupCount: automaton.stateCount) { $0.source }
        var isKept = [Bool](repeating: false, count: automaton.stateCount)
        for edge in automaton.edges { isKept[Int(edge.source)] = true }
        var asksForEnd = [Bool](repeating: false, count: automaton.stateCount)
        for jump in automaton.jumps where jump.condition == .textEnd {
            isKept[Int(jump.source)] = true
            asksForEnd[Int(jump.source)] = true
        }
        self.asksForEnd = asksForEnd
        isKept[Int(end)] = true
        self.isKept = isKept
        cuts = [Bool](repeating: false, count: kinds.classCount + 1)
        runOf = [Int](repeating: 0, count: kinds.classCount)
        targets = [[Int32]](repeating: [], count: kinds.classCount)
        met = [Int32](repeating: 0, count: automaton.stateCount)
    }

    /// The table of all sets that the start leads to.
    mutating func table(from start: Int32, isTextStart: Bool) throws(GrammarError) -> AutomatonTable {
        var table = kinds
        let first = try closure([start], isTextStart: isTextStart, isTextEnd: false)
        // What holds at the start holds there only: the number in front makes that set equal to no other.
        _ = sets.insert([Self.startMark] + first)
        _ = table.addState(flags(of: first, accepts: try isEnd(first, isTextStart: isTextStart)))
        var position = 0
        while position < sets.count {
            try expand(sets[position].filter { $0 != Self.startMark }, of: Int32(position), into: &table)
            position += 1
        }
        return table
    }

    private static let startMark: Int32 = -1

    private func flags(of set: [Int32], accepts: Bool) -> AutomatonTable.Flags {
        let isInside = set.contains { automaton.isInside[Int(demands.state(of: $0))] }
        return (accepts ? AutomatonTable.accepting : 0) | (isInside ? 0 : AutomatonTable.boundary)
    }

    private mutating func spend(_ steps: Int) throws(GrammarError) {
        work -= steps
        guard work > 0 else { throw .tooLarge("A pattern takes too long to follow; make it simpler.") }
    }

    /// All places that are entered with some, in ascending order; only those that sets must hold.
    private mutating func closure(
        _ places: [Int32],
        isTextStart: Bool,
        isTextEnd: Bool
    ) throws(GrammarError) -> [Int32] {
        round += 1
        var found: [Int32] = []
        var pending: [Int32] = []
        for place in places where meet(place) { pending.append(place) }
        while let place = pending.popLast() {
            let state = demands.state(of: place)
            if isKept[Int(state)] { found.append(place) }
            let jumps = jumps[state]
            try spend((1 + jumps.count) * (demands.isDemanded(place) ? Self.demandCost : 1))
            for jump in jumps {
                var target = demands.place(jump.target, like: place)
                switch jump.condition {
                case .always: break
                case .textStart: if !isTextStart { continue }
                case .textEnd: if !isTextEnd { continue }
                case .lookahead(let index):
                    guard let next = demands.adding(index, to: target, isTextStart: isTextStart) else { continue }
                    target = next
                }
                if meet(target) { pending.append(target) }
            }
        }
        if let universal = automaton.universal, hasMet(universal) { return [universal] }
        found.sort()
        return found
    }

    /// Notes that a place is met; false when it was in this round.
    private mutating func meet(_ place: Int32) -> Bool {
        if met.count <= Int(place) { met += [Int32](repeating: 0, count: max(Int(place) + 1 - met.count, 64)) }
        if met[Int(place)] == round { return false }
        met[Int(place)] = round
        return true
    }

    private func hasMet(_ place: Int32) -> Bool { Int(place) < met.count && met[Int(place)] == round }

    /// Whether the text may end in one of some places.
    private mutating func isEnd(_ places: [Int32], isTextStart: Bool) throws(GrammarError) -> Bool {
        let asks = places.contains { asksForEnd[Int(demands.state(of: $0))] }
        let all = asks ? try closure(places, isTextStart: isTextStart, isTextEnd: true) : places
        if let universal = automaton.universal, all == [universal] { return true }
        return all.contains { demands.state(of: $0) == end && demands.mayEnd($0) }
    }

    /// Finds where the bytes lead from a set, the state `number` of the table.
    private mutating func expand(
        _ set: [Int32],
        of number: Int32,
        into table: inout AutomatonTable
    ) throws(GrammarError) {
        let runs = runs(set)
        for place in set {
            let isDemanded = demands.isDemanded(place)
            for edge in edges[demands.state(of: place)] {
                let reached = runOf[Int(edge.kinds.lowerBound)]...runOf[Int(edge.kinds.upperBound)]
                try spend(reached.count * (isDemanded ? Self.demandCost : 1))
                for run in reached {
                    let byte = firstByteOfKind[runs[run].lowerBound]
                    if let target = demands.place(edge.target, after: byte, from: place) { targets[run].append(target) }
                }
            }
        }
        let row = Int(number) * table.classCount
        for run in runs.indices where !targets[run].isEmpty {
            let target = try state(targets[run], in: &table)
            targets[run].removeAll(keepingCapacity: true)
            for kind in runs[run] { table.transitions[row + kind] = target }
        }
    }

    /// Runs of kinds that no place of a set tells apart; fills `runOf`.
    private mutating func runs(_ set: [Int32]) -> [Range<Int>] {
        let tellsAll = demands.areDemanded(set)
        for kind in cuts.indices { cuts[kind] = tellsAll }
        for place in set {
            for edge in edges[demands.state(of: place)] {
                cuts[Int(edge.kinds.lowerBound)] = true
                cuts[Int(edge.kinds.upperBound) + 1] = true
            }
        }
        var runs: [Range<Int>] = []
        var first = 0
        for kind in 1...kinds.classCount where kind == kinds.classCount || cuts[kind] {
            for member in first..<kind { runOf[member] = runs.count }
            runs.append(first..<kind)
            first = kind
        }
        return runs
    }

    /// The number of the set that some places lead to.
    private mutating func state(
        _ places: [Int32],
        in table: inout AutomatonTable
    ) throws(GrammarError) -> Int32 {
        var kernel = places
        if kernel.count > 1 {
            kernel = places.sorted()
            var last: Int32 = -1
            kernel.removeAll { place in
                defer { last = place }
                return place == last
            }
        }
        let (number, isNew) = kernels.insert(kernel)
        try spend(kernel.count)
        guard isNew else { return stateOfKernel[Int(number)] }
        try spend(Self.setCost)
        let set = try closure(kernel, isTextStart: false, isTextEnd: false)
        let (state, isNewSet) = sets.insert(set)
        stateOfKernel.append(state)
        if isNewSet {
            guard sets.count <= budget else { throw .tooManyStates(budget) }
            _ = table.addState(flags(of: set, accepts: try isEnd(set, isTextStart: false)))
        }
        return state
    }
}
