/// Whether the empty text is one of a node's.
enum Emptiness: UInt8, Sendable {
    case unknown
    case possible
    case impossible
}

extension GrammarMachine {
    mutating func mayBeEmpty(_ node: Int32) -> Bool {
        if emptiness[Int(node)] == .unknown { findEmptiness(node) }
        return emptiness[Int(node)] == .possible
    }

    /// Asks the parts of a node one after the other, as far as they decide. A list, as rules nest deeper than stacks.
    private mutating func findEmptiness(_ node: Int32) {
        var work: [(node: Int32, next: Int)] = [(node, 0)]
        // A node that comes again while it is looked at begins with itself, which none may.
        emptiness[Int(node)] = .impossible
        while let (node, next) = work.last {
            let (parts, needsAll) = partsOfEmpty(node)
            if next == parts.count {
                emptiness[Int(node)] = needsAll ? .possible : .impossible
                work.removeLast()
                continue
            }
            let part = parts[next]
            switch emptiness[Int(part)] {
            case .unknown:
                emptiness[Int(part)] = .impossible
                work.append((part, 0))
            case .possible where needsAll, .impossible where !needsAll:
                work[work.count - 1].next += 1
            case .possible, .impossible:
                emptiness[Int(node)] = needsAll ? .impossible : .possible
                work.removeLast()
            }
        }
    }

    /// The parts that are empty in an empty text of a node, all of them or any one.
    private func partsOfEmpty(_ node: Int32) -> (parts: [Int32], needsAll: Bool) {
        switch grammar.nodes[Int(node)] {
        case .lexeme(let lexeme):
            let isPossible = grammar.automata[Int(lexeme.automaton)].acceptsEmpty
            return ([], isPossible && (lexeme.characters?.minimum ?? 0) == 0)
        case .sequence(let parts): return (parts, true)
        case .choice(let options): return (options, false)
        case .repetition(let repetition): return (repetition.minimum == 0 ? [] : [repetition.body], true)
        case .array, .object: return ([], false)
        }
    }
}
