import JSON

extension SchemaCompiler {
    mutating func array(_ clause: SchemaClause) throws(GrammarError) -> Int32 {
        let rules = clause.array
        if clause.excluded.contains(where: { $0.type == .array }) {
            throw .unsupported("arrays cannot be excluded by value.", pointer: document.pointers[0] + "/not")
        }
        guard rules.contains.count <= 1 else {
            throw .unsupported(
                "only one 'contains' can be followed at a time.",
                pointer: rules.contains[1].pointer
            )
        }
        let contains = rules.contains.first
        let length = rules.items.map(\.prefix.count).max() ?? 0
        var prefix: [ElementNode] = []
        for index in 0..<min(length, rules.maximum ?? length) {
            prefix.append(try element(rules.literals(at: index), contains, rules))
        }
        let rest = try element(rules.literals(at: length), contains, rules)
        var maximum = rules.maximum.map(Int32.init) ?? .max
        // A set has no more elements than there are texts for them.
        if rules.needsDistinct {
            maximum = min(maximum, try builder.wordCount((prefix + [rest]).flatMap { $0.plain + $0.counted }))
        }
        let array = ArrayNode(
            prefix: prefix,
            rest: rest,
            minimum: Int32(rules.minimum),
            maximum: maximum,
            minimumCounted: Int32(contains?.minimum ?? 0),
            maximumCounted: contains?.maximum.map(Int32.init) ?? .max,
            isUnique: rules.needsDistinct,
            glue: glue.array
        )
        guard !array.mayRunOut(of: builder.nodes, builder.automata) else {
            throw .unsupported(
                "'uniqueItems' is not followed where first elements may take the last value of one that must follow them.",
                pointer: rules.uniquePointer
            )
        }
        return try builder.add(.array(array))
    }

    private mutating func element(
        _ literals: [SchemaLiteral],
        _ contains: ArrayRules.Contains?,
        _ rules: ArrayRules
    ) throws(GrammarError) -> ElementNode {
        let isUnique = rules.needsDistinct
        func nodes(_ literals: [SchemaLiteral]) throws(GrammarError) -> [Int32] {
            isUnique ? try distinct(literals, rules.uniquePointer) : [try node(literals)]
        }
        guard let contains else { return ElementNode(plain: try nodes(literals)) }
        // Whether an element counts must be certain only where too many may not.
        let plain = contains.maximum == nil ? literals : literals + [contains.literal.negated]
        return ElementNode(plain: try nodes(plain), counted: try nodes(literals + [contains.literal]))
    }

    /// Nodes for the elements of a set: lexemes whose texts are the same when the values are.
    private mutating func distinct(_ literals: [SchemaLiteral], _ pointer: String) throws(GrammarError) -> [Int32] {
        var nodes: [Int32] = []
        for clause in try expansion.clauses(of: literals) {
            for automaton in try elements(clause, pointer) {
                nodes.append(try builder.lexeme(automaton, isTracked: true))
            }
        }
        return Array(Set(nodes)).sorted()
    }

    private mutating func elements(_ clause: SchemaClause, _ pointer: String) throws(GrammarError) -> [ByteAutomaton] {
        let refusal = GrammarError.unsupported(
            "'uniqueItems' is followed for elements that are strings, numbers, booleans or null.",
            pointer: pointer
        )
        if let values = clause.values {
            var words: [[UInt8]] = []
            for value in try satisfying(values, clause) {
                guard let text = value.scalarText else { throw refusal }
                words.append(Array(text.utf8))
            }
            return [try builder.work.anyOf(words)]
        }
        guard clause.types.isDisjoint(with: [.array, .object]) else { throw refusal }
        var automata: [ByteAutomaton] = []
        for value in [JSONValue.null, .bool(true), .bool(false)]
        where clause.types.contains(value.type) && !clause.excluded.contains(value) {
            automata.append(.literal(Array((value.scalarText ?? "").utf8)))
        }
        if clause.types.contains(.number) {
            automata.append(try builder.work.intersection(numbers(clause), Self.shortest.get()))
        }
        if clause.types.contains(.string) {
            automata.append(try scalars.strings(clause.string, excluded: clause.excluded))
        }
        return automata
    }
}
