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
    /// For every state, the fewest entries into a boundary before the end.
    func shortestEndings() -> [Int32] {
        var distances = [Int32](repeating: .max, count: stateCount)
        for state in 0..<Int32(stateCount) where isAccepting(state) { distances[Int(state)] = 0 }
        // Weights are 0 and 1 and automata small: relaxing until nothing changes takes as many rounds as a word is long.
        var changed = true
        while changed {
            changed = false
            for state in 0..<Int32(stateCount) {
                for next in successors(state) where distances[Int(next)] != .max {
                    let distance = distances[Int(next)] + (isBoundary(next) ? 1 : 0)
                    if distance < distances[Int(state)] {
                        distances[Int(state)] = distance
                        changed = true
                    }
                }
            }
        }
        return distances
    }

    /// For every state, how many texts lead from it to the end, the empty one included; `Int32.max` for that many or more.
    func completions() -> [Int32] {
        // Where loops lead on there is no end of texts; the other states come after those that they lead to.
        let loops = leadingToLoops()
        var counts = [Int32](repeating: -1, count: stateCount)
        for state in counts.indices where loops[state] { counts[state] = .max }
        for first in 0..<Int32(stateCount) {
            var work = [first]
            while let state = work.last {
                let waiting = counts[Int(state)] >= 0 ? [] : successors(state).filter { counts[Int($0)] < 0 }
                if !waiting.isEmpty {
                    work += waiting
                    continue
                }
                work.removeLast()
                if counts[Int(state)] >= 0 { continue }
                var count = isAccepting(state) ? 1 : 0
                for edge in edges(state) {
                    count = min(count + edge.bytes.count * Int(counts[Int(edge.target)]), Int(Int32.max))
                }
                counts[Int(state)] = Int32(count)
            }
        }
        return counts
    }

    private func successors(_ state: Int32) -> Set<Int32> {
        Set((0...255).map { next(state, UInt8($0)) }.filter { $0 != Self.dead })
    }
}
