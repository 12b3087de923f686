/// Places of an automaton that looks ahead: states, each with what the rest of the text must be.
///
/// A lookahead is an automaton of whole rests of texts. Where one is passed, its first state is demanded; each byte moves
/// all demands on; where one dies, so does the place; at the end of the text all must accept. This is the usual way from
/// an alternating automaton to one that only ever is in several states at once.
struct Demands {
    /// One of several automata in one of its states.
    private struct Demand: Hashable, Comparable {
        var automaton: Int32
        var state: Int32

        static func < (left: Demand, right: Demand) -> Bool {
            (left.automaton, left.state) < (right.automaton, right.state)
        }
    }

    private struct Place: Hashable {
        var state: Int32
        var demands: Int32
    }

    /// The automaton of each lookahead at the start of the text, then that of each elsewhere.
    private let automata: [ByteAutomaton]
    private let lookaheadCount: Int
    /// The state of each automaton in which any rest will do, where there is one.
    private let satisfied: [Int32?]
    /// Where lookaheads tell bytes apart, `[257]`.
    private(set) var cuts: [Bool]
    /// Sets of demands by number; 0 is none.
    private var sets: [[Demand]] = [[]]
    private var setNumbers: [[Demand]: Int32] = [[]: 0]
    /// Places by number. Without lookaheads there are none: a place is a state.
    private var places: [Place] = []
    private var placeNumbers: [Place: Int32] = [:]

    /// - Parameter anything: accepts every text.
    init(_ lookaheads: [NondeterministicAutomaton.Lookahead], anything: ByteAutomaton?, stateCount: Int) {
        automata = lookaheads.map(\.atStart) + lookaheads.map(\.later)
        lookaheadCount = lookaheads.count
        satisfied = automata.map { automaton in anything.flatMap { automaton.state(like: $0) } }
        cuts = [Bool](repeating: false, count: 257)
        for automaton in automata where !automaton.isEmpty {
            for byte in UInt8(1)...255 where automaton.kind(of: byte) != automaton.kind(of: byte - 1) {
                cuts[Int(byte)] = true
            }
        }
        guard lookaheadCount > 0 else { return }
        // Places without demands have the numbers of their states.
        places = (0..<Int32(stateCount)).map { Place(state: $0, demands: 0) }
    }

    func state(of place: Int32) -> Int32 { lookaheadCount == 0 ? place : places[Int(place)].state }

    /// Whether more than the state of a place decides where bytes lead.
    func isDemanded(_ place: Int32) -> Bool { lookaheadCount > 0 && places[Int(place)].demands != 0 }

    /// Whether more than the states of some places decides where bytes lead.
    func areDemanded(_ set: [Int32]) -> Bool {
        lookaheadCount > 0 && set.contains(where: isDemanded)
    }

    /// A state with the demands of a place.
    mutating func place(_ state: Int32, like place: Int32) -> Int32 {
        lookaheadCount == 0 ? state : number(Place(state: state, demands: places[Int(place)].demands))
    }

    /// A state with the demands of a place after a byte; nil when one cannot be met.
    mutating func place(_ state: Int32, after byte: UInt8, from place: Int32) -> Int32? {
        guard lookaheadCount > 0, places[Int(place)].demands != 0 else { return state }
        var next: [Demand] = []
        for demand in sets[Int(places[Int(place)].demands)] {
            let target = automata[Int(demand.automaton)].next(demand.state, byte)
            if target == ByteAutomaton.dead { return nil }
            if target == satisfied[Int(demand.automaton)] { continue }
            next.append(Demand(automaton: demand.automaton, state: target))
        }
        return number(Place(state: state, demands: number(next)))
    }

    /// A place with one more lookahead demanded; nil when it cannot be met.
    mutating func adding(_ lookahead: Int, to place: Int32, isTextStart: Bool) -> Int32? {
        let index = isTextStart ? lookahead : lookaheadCount + lookahead
        let automaton = automata[index]
        if automaton.isEmpty { return nil }
        if automaton.start == satisfied[index] { return place }
        let demand = Demand(automaton: Int32(index), state: automaton.start)
        let place = places[Int(place)]
        return number(Place(state: place.state, demands: number(sets[Int(place.demands)] + [demand])))
    }

    /// Whether all demands of a place are met when the text ends.
    func mayEnd(_ place: Int32) -> Bool {
        guard lookaheadCount > 0 else { return true }
        return sets[Int(places[Int(place)].demands)].allSatisfy {
            automata[Int($0.automaton)].isAccepting($0.state)
        }
    }

    private mutating func number(_ demands: [Demand]) -> Int32 {
        let set = Set(demands).sorted()
        if let number = setNumbers[set] { return number }
        setNumbers[set] = Int32(sets.count)
        sets.append(set)
        return Int32(sets.count - 1)
    }

    private mutating func number(_ place: Place) -> Int32 {
        if place.demands == 0 { return place.state }
        if let number = placeNumbers[place] { return number }
        placeNumbers[place] = Int32(places.count)
        places.append(place)
        return Int32(places.count - 1)
    }
}
