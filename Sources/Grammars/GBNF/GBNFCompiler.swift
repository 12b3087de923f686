extension Grammar {
    /// Text of a grammar in GBNF, from its rule `root`.
    package convenience init(gbnf source: String) throws(GrammarError) {
        var parser = GBNFParser(source)
        var compiler = GBNFCompiler(try parser.parse())
        let grammar = try compiler.grammar()
        self.init(nodes: grammar.nodes, automata: grammar.automata, start: grammar.start)
    }
}

/// Turns rules into nodes. What contains no rule that contains itself becomes one automaton, as far as that stays small:
/// the fewer lexemes a text has, the less there is to follow.
struct GBNFCompiler {
    private let rules: [String: GBNFPart]
    private var builder = GrammarBuilder()
    private var nodes: [String: Int32] = [:]
    private var waiting: [String] = []
    /// The rules that can come again within themselves.
    private var recursive: Set<String> = []
    private var expressions: [String: ExpressionNode?] = [:]

    /// Largest expression and automaton that rules are folded into.
    private static let mostNodes = 2000
    private static let mostStates = 2000
    /// Longest chain of rules within rules that is folded; what is beyond stays a node of its own.
    private static let deepestChain = 50
    private static let mostRules = 2000
    private var chain = 0

    init(_ rules: [String: GBNFPart]) { self.rules = rules }

    mutating func grammar() throws(GrammarError) -> Grammar {
        guard rules["root"] != nil else { throw .syntax("In the grammar: there is no rule 'root'.", offset: 0) }
        guard rules.count <= Self.mostRules else {
            throw .tooLarge("A grammar has at most \(Self.mostRules) rules.")
        }
        for (name, part) in rules {
            for other in Self.references(part) where rules[other] == nil {
                throw .syntax("In the grammar: the rule '\(name)' names '\(other)', which there is none of.", offset: 0)
            }
        }
        let names = rules.keys.sorted()
        recursive = looping(names) { Self.references($0) }
        let nullable = NullableRules(rules).names
        let beginning = looping(names) { leftmost($0, nullable) }
        if let name = names.first(where: beginning.contains) {
            throw .syntax(
                "In the grammar: the rule '\(name)' begins with itself; write the repetition with '*' or put the rule last.",
                offset: 0
            )
        }
        let start = try node("root")
        while let name = waiting.popLast() {
            guard let part = rules[name], let node = nodes[name] else { continue }
            builder.fill(node, with: .choice([try compile(part)]))
        }
        return try builder.grammar(start: start)
    }

    // MARK: Rules

    private static func references(_ part: GBNFPart) -> Set<String> {
        switch part {
        case .characters: []
        case .rule(let name): [name]
        case .sequence(let parts), .choice(let parts): parts.reduce(into: []) { $0.formUnion(references($1)) }
        case .repetition(let body, _, _): references(body)
        }
    }

    /// The rules that lead back to themselves; `followers` are asked for once for each.
    private func looping(_ names: [String], _ followers: (GBNFPart) -> Set<String>) -> Set<String> {
        let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        let ways = names.map { name in (rules[name].map(followers) ?? []).compactMap { numbers[$0] } }
        var loops = LoopSearch(ways)
        loops.run()
        return Set(names.indices.filter { loops.isLooping[$0] }.map { names[$0] })
    }

    private static func isNullable(_ part: GBNFPart, _ rules: Set<String>) -> Bool {
        switch part {
        case .characters: false
        case .rule(let name): rules.contains(name)
        case .sequence(let parts): parts.allSatisfy { isNullable($0, rules) }
        case .choice(let parts): parts.contains { isNullable($0, rules) }
        case .repetition(let body, let minimum, _): minimum == 0 || isNullable(body, rules)
        }
    }

    /// The rules that a part can begin with.
    private func leftmost(_ part: GBNFPart, _ nullable: Set<String>) -> Set<String> {
        switch part {
        case .characters: return []
        case .rule(let name): return [name]
        case .choice(let parts): return parts.reduce(into: []) { $0.formUnion(leftmost($1, nullable)) }
        case .repetition(let body, _, _): return leftmost(body, nullable)
        case .sequence(let parts):
            var rules = Set<String>()
            for part in parts {
                rules.formUnion(leftmost(part, nullable))
                if !Self.isNullable(part, nullable) { break }
            }
            return rules
        }
    }

    // MARK: Nodes

    private mutating func node(_ name: String) throws(GrammarError) -> Int32 {
        if let node = nodes[name] { return node }
        let node = try builder.reserve()
        nodes[name] = node
        waiting.append(name)
        return node
    }

    private mutating func compile(_ part: GBNFPart) throws(GrammarError) -> Int32 {
        if let expression = expression(part), let node = try lexeme(expression) { return node }
        switch part {
        case .characters: return try builder.add(.choice([]))
        case .rule(let name): return try node(name)
        case .choice(let options):
            var nodes: [Int32] = []
            for option in options { nodes.append(try compile(option)) }
            return try builder.choice(nodes)
        case .sequence(let parts): return try compile(sequence: parts)
        case .repetition(let body, let minimum, let maximum):
            let most = maximum.map { Int32($0) } ?? .max
            let node = try compile(body)
            return try builder.add(.repetition(Repetition(body: node, minimum: Int32(minimum), maximum: most)))
        }
    }

    /// Parts next to each other that are regular become one lexeme.
    private mutating func compile(sequence parts: [GBNFPart]) throws(GrammarError) -> Int32 {
        var nodes: [Int32] = []
        var run: [GBNFPart] = []
        func isRegular(_ part: GBNFPart, _ compiler: inout GBNFCompiler) -> Bool { compiler.expression(part) != nil }
        for part in parts {
            if isRegular(part, &self) {
                run.append(part)
                continue
            }
            if !run.isEmpty { nodes.append(try compile(run: run)) }
            run = []
            nodes.append(try compile(part))
        }
        if !run.isEmpty { nodes.append(try compile(run: run)) }
        return nodes.count == 1 ? nodes[0] : try builder.add(.sequence(nodes))
    }

    private mutating func compile(run: [GBNFPart]) throws(GrammarError) -> Int32 {
        if run.count == 1 { return try compile(run[0]) }
        if let expression = expression(.sequence(run)), let node = try lexeme(expression) { return node }
        var nodes: [Int32] = []
        for part in run { nodes.append(try compile(part)) }
        return try builder.add(.sequence(nodes))
    }

    private mutating func lexeme(_ expression: ExpressionNode) throws(GrammarError) -> Int32? {
        var compiler = ExpressionCompiler(.utf8, budget: Self.mostStates)
        var automaton: ByteAutomaton?
        do {
            automaton = try compiler.compile(expression, opensStart: false, opensEnd: false)
        } catch .tooLarge {}
        // What was given up is paid for too.
        try builder.work.charge(parts: compiler.partCount, steps: compiler.stepCount)
        guard let automaton else { return nil }
        return try builder.lexeme(automaton)
    }

    /// A part as a regular expression; nil when it is none, or a large one.
    private mutating func expression(_ part: GBNFPart) -> ExpressionNode? {
        guard let node = inlined(part), node.size <= Self.mostNodes else { return nil }
        return node
    }

    private mutating func inlined(_ part: GBNFPart) -> ExpressionNode? {
        switch part {
        case .characters(let set): return .characters(set)
        case .rule(let name):
            if recursive.contains(name) { return nil }
            if let known = expressions[name] { return known }
            guard chain < Self.deepestChain else { return nil }
            chain += 1
            defer { chain -= 1 }
            let node = rules[name].flatMap { expression($0) }
            expressions[name] = .some(node)
            return node
        case .sequence(let parts): return inlined(all: parts).map(ExpressionNode.sequence)
        case .choice(let parts): return inlined(all: parts).map(ExpressionNode.choice)
        case .repetition(let body, let minimum, let maximum):
            // Copies are states: many are left to a counter.
            guard max(minimum, maximum ?? 0) <= 200 else { return nil }
            return inlined(body).map { .repetition($0, minimum: minimum, maximum: maximum) }
        }
    }

    private mutating func inlined(all parts: [GBNFPart]) -> [ExpressionNode]? {
        var nodes: [ExpressionNode] = []
        for part in parts {
            guard let node = inlined(part) else { return nil }
            nodes.append(node)
        }
        return nodes
    }
}

extension ExpressionNode {
    /// Parts, counting those that are repeated as often as they are.
    var size: Int {
        switch self {
        case .empty, .characters, .textStart, .textEnd: 1
        case .sequence(let parts), .choice(let parts): parts.reduce(1) { min($0 + $1.size, 1_000_000) }
        case .repetition(let body, let minimum, let maximum): min(body.size * max(1, minimum, maximum ?? 1), 1_000_000)
        case .lookahead(let body, _): body.size + 1
        }
    }
}
