import JSON

/// Decides whether a value is valid under a schema, for the values that schemas list themselves.
struct SchemaValidator {
    private var expansion: ClauseExpansion
    private var depth = 0
    private var contents: [[StringRules.Pattern]: ByteAutomaton] = [:]
    private static let depthLimit = 200

    init(document: SchemaDocument) { expansion = ClauseExpansion(document) }

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
            return try SchemaCompiler.numbers(clause.number, excluded: []).accepts((value.scalarText ?? "").utf8)
        case .string(let text):
            let count = text.unicodeScalars.count
            guard count >= clause.string.minimum, count <= clause.string.maximum ?? .max else { return false }
            return try content(clause.string).accepts(JSONGlue.quoted(text))
        case .array(let elements): return try holds(elements, clause.array)
        case .object(let object): return try holds(object, clause.object)
        }
    }

    /// The strings of rules, which many values in a row are held against.
    private mutating func content(_ rules: StringRules) throws(GrammarError) -> ByteAutomaton {
        let patterns = rules.patterns + rules.formats
        if let known = contents[patterns] { return known }
        let content = try SchemaCompiler.content(rules)
        contents[patterns] = content
        return content
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
        let patterns = try NamePatterns(rules)
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
    private(set) var patterns: [String] = []
    /// Names of each pattern as quoted strings.
    private(set) var automata: [ByteAutomaton] = []

    init(_ rules: ObjectRules) throws(GrammarError) {
        for pattern in rules.members.flatMap(\.patterns) where !patterns.contains(pattern.pattern) {
            patterns.append(pattern.pattern)
            automata.append(
                try SchemaCompiler.quoted(pattern: pattern.pattern, pointer: pattern.pointer)
            )
        }
    }

    /// The patterns that a name matches.
    func matches(_ name: String) -> Set<String> {
        let text = JSONGlue.quoted(name)
        return Set(zip(patterns, automata).filter { $0.1.accepts(text) }.map(\.0))
    }
}

extension ObjectRules {
    /// What the value of a member must satisfy; `name` is nil for members with names that no schema knows.
    func literals(
        named name: String?,
        matching patterns: Set<String>,
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
                + rule.patterns.filter { patterns.contains($0.pattern) }.map(\.literal)
        }
    }

    /// Whether some schema names members and none says what others are.
    var leavesOthersOpen: Bool {
        members.contains(where: \.declares) && members.allSatisfy { $0.others == nil }
    }
}

extension ObjectRules.Members {
    func knows(_ name: String?, _ patterns: Set<String>) -> Bool {
        name.map { properties[$0] != nil } == true || self.patterns.contains { patterns.contains($0.pattern) }
    }
}
