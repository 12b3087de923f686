/// What texts may be, ready to be followed byte by byte: pieces of text that a finite automaton knows, and the
/// sequences, choices, repetitions, arrays and objects that they stand in, which may contain themselves.
///
/// Immutable, so that one grammar serves every request that asks for it.
package final class Grammar: Sendable {
    /// The parts; a part names others by their index here.
    let nodes: [Node]
    /// The automata of lexemes, each once.
    let automata: [ByteAutomaton]
    /// The node of a whole text.
    let start: Int32
    /// For every automaton and state, the characters that are still to come at least: what decides whether a string with
    /// a longest length can still end. Empty for automata that no counted lexeme uses.
    let shortestEndings: [[Int32]]
    /// For every automaton of a tracked lexeme and each of its states, how many texts lead on to the end; `Int32.max` for
    /// that many or more. Empty for the others.
    let completions: [[Int32]]
    /// What tells each automaton from all others, also those of other grammars.
    let fingerprints: [AutomatonFingerprint]

    init(nodes: [Node], automata: [ByteAutomaton], start: Int32) {
        self.nodes = nodes
        self.automata = automata
        self.start = start
        fingerprints = automata.map(AutomatonFingerprint.init)
        var counted = Set<Int32>()
        for case .lexeme(let lexeme) in nodes where lexeme.characters != nil { counted.insert(lexeme.automaton) }
        var tracked = Set<Int32>()
        for case .lexeme(let lexeme) in nodes where lexeme.isTracked { tracked.insert(lexeme.automaton) }
        completions = automata.indices.map { tracked.contains(Int32($0)) ? automata[$0].completions() : [] }
        shortestEndings = automata.indices.map { index in
            counted.contains(Int32(index)) ? automata[index].shortestEndings() : []
        }
    }

    /// About the bytes that it takes.
    package var byteCount: Int {
        let tables = automata.reduce(0) { $0 + $1.byteCount }
        return (shortestEndings + completions).reduce(tables + 128 * nodes.count) { $0 + 4 * $1.count }
    }
}

/// A part of a grammar.
enum Node: Sendable {
    case lexeme(Lexeme)
    case sequence([Int32])
    case choice([Int32])
    case repetition(Repetition)
    case array(ArrayNode)
    case object(ObjectNode)
}

/// A piece of text that an automaton knows.
struct Lexeme: Sendable, Hashable {
    var automaton: Int32
    /// Fewest and most characters, for automata that would be too large with the count in their states.
    var characters: CharacterCount?
    /// Whether the text is remembered, to be different from others: a member's name, an element of a set.
    var isTracked = false
}

struct CharacterCount: Sendable, Hashable {
    var minimum: Int32
    /// `Int32.max` without a limit.
    var maximum: Int32
}

struct Repetition: Sendable {
    var body: Int32
    var minimum: Int32
    /// `Int32.max` without a limit.
    var maximum: Int32
}

/// `[` elements `]`.
struct ArrayNode: Sendable {
    /// What the first elements may be, in order.
    var prefix: [ElementNode]
    /// What those after them may be.
    var rest: ElementNode
    var minimum: Int32
    var maximum: Int32
    /// How many elements must be of the kind that counts.
    var minimumCounted: Int32
    var maximumCounted: Int32
    /// Whether no two elements are equal; elements are tracked lexemes then.
    var isUnique: Bool
    var glue: ArrayGlue

    func element(_ index: Int32) -> ElementNode { Int(index) < prefix.count ? prefix[Int(index)] : rest }
}

/// The nodes that an element may be: those that do not count for `contains`, and those that do.
struct ElementNode: Sendable {
    var plain: [Int32] = []
    var counted: [Int32] = []
    var isEmpty: Bool { plain.isEmpty && counted.isEmpty }
}

struct ArrayGlue: Sendable {
    var open: Int32
    var separator: Int32
    var close: Int32
    /// Closes an array without elements.
    var closeEmpty: Int32
}

/// `{` members `}`.
struct ObjectNode: Sendable {
    /// Members with a known name, in the order of the schema.
    var members: [MemberNode]
    /// Members with other names: disjoint sets of names, each with what its values may be.
    var others: [OtherMembers]
    var minimum: Int32
    var maximum: Int32
    var order: MemberOrder
    var glue: ArrayGlue
    /// Whether which members stood is remembered: any order, or members that need others.
    var remembersMembers: Bool
}

/// A member with a known name.
struct MemberNode: Sendable {
    /// The lexeme of the name and the colon.
    var name: Int32
    /// Negative when no value satisfies what is asked of it.
    var value: Int32
    var isPossible: Bool { value >= 0 }
    var isRequired: Bool
    /// Members that must be there when this one is.
    var needs: [Int32] = []
}

/// Members whose names an automaton knows.
struct OtherMembers: Sendable {
    var name: Int32
    var value: Int32
}

/// In which order the members of an object may stand.
package enum MemberOrder: Sendable, Hashable {
    /// As the schema declares them, others last; what a model writes first, it can use for what follows.
    case declared
    case any
}

/// A hash of an automaton, of 128 bits, so that equal automata of different grammars are known for the same.
struct AutomatonFingerprint: Hashable, Sendable {
    private var high: Int
    private var low: Int

    init(_ automaton: ByteAutomaton) {
        var hasher = Hasher()
        hasher.combine(automaton)
        low = hasher.finalize()
        hasher = Hasher()
        hasher.combine(low)
        hasher.combine(automaton)
        high = hasher.finalize()
    }
}

extension ByteAutomaton {
    /// A way from a state to another.
    private struct Way {
        var source: Int32
        var target: Int32
    }

    /// How many bytes are of each kind.
    private var kindSizes: [Int] {
        var sizes: [Int] = []
        for byte in UInt8(0)...255 {
            let kind = Int(kind(of: byte))
            while sizes.count <= kind { sizes.append(0) }
            sizes[kind] += 1
        }
        return sizes
    }

    /// The ways between states, each once, by where they lead.
    private func ways() -> GroupedLists<Way> {
        let kinds = UInt8(0)...UInt8(kindSizes.count - 1)
        var ways: [Way] = []
        // The state from which each was met last.
        var metFrom = [Int32](repeating: Self.dead, count: stateCount)
        for source in 0..<Int32(stateCount) {
            for kind in kinds {
                let target = next(source, kind: kind)
                if target == Self.dead || metFrom[Int(target)] == source { continue }
                metFrom[Int(target)] = source
                ways.append(Way(source: source, target: target))
            }
        }
        return GroupedLists(ways, groupCount: stateCount) { $0.target }
    }

    /// For every state, the fewest entries into a boundary before the end.
    ///
    /// A way costs one where it enters a boundary and else nothing, so a walk back from the ends meets the states in the
    /// order of their distances when those at the same distance come before those one further.
    func shortestEndings() -> [Int32] {
        var distances = [Int32](repeating: .max, count: stateCount)
        var current = (0..<Int32(stateCount)).filter(isAccepting)
        for state in current { distances[Int(state)] = 0 }
        let ways = ways()
        var distance: Int32 = 0
        while !current.isEmpty {
            var further: [Int32] = []
            while let target = current.popLast() {
                // It was met again, on a shorter way.
                if distances[Int(target)] < distance { continue }
                let next = distance + (isBoundary(target) ? 1 : 0)
                for way in ways[target] where next < distances[Int(way.source)] {
                    distances[Int(way.source)] = next
                    if next == distance { current.append(way.source) } else { further.append(way.source) }
                }
            }
            current = further
            distance += 1
        }
        return distances
    }

    /// For every state, how many texts lead from it to the end, the empty one included; `Int32.max` for that many or more.
    func completions() -> [Int32] {
        // Where loops lead on there is no end of texts; the other states come after those that they lead to.
        let loops = leadingToLoops()
        let sizes = kindSizes
        let kinds = UInt8(0)...UInt8(sizes.count - 1)
        var counts = loops.map { $0 ? Int32.max : -1 }
        for first in 0..<Int32(stateCount) where counts[Int(first)] < 0 {
            var work = [first]
            while let state = work.last {
                let pending = work.count
                if counts[Int(state)] < 0 {
                    for kind in kinds {
                        let target = next(state, kind: kind)
                        if target != Self.dead, target != work.last, counts[Int(target)] < 0 { work.append(target) }
                    }
                }
                if work.count > pending { continue }
                work.removeLast()
                if counts[Int(state)] >= 0 { continue }
                var count = isAccepting(state) ? 1 : 0
                for kind in kinds {
                    let target = next(state, kind: kind)
                    if target != Self.dead { count += sizes[Int(kind)] * Int(counts[Int(target)]) }
                }
                counts[Int(state)] = Int32(clamping: count)
            }
        }
        return counts
    }
}
