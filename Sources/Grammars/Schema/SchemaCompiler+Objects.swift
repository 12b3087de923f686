import JSON

extension SchemaCompiler {
    /// Most different patterns for the names of one object: every combination of them is a kind of member.
    private static let mostPatterns = 5
    /// Most members that others of one object need, counted for each that does.
    private static let mostNeeds = 100_000

    mutating func object(_ clause: SchemaClause) throws(GrammarError) -> Int32 {
        let rules = clause.object
        if clause.excluded.contains(where: { $0.type == .object }) {
            throw .unsupported("objects cannot be excluded by value.", pointer: document.pointers[0] + "/not")
        }
        let patterns = try NamePatterns(rules, scalars)
        guard patterns.patterns.count <= Self.mostPatterns else {
            throw .tooLarge("An object has more than \(Self.mostPatterns) different 'patternProperties'.")
        }
        let names = knownNames(rules)
        let indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { (Array($1.utf8), $0) })
        let needs = try closedNeeds(rules, indices)
        var required = Set(rules.required.compactMap { indices[Array($0.utf8)] })
        required.formUnion(required.flatMap { needs[$0] })
        var members: [MemberNode] = []
        for (index, name) in names.enumerated() {
            var member = try member(name, rules, patterns, isRequired: required.contains(index))
            member.needs = needs[index].map(Int32.init)
            members.append(member)
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
        guard node.offeredCount <= ObjectNode.mostOffered else {
            throw .tooLarge("An object has more than \(ObjectNode.mostOffered) members any of which may come next.")
        }
        return try builder.add(.object(node))
    }

    /// For each member the others that must be there when it is, also those that these need, and so on.
    private func closedNeeds(_ rules: ObjectRules, _ indices: [[UInt8]: Int]) throws(GrammarError) -> [[Int]] {
        var direct = [[Int]](repeating: [], count: indices.count)
        for (name, needs) in rules.dependencies {
            guard let index = indices[Array(name.utf8)] else { continue }
            direct[index] += needs.compactMap { indices[Array($0.utf8)] }
        }
        var count = 0
        var closed = direct
        for index in direct.indices where !direct[index].isEmpty {
            var met: Set<Int> = [index]
            var work = direct[index]
            while let next = work.popLast() {
                if met.insert(next).inserted { work += direct[next] }
            }
            count += met.count
            guard count <= Self.mostNeeds else {
                throw .tooLarge("An object has members that need more than \(Self.mostNeeds) others in all.")
            }
            closed[index] = met.subtracting([index]).sorted()
        }
        return closed
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
        var validator = SchemaValidator(document: document, scalars)
        for literal in rules.names where try validator.isValid(.string(name), literal.location) != literal.isPositive {
            isAllowed = false
        }
        try builder.work.charge(validator.work)
        let value = isAllowed ? try node(literals) : try builder.add(.choice([]))
        return MemberNode(name: try glue.name(name, &builder), value: value, isRequired: isRequired)
    }

    /// The members whose names no schema mentions: one kind for every combination of patterns that they match.
    private mutating func others(
        _ rules: ObjectRules,
        _ names: [String],
        _ patterns: NamePatterns
    ) throws(GrammarError) -> [OtherMembers] {
        var kinds: [OtherMembers] = []
        /// Made when the first kind needs it: most objects have no others.
        var free: ByteAutomaton?
        for bits in 0..<(1 << patterns.patterns.count) {
            let matched = patterns.patterns.indices.filter { bits >> $0 & 1 == 1 }
            if matched.isEmpty, rules.leavesOthersOpen, !options.allowsUndeclaredMembers { continue }
            let literals = rules.literals(
                named: nil,
                matching: Set(matched.map { patterns.patterns[$0] }),
                allowsUndeclared: options.allowsUndeclaredMembers
            )
            if literals.contains(where: { document.schemas[Int($0.location)] == .bool(!$0.isPositive) }) { continue }
            if free == nil { free = try namesOfOthers(rules, names) }
            var automaton = free ?? .empty
            for index in patterns.patterns.indices {
                automaton =
                    bits >> index & 1 == 1
                    ? try builder.work.intersection(automaton, patterns.automata[index])
                    : try builder.work.difference(automaton, patterns.automata[index])
            }
            if automaton.isEmpty { continue }
            let value = try builder.add(.sequence([glue.colon, try node(literals)]))
            kinds.append(OtherMembers(name: try builder.lexeme(automaton, isTracked: true), value: value))
        }
        return kinds
    }

    /// The names that no schema mentions and that may be.
    private mutating func namesOfOthers(_ rules: ObjectRules, _ names: [String]) throws(GrammarError) -> ByteAutomaton {
        let known = try builder.work.anyOf(names.map(JSONGlue.quoted))
        var others = try builder.work.difference(Self.anyCanonical.get(), known)
        for literal in rules.names { others = try builder.work.intersection(others, texts(literal)) }
        return others
    }

    /// The strings that satisfy a subschema, with their quotes.
    private mutating func texts(_ literal: SchemaLiteral) throws(GrammarError) -> ByteAutomaton {
        var texts = ByteAutomaton.empty
        for clause in try expansion.clauses(of: [literal]) where clause.types.contains(.string) {
            let automaton: ByteAutomaton
            if let values = clause.values {
                let words = try satisfying(values.filter { $0.type == .string }, clause).compactMap(\.stringValue)
                automaton = try builder.work.anyOf(words.map(JSONGlue.quoted))
            } else {
                automaton = try scalars.strings(clause.string, excluded: clause.excluded)
            }
            texts = try builder.work.union(texts, automaton)
        }
        return texts
    }
}
