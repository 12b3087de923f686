import JSON

/// What it takes for a schema not to hold: that one of its keywords is violated. Each that a value can violate in a way
/// which clauses can say is one option; a keyword that they cannot negate is refused, never ignored.
extension ClauseExpansion {
    mutating func deny(
        _ schema: JSONObject,
        _ location: SchemaDocument.Location,
        _ work: inout [Work]
    ) throws(GrammarError) {
        try refuse(["unevaluatedProperties", "unevaluatedItems", "propertyNames", "uniqueItems"], schema, location)
        var denials = Denials(SchemaAssertions(document: document, location: location, owners: []))
        denials.types(schema)
        denials.values(schema)
        denials.numbers(schema)
        try denials.strings(schema)
        try denyElements(schema, location, &denials)
        try denyMembers(schema, location, &denials)
        try denyApplicators(schema, location, &denials)
        try wait(for: [denials.options], &work)
    }

    private func refuse(
        _ keywords: [String],
        _ schema: JSONObject,
        _ location: SchemaDocument.Location
    ) throws(GrammarError) {
        for keyword in keywords where schema[keyword] != nil {
            if keyword == "uniqueItems", schema[keyword]?.boolValue != true { continue }
            throw .unsupported(
                "'\(keyword)' cannot stand where it is negated ('not', 'if', or 'oneOf' with options that overlap).",
                pointer: pointer(location, keyword)
            )
        }
    }

    private mutating func denyApplicators(
        _ schema: JSONObject,
        _ location: SchemaDocument.Location,
        _ denials: inout Denials
    ) throws(GrammarError) {
        for reference in ["$ref", "$dynamicRef", "$recursiveRef"] {
            guard let name = schema[reference]?.stringValue else { continue }
            denials.follow([SchemaLiteral(location: try target(reference, name, location), isPositive: false)])
        }
        for child in children(location, "allOf", schema) { denials.follow([child.negated]) }
        if schema["anyOf"] != nil {
            denials.follow(children(location, "anyOf", schema).map(\.negated))
        }
        if schema["oneOf"] != nil {
            let children = children(location, "oneOf", schema)
            denials.follow(children.map(\.negated))
            for first in children.indices {
                for second in children.indices where second > first {
                    denials.follow([children[first], children[second]])
                }
            }
        }
        if let not = document.child(location, "not") {
            denials.follow([SchemaLiteral(location: not, isPositive: true)])
        }
        if let condition = document.child(location, "if") {
            let holds = SchemaLiteral(location: condition, isPositive: true)
            if let then = document.child(location, "then") {
                denials.follow([holds, SchemaLiteral(location: then, isPositive: false)])
            }
            if let otherwise = document.child(location, "else") {
                denials.follow([holds.negated, SchemaLiteral(location: otherwise, isPositive: false)])
            }
        }
        for name in schema["dependentSchemas"]?.objectValue?.keys ?? [] {
            guard let child = document.child(location, "dependentSchemas", name) else { continue }
            denials.follow([SchemaLiteral(location: child, isPositive: false)]) { $0.demand(name) }
        }
    }

    private func denyElements(
        _ schema: JSONObject,
        _ location: SchemaDocument.Location,
        _ denials: inout Denials
    ) throws(GrammarError) {
        try denials.lengths(schema, "minItems", "maxItems", .array, \.array.minimum, \.array.maximum)
        let prefix = schema["prefixItems"]?.arrayValue?.count ?? 0
        if schema["items"]?.arrayValue != nil { try refuse(["items"], schema, location) }
        for index in 0..<prefix {
            guard let child = document.child(location, "prefixItems", String(index)) else { continue }
            let denied = SchemaLiteral(location: child, isPositive: false)
            let others = [SchemaLiteral?](repeating: nil, count: index)
            denials.add(.array) { clause in
                clause.array.minimum = max(clause.array.minimum, index + 1)
                clause.array.items.append(.init(prefix: others + [denied], rest: nil))
            }
        }
        if let items = document.child(location, "items") {
            if prefix > 0 { try refuse(["items"], schema, location) }
            let pointer = pointer(location, "items")
            let denied = SchemaLiteral(location: items, isPositive: false)
            denials.add(.array) {
                $0.array.contains.append(.init(literal: denied, minimum: 1, maximum: nil, pointer: pointer))
            }
        }
        guard let contains = document.child(location, "contains") else { return }
        let literal = SchemaLiteral(location: contains, isPositive: true)
        let pointer = pointer(location, "contains")
        let minimum = try denials.reader.count("minContains", schema) ?? 1
        if minimum == SchemaAssertions.endless {
            denials.add(.array) { _ in }
        } else if minimum > 0 {
            denials.add(.array) {
                $0.array.contains.append(.init(literal: literal, minimum: 0, maximum: minimum - 1, pointer: pointer))
            }
        }
        if let maximum = try denials.reader.count("maxContains", schema) {
            denials.add(.array) {
                $0.array.contains.append(.init(literal: literal, minimum: maximum + 1, maximum: nil, pointer: pointer))
            }
        }
    }

    private func denyMembers(
        _ schema: JSONObject,
        _ location: SchemaDocument.Location,
        _ denials: inout Denials
    ) throws(GrammarError) {
        for keyword in ["patternProperties", "additionalProperties"] {
            guard let value = schema[keyword], value.boolValue != true else { continue }
            try refuse([keyword], schema, location)
        }
        try denials.lengths(schema, "minProperties", "maxProperties", .object, \.object.minimum, \.object.maximum)
        for name in (schema["required"]?.arrayValue ?? []).compactMap(\.stringValue) {
            denials.add(.object) { $0.object.absent.append(name) }
        }
        for name in schema["properties"]?.objectValue?.keys ?? [] {
            guard let child = document.child(location, "properties", name) else { continue }
            let denied = SchemaLiteral(location: child, isPositive: false)
            denials.add(.object) {
                $0.object.required.append(name)
                $0.object.members.append(.init(properties: NamedLiterals(name, denied)))
            }
        }
        guard let dependencies = schema["dependentRequired"]?.objectValue else { return }
        for (name, needs) in zip(dependencies.keys, dependencies.values) {
            for need in (needs.arrayValue ?? []).compactMap(\.stringValue) {
                denials.add(.object) {
                    $0.object.required.append(name)
                    $0.object.absent.append(need)
                }
            }
        }
    }
}

/// The ways to violate one keyword or another; each also says which type a value must have for it.
struct Denials: Sendable {
    /// Reads the keywords, as where they are not negated.
    let reader: SchemaAssertions
    private(set) var options: [ClauseExpansion.Option] = []

    init(_ reader: SchemaAssertions) { self.reader = reader }

    mutating func add(_ type: JSONTypes, _ change: @escaping @Sendable (inout SchemaClause) -> Void) {
        let option = ClauseExpansion.Option { clause in
            clause.types.formIntersection(type)
            change(&clause)
        }
        options.append(option)
    }

    mutating func follow(_ literals: [SchemaLiteral], _ change: (@Sendable (inout SchemaClause) -> Void)? = nil) {
        options.append(.init(items: literals.map { .init(literal: $0) }, change: change))
    }

    mutating func types(_ schema: JSONObject) {
        guard let type = schema["type"] else { return }
        let names = type.stringValue.map { [$0] } ?? (type.arrayValue ?? []).compactMap(\.stringValue)
        var types = JSONTypes(names.compactMap(JSONTypes.init(name:)))
        if schema["nullable"]?.boolValue == true { types.insert(.null) }
        let integers = names.contains("integer")
        let others = JSONTypes.all.subtracting(types)
        if integers, !types.contains(.number) {
            add(.number) { $0.number.fractionsOnly = true }
            add(others.subtracting(.number)) { _ in }
        } else {
            add(others) { _ in }
        }
    }

    mutating func values(_ schema: JSONObject) {
        let listed = schema["const"].map { [$0] } ?? schema["enum"]?.arrayValue
        if let listed { add(.all) { $0.excluded.append(contentsOf: listed) } }
        if schema["const"] != nil, let other = schema["enum"]?.arrayValue {
            add(.all) { $0.excluded.append(contentsOf: other) }
        }
    }

    mutating func numbers(_ schema: JSONObject) {
        let opposites: [(String, NumberRules.Bound.Kind)] = [
            ("minimum", .exclusiveMaximum), ("exclusiveMinimum", .maximum), ("maximum", .exclusiveMinimum),
            ("exclusiveMaximum", .minimum),
        ]
        for (keyword, kind) in opposites {
            guard let text = schema[keyword]?.numberText else { continue }
            let bound = NumberRules.Bound(kind: kind, text: text, pointer: reader.pointer(keyword))
            add(.number) { $0.number.bounds.append(bound) }
        }
        if let text = schema["multipleOf"]?.numberText {
            let bound = NumberRules.Bound(kind: .multiple, text: text, pointer: reader.pointer("multipleOf"))
            add(.number) { $0.number.excludedMultiples.append(bound) }
        }
    }

    mutating func strings(_ schema: JSONObject) throws(GrammarError) {
        try lengths(schema, "minLength", "maxLength", .string, \.string.minimum, \.string.maximum)
        if let text = schema["pattern"]?.stringValue {
            let pattern = StringRules.Pattern(text: text, isPositive: false, pointer: reader.pointer("pattern"))
            add(.string) { $0.string.patterns.append(pattern) }
        }
        if let text = schema["format"]?.stringValue {
            let format = StringRules.Pattern(text: text, isPositive: false, pointer: reader.pointer("format"))
            add(.string) { $0.string.formats.append(format) }
        }
    }

    /// Fewer than the fewest, or more than the most.
    mutating func lengths(
        _ schema: JSONObject,
        _ lower: String,
        _ upper: String,
        _ type: JSONTypes,
        _ minimum: any WritableKeyPath<SchemaClause, Int> & Sendable,
        _ maximum: any WritableKeyPath<SchemaClause, Int?> & Sendable
    ) throws(GrammarError) {
        if let count = try reader.count(lower, schema), count > 0 {
            // Every answer has fewer than what is endless.
            let most: Int? = count == SchemaAssertions.endless ? nil : count - 1
            add(type) { $0[keyPath: maximum] = [$0[keyPath: maximum], most].compactMap(\.self).min() }
        }
        if let count = try reader.count(upper, schema) {
            add(type) { $0[keyPath: minimum] = max($0[keyPath: minimum], count + 1) }
        }
    }
}
