import JSON

extension SchemaCompiler {
    /// Most different patterns for the names of one object: every combination of them is a kind of member.
    private static let mostPatterns = 5

    mutating func object(_ clause: SchemaClause) throws(GrammarError) -> Int32 {
        let rules = clause.object
        if clause.excluded.contains(where: { $0.type == .object }) {
            throw .unsupported("objects cannot be excluded by value.", pointer: document.pointers[0] + "/not")
        }
        let patterns = try NamePatterns(rules)
        guard patterns.patterns.count <= Self.mostPatterns else {
            throw .tooLarge("An object has more than \(Self.mostPatterns) different 'patternProperties'.")
        }
        let names = knownNames(rules)
        let required = Set(rules.required.map { Array($0.utf8) })
        var members: [MemberNode] = []
        var indices: [[UInt8]: Int] = [:]
        for name in names {
            let bytes = Array(name.utf8)
            indices[bytes] = members.count
            members.append(try member(name, rules, patterns, isRequired: required.contains(bytes)))
        }
        for (name, needs) in rules.dependencies {
            guard let index = indices[Array(name.utf8)] else { continue }
            for need in needs {
                guard let other = indices[Array(need.utf8)], other != index else { continue }
                members[index].needs.append(Int32(other))
            }
        }
        let node = ObjectNode(
            members: members,
            others: try others(rules, names, patterns),
            minimum: Int32(rules.minimum),
            maximum: rules.maximum.map(Int32.init) ?? .max,
            order: options.order,
            glue: glue.object,
            remembersMembers: options.order == .any || members.contains { !$0.needs.isEmpty }
        )
        return try builder.add(.object(node))
    }

    /// Every name that the rules mention, in their order, once each.
    private func knownNames(_ rules: ObjectRules) -> [String] {
        var names = JSONObject()
        for name in rules.members.flatMap(\.properties.names) { names[name] = .null }
        for name in rules.required { names[name] = .null }
        for (name, needs) in rules.dependencies {
            names[name] = .null
            for need in needs { names[need] = .null }
        }
        for name in rules.absent { names[name] = .null }
        return names.keys
    }

    private mutating func member(
        _ name: String,
        _ rules: ObjectRules,
        _ patterns: NamePatterns,
        isRequired: Bool
    ) throws(GrammarError) -> MemberNode {
        let literals = rules.literals(
            named: name,
            matching: patterns.matches(name),
            allowsUndeclared: options.allowsUndeclaredMembers
        )
        var isAllowed = !rules.absent.contains { $0.utf8.elementsEqual(name.utf8) }
        // A name that is only mentioned is one of the others.
        if !options.allowsUndeclaredMembers, rules.leavesOthersOpen, !isRequired,
            !rules.members.contains(where: { $0.knows(name, patterns.matches(name)) })
        {
            isAllowed = false
        }
        var validator = SchemaValidator(document: document)
        for literal in rules.names where try validator.isValid(.string(name), literal.location) != literal.isPositive {
            isAllowed = false
        }
        let value = isAllowed ? try node(literals) : try builder.add(.choice([]))
        return MemberNode(name: try glue.name(name, &builder), value: value, isRequired: isRequired)
    }

    /// The members whose names no schema mentions: one kind for every combination of patterns that they match.
    private mutating func others(
        _ rules: ObjectRules,
        _ names: [String],
        _ patterns: NamePatterns
    ) throws(GrammarError) -> [OtherMembers] {
        let budget = GrammarBuilder.automatonBudget
        var rest = try Self.anyCanonical.get()
        rest = try rest.subtracting(.anyOf(names.map(JSONGlue.quoted), budget: budget), budget: budget)
        for literal in rules.names { rest = try rest.intersection(texts(literal), budget: budget) }
        var kinds: [OtherMembers] = []
        for bits in 0..<(1 << patterns.patterns.count) {
            let matched = patterns.patterns.indices.filter { bits >> $0 & 1 == 1 }
            if matched.isEmpty, rules.leavesOthersOpen, !options.allowsUndeclaredMembers { continue }
            let literals = rules.literals(
                named: nil,
                matching: Set(matched.map { patterns.patterns[$0] }),
                allowsUndeclared: options.allowsUndeclaredMembers
            )
            if literals.contains(where: { document.schemas[Int($0.location)] == .bool(!$0.isPositive) }) { continue }
            var automaton = rest
            for index in patterns.patterns.indices {
                automaton =
                    bits >> index & 1 == 1
                    ? try automaton.intersection(patterns.automata[index], budget: budget)
                    : try automaton.subtracting(patterns.automata[index], budget: budget)
            }
            if automaton.isEmpty { continue }
            let value = try builder.add(.sequence([glue.colon, try node(literals)]))
            kinds.append(OtherMembers(name: try builder.lexeme(automaton, isTracked: true), value: value))
        }
        return kinds
    }

    /// The strings that satisfy a subschema, with their quotes.
    private mutating func texts(_ literal: SchemaLiteral) throws(GrammarError) -> ByteAutomaton {
        let budget = GrammarBuilder.automatonBudget
        var texts = ByteAutomaton.empty
        for clause in try expansion.clauses(of: [literal]) where clause.types.contains(.string) {
            var automaton: ByteAutomaton
            if let values = clause.values {
                let words = try satisfying(values.filter { $0.type == .string }, clause).compactMap(\.stringValue)
                automaton = try .anyOf(words.map(JSONGlue.quoted), budget: budget)
            } else {
                automaton = try Self.content(clause.string)
                if clause.string.minimum > 0 || clause.string.maximum != nil {
                    automaton = try automaton.bounded(
                        characters: clause.string.minimum + 2,
                        clause.string.maximum.map { $0 + 2 },
                        budget: budget
                    )
                }
                let excluded = clause.excluded.compactMap(\.stringValue).map(JSONGlue.quoted)
                automaton = try automaton.subtracting(.anyOf(excluded, budget: budget), budget: budget)
            }
            texts = try texts.union(automaton, budget: budget)
        }
        return texts
    }
}
