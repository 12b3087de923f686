import JSON

/// Decides whether a value is valid under a schema, for the values that schemas list themselves.
struct SchemaValidator {
    private var expansion: ClauseExpansion
    private let scalars: ScalarAutomata
    private var depth = 0
    private static let depthLimit = 200
    /// What a step of expanding schemas costs in units of `CompilationWork`.
    private static let stepCost = 4

    init(document: SchemaDocument, _ scalars: ScalarAutomata) {
        expansion = ClauseExpansion(document)
        self.scalars = scalars
    }

    /// What was done so far, in units of `CompilationWork`.
    var work: Int { (ClauseExpansion.mostSteps - expansion.steps) * Self.stepCost }

    /// Whether a value is valid under the subschema at `location`.
    mutating func isValid(_ value: JSONValue, _ location: SchemaDocument.Location) throws(GrammarError) -> Bool {
        guard depth < Self.depthLimit else { throw ClauseExpansion.tooManyChoices }
        depth += 1
        defer { depth -= 1 }
        for clause in try expansion.clauses(of: [SchemaLiteral(location: location, isPositive: true)]) {
            if let values = clause.values, !values.contains(where: { $0.isSame(as: value) }) { continue }
            if clause.excluded.contains(where: { $0.isSame(as: value) }) { continue }
            if clause.types.contains(value.type), try holds(value, clause) { return true }
        }
        return false
    }

    private mutating func isValid(_ value: JSONValue, _ literal: SchemaLiteral) throws(GrammarError) -> Bool {
        try isValid(value, literal.location) == literal.isPositive
    }

    /// Whether the rules of a clause for the value's type hold, besides its listed and excluded values.
    mutating func holds(_ value: JSONValue, _ clause: SchemaClause) throws(GrammarError) -> Bool {
        switch value {
        case .null, .bool: return true
        case .integer, .number:
            return try scalars.numbers(clause.number, excluded: []).accepts((value.scalarText ?? "").utf8)
        case .string(let text):
            let count = text.unicodeScalars.count
            guard count >= clause.string.minimum, count <= clause.string.maximum ?? .max else { return false }
            return try scalars.content(clause.string).accepts(JSONGlue.quoted(text))
        case .array(let elements): return try holds(elements, clause.array)
        case .object(let object): return try holds(object, clause.object)
        }
    }

    private mutating func holds(_ elements: [JSONValue], _ rules: ArrayRules) throws(GrammarError) -> Bool {
        guard elements.count >= rules.minimum, elements.count <= rules.maximum ?? .max else { return false }
        for (index, element) in elements.enumerated() {
            for literal in rules.literals(at: index) where try !isValid(element, literal) { return false }
        }
        for contains in rules.contains {
            var count = 0
            for element in elements where try isValid(element, contains.literal) { count += 1 }
            guard count >= contains.minimum, count <= contains.maximum ?? .max else { return false }
        }
        return !rules.isUnique || Set(elements.map(\.identity)).count == elements.count
    }

    private mutating func holds(_ object: JSONObject, _ rules: ObjectRules) throws(GrammarError) -> Bool {
        guard object.count >= rules.minimum, object.count <= rules.maximum ?? .max else { return false }
        guard rules.required.allSatisfy({ object[$0] != nil }), rules.absent.allSatisfy({ object[$0] == nil }) else {
            return false
        }
        for (name, needs) in rules.dependencies where object[name] != nil {
            guard needs.allSatisfy({ object[$0] != nil }) else { return false }
        }
        let patterns = try NamePatterns(rules, scalars)
        for (name, value) in zip(object.keys, object.values) {
            for literal in rules.names where try !isValid(.string(name), literal) { return false }
            let literals = rules.literals(named: name, matching: patterns.matches(name), allowsUndeclared: true)
            for literal in literals where try !isValid(value, literal) { return false }
        }
        return true
    }
}

extension ArrayRules {
    /// What the element at `index` must satisfy.
    func literals(at index: Int) -> [SchemaLiteral] {
        items.compactMap { items in
            if let owner = items.unevaluatedOf, isEvaluated(index, by: owner) { return nil }
            return index < items.prefix.count ? items.prefix[index] : items.rest
        }
    }

    private func isEvaluated(_ index: Int, by owner: SchemaDocument.Location) -> Bool {
        items.contains { items in
            items.owners.contains(owner) && (index < items.prefix.count || items.rest != nil)
        }
    }
}

/// The patterns for names that the schemas of an object have, each once.
struct NamePatterns: Sendable {
    /// Their bytes: texts that Swift takes for equal are different patterns.
    private(set) var patterns: [[UInt8]] = []
    /// Names of each pattern as quoted strings.
    private(set) var automata: [ByteAutomaton] = []

    init(_ rules: ObjectRules, _ scalars: ScalarAutomata) throws(GrammarError) {
        var known = Set<[UInt8]>()
        for (pattern, _, pointer) in rules.members.flatMap(\.patterns) {
            let bytes = Array(pattern.utf8)
            guard known.insert(bytes).inserted else { continue }
            patterns.append(bytes)
            automata.append(try scalars.quoted(pattern: pattern, pointer: pointer))
        }
    }

    /// The patterns that a name matches.
    func matches(_ name: String) -> Set<[UInt8]> {
        let text = JSONGlue.quoted(name)
        return Set(zip(patterns, automata).filter { $0.1.accepts(text) }.map(\.0))
    }
}

extension ObjectRules {
    /// What the value of a member must satisfy; `name` is nil for members with names that no schema knows.
    func literals(
        named name: String?,
        matching patterns: Set<[UInt8]>,
        allowsUndeclared: Bool
    ) -> [SchemaLiteral] {
        members.flatMap { rule -> [SchemaLiteral] in
            if let owner = rule.unevaluatedOf {
                let isEvaluated = members.contains {
                    $0.owners.contains(owner) && ($0.others != nil || $0.knows(name, patterns))
                }
                return isEvaluated ? [] : rule.others.map { [$0] } ?? []
            }
            if !rule.knows(name, patterns) { return rule.others.map { [$0] } ?? [] }
            return [name.flatMap { rule.properties[$0] }].compactMap(\.self)
                + rule.patterns.filter { patterns.contains(Array($0.pattern.utf8)) }.map(\.literal)
        }
    }

    /// Whether some schema names members and none says what others are.
    var leavesOthersOpen: Bool {
        members.contains(where: \.declares) && members.allSatisfy { $0.others == nil }
    }
}

extension ObjectRules.Members {
    func knows(_ name: String?, _ patterns: Set<[UInt8]>) -> Bool {
        name.map { properties[$0] != nil } == true
            || self.patterns.contains { patterns.contains(Array($0.pattern.utf8)) }
    }
}
