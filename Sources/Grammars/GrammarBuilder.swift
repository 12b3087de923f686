/// Collects the nodes of a grammar, equal automata once, within a budget.
struct GrammarBuilder {
    private(set) var nodes: [Node] = []
    private(set) var automata: [ByteAutomaton] = []
    private var indices: [ByteAutomaton: Int32] = [:]
    private var lexemes: [Lexeme: Int32] = [:]
    private var stateCount = 0
    /// Automata of strings and numbers that were made for it, and what all of them may still cost.
    let scalars = ScalarAutomata()
    var work: CompilationWork { scalars.work }

    /// Most states of one automaton, of all together, and most nodes.
    static let automatonBudget = 100_000
    private static let stateBudget = 1_000_000
    private static let nodeBudget = 500_000

    /// A place for a node that is known later, so that others can name it.
    mutating func reserve() throws(GrammarError) -> Int32 { try add(.choice([])) }

    mutating func fill(_ index: Int32, with node: Node) { nodes[Int(index)] = node }

    mutating func add(_ node: Node) throws(GrammarError) -> Int32 {
        guard nodes.count < Self.nodeBudget else {
            throw .tooLarge("The grammar has more than \(Self.nodeBudget) parts; make it smaller.")
        }
        nodes.append(node)
        return Int32(nodes.count - 1)
    }

    mutating func lexeme(
        _ automaton: ByteAutomaton,
        characters: CharacterCount? = nil,
        isTracked: Bool = false
    ) throws(GrammarError) -> Int32 {
        // It is hashed, some nanoseconds a state, also when it is known.
        try work.charge(automaton.stateCount >> 6)
        let lexeme = Lexeme(automaton: try intern(automaton), characters: characters, isTracked: isTracked)
        if let index = lexemes[lexeme] { return index }
        let index = try add(.lexeme(lexeme))
        lexemes[lexeme] = index
        return index
    }

    mutating func literal(_ text: String) throws(GrammarError) -> Int32 {
        try lexeme(.literal(Array(text.utf8)))
    }

    /// One of several nodes; the node itself when it is the only one.
    mutating func choice(_ options: [Int32]) throws(GrammarError) -> Int32 {
        options.count == 1 ? options[0] : try add(.choice(options))
    }

    /// At most how many texts lexemes have together; `Int32.max` for that many or more.
    func wordCount(_ nodes: [Int32]) throws(GrammarError) -> Int32 {
        var indices = Set<Int32>()
        for case .lexeme(let lexeme) in nodes.map({ self.nodes[Int($0)] }) { indices.insert(lexeme.automaton) }
        let lexemes = indices.sorted().map { automata[Int($0)] }
        guard lexemes.allSatisfy(\.isFinite) else { return .max }
        // Not the sum: a text of several lexemes stands once.
        var all = ByteAutomaton.empty
        for automaton in lexemes { all = try work.union(all, automaton) }
        return Int32(clamping: all.wordCount(limit: Int(Int32.max)))
    }

    private mutating func intern(_ automaton: ByteAutomaton) throws(GrammarError) -> Int32 {
        if let index = indices[automaton] { return index }
        stateCount += automaton.stateCount
        guard stateCount <= Self.stateBudget else {
            throw .tooLarge(
                "The grammar needs more than \(Self.stateBudget) states; make its patterns and texts smaller."
            )
        }
        let index = Int32(automata.count)
        automata.append(automaton)
        indices[automaton] = index
        return index
    }

    /// The grammar, without the parts that no text can satisfy.
    consuming func grammar(start: Int32) throws(GrammarError) -> Grammar {
        var pruning = GrammarPruning(nodes: nodes, automata: automata)
        pruning.prune()
        guard pruning.isProductive[Int(start)] else {
            throw .unsatisfiable("Nothing can satisfy this: its conditions contradict each other.")
        }
        let grammar = Grammar(nodes: pruning.nodes, automata: automata, start: start)
        var machine = GrammarMachine(grammar)
        _ = machine.begin()
        guard !machine.hasOverrun else {
            throw .tooLarge("Its beginning can be read in too many ways; give it fewer choices that begin alike.")
        }
        return grammar
    }
}
