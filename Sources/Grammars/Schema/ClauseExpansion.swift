import JSON

/// Finds the ways to satisfy schemas: a disjunction of clauses that have no choice left in them.
///
/// `allOf` and references are followed at once; `anyOf`, `oneOf`, `if` and the negations of the rest are choices, and
/// every combination of choices that does not contradict itself is one clause.
struct ClauseExpansion {
    /// A subschema to follow, and the schemas with `unevaluated…` that look at what it evaluates.
    struct Item: Sendable {
        var literal: SchemaLiteral
        var owners: Set<SchemaDocument.Location> = []
    }

    /// One of several ways on: subschemas to follow, and what no subschema stands for.
    struct Option: Sendable {
        var items: [Item] = []
        var change: (@Sendable (inout SchemaClause) -> Void)?
    }

    enum Work: Sendable {
        case item(Item)
        case alternatives([Option])
    }

    var document: SchemaDocument
    /// Steps that remain; shared by everything that one schema asks for.
    var steps = Self.mostSteps
    private(set) var clauses: [SchemaClause] = []
    /// Questions whether schemas exclude each other that are being answered within each other.
    var nesting = 0

    static let mostSteps = 200_000
    private static let mostClauses = 2048
    private static let mostChoices = 256
    /// Most choices that wait at one time: every one that is made copies the others.
    private static let mostWaiting = 10_000
    static let deepestNesting = 4

    init(_ document: SchemaDocument) { self.document = document }

    /// The clauses of which at least one holds for exactly the values that satisfy all `literals`.
    mutating func clauses(of literals: [SchemaLiteral]) throws(GrammarError) -> [SchemaClause] {
        let outer = clauses
        defer { clauses = outer }
        clauses = []
        try expand(literals.reversed().map { .item(Item(literal: $0)) }, SchemaClause(), depth: 0)
        return clauses
    }

    private mutating func expand(_ work: [Work], _ clause: SchemaClause, depth: Int) throws(GrammarError) {
        guard depth <= Self.mostChoices else { throw Self.tooManyChoices }
        var work = work
        var clause = clause
        while let next = work.popLast() {
            steps -= 1
            guard steps > 0 else { throw Self.tooManyChoices }
            switch next {
            case .item(let item):
                guard try follow(item, &clause, &work) else { return }
            case .alternatives(let options):
                for option in options {
                    var changed = clause
                    option.change?(&changed)
                    try expand(work + option.items.reversed().map(Work.item), changed, depth: depth + 1)
                }
                return
            }
            if clause.types.isEmpty || clause.values?.isEmpty == true { return }
        }
        guard clauses.count < Self.mostClauses else { throw Self.tooManyChoices }
        clauses.append(clause)
    }

    static let tooManyChoices = GrammarError.tooLarge(
        "The schema has too many combinations of 'anyOf', 'oneOf', 'if' and 'not'; give it fewer choices at one place."
    )

    // MARK: Following

    /// Applies a subschema to a clause and puts what it leads to on the work.
    ///
    /// - Returns: false when the clause contradicts itself.
    private mutating func follow(
        _ item: Item,
        _ clause: inout SchemaClause,
        _ work: inout [Work]
    ) throws(GrammarError) -> Bool {
        if clause.literals.contains(item.literal.negated) { return false }
        // A schema that owners look at adds to them even when it was followed already.
        let isNew = clause.literals.insert(item.literal).inserted
        if !isNew, item.owners.isSubset(of: clause.owners[item.literal] ?? []) { return true }
        if !item.owners.isEmpty { clause.owners[item.literal, default: []].formUnion(item.owners) }
        let location = item.literal.location
        switch document.schemas[Int(location)] {
        case .bool(let holds): return holds == item.literal.isPositive
        case .object(let schema):
            if item.literal.isPositive {
                try assert(schema, item, &clause, &work)
            } else {
                try deny(schema, location, &work)
            }
            return true
        default: return true
        }
    }

    private mutating func assert(
        _ schema: JSONObject,
        _ item: Item,
        _ clause: inout SchemaClause,
        _ work: inout [Work]
    ) throws(GrammarError) {
        var owners = item.owners
        let location = item.literal.location
        if schema["unevaluatedProperties"] != nil || schema["unevaluatedItems"] != nil { owners.insert(location) }
        try SchemaAssertions(document: document, location: location, owners: owners).apply(schema, to: &clause)
        for reference in ["$ref", "$dynamicRef", "$recursiveRef"] {
            guard let target = schema[reference]?.stringValue else { continue }
            let literal = SchemaLiteral(
                location: try self.target(reference, target, location),
                isPositive: true
            )
            work.append(.item(Item(literal: literal, owners: owners)))
        }
        for child in children(location, "allOf", schema).reversed() {
            work.append(.item(Item(literal: child, owners: owners)))
        }
        try wait(for: self.alternatives(schema, location, owners), &work)
    }

    /// Puts choices behind all that is to be followed before.
    mutating func wait(for choices: [[Option]], _ work: inout [Work]) throws(GrammarError) {
        if choices.isEmpty { return }
        steps -= choices.count + work.count / 64
        let waiting = work.firstIndex { if case .item = $0 { true } else { false } } ?? work.count
        guard waiting + choices.count <= Self.mostWaiting else { throw Self.tooManyChoices }
        work.insert(contentsOf: choices.reversed().map(Work.alternatives), at: 0)
    }

    mutating func target(
        _ keyword: String,
        _ reference: String,
        _ location: SchemaDocument.Location
    ) throws(GrammarError) -> SchemaDocument.Location {
        // Where there is one anchor to reach, it is the same from everywhere.
        let anchorCount = document.dynamicAnchorCount(String(reference.dropFirst()))
        let isPlain = keyword == "$ref" || reference == "#" || keyword == "$dynamicRef" && anchorCount == 1
        guard isPlain, keyword != "$dynamicRef" || reference.hasPrefix("#") else {
            throw .unsupported(
                "'\(keyword)' is followed only where one anchor has that name; use '$ref'.",
                pointer: pointer(location, keyword)
            )
        }
        return try document.resolve(reference, from: location)
    }

    func pointer(_ location: SchemaDocument.Location, _ keyword: String) -> String {
        document.pointers[Int(location)] + "/" + keyword
    }

    func children(_ location: SchemaDocument.Location, _ keyword: String, _ schema: JSONObject) -> [SchemaLiteral] {
        (schema[keyword]?.arrayValue ?? []).indices.compactMap {
            document.child(location, keyword, String($0)).map { SchemaLiteral(location: $0, isPositive: true) }
        }
    }

    /// The choices that a schema leaves.
    private mutating func alternatives(
        _ schema: JSONObject,
        _ location: SchemaDocument.Location,
        _ owners: Set<SchemaDocument.Location>
    ) throws(GrammarError) -> [[Option]] {
        var all: [[Option]] = []
        func option(_ literals: [SchemaLiteral]) -> Option {
            Option(items: literals.map { Item(literal: $0, owners: owners) })
        }
        if schema["anyOf"] != nil {
            let options = children(location, "anyOf", schema)
            all.append(owners.isEmpty ? options.map { option([$0]) } : Self.subsets(options).map(option))
        }
        if schema["oneOf"] != nil {
            all.append(try exactlyOne(children(location, "oneOf", schema)).map(option))
        }
        if let not = document.child(location, "not") {
            all.append([option([SchemaLiteral(location: not, isPositive: false)])])
        }
        if let condition = document.child(location, "if") {
            let holds = SchemaLiteral(location: condition, isPositive: true)
            let then = document.child(location, "then").map { [SchemaLiteral(location: $0, isPositive: true)] }
            let otherwise = document.child(location, "else").map { [SchemaLiteral(location: $0, isPositive: true)] }
            if then != nil || otherwise != nil || !owners.isEmpty {
                all.append([option([holds] + (then ?? [])), option([holds.negated] + (otherwise ?? []))])
            }
        }
        for name in schema["dependentSchemas"]?.objectValue?.keys ?? [] {
            guard let child = document.child(location, "dependentSchemas", name) else { continue }
            var present = option([SchemaLiteral(location: child, isPositive: true)])
            present.change = { $0.demand(name) }
            all.append([present, Option { $0.forbid(name) }])
        }
        return all
    }

    /// Every choice of one or more; what is evaluated depends on all that hold.
    private static func subsets(_ options: [SchemaLiteral]) -> [[SchemaLiteral]] {
        guard options.count <= 4 else { return options.map { [$0] } }
        return (1..<(1 << options.count)).map { bits in
            options.indices.filter { bits >> $0 & 1 == 1 }.map { options[$0] }
        }
    }
}

extension SchemaClause {
    /// Leaves only objects with a member of this name.
    mutating func demand(_ name: String) {
        types.formIntersection(.object)
        object.required.append(name)
    }

    /// Leaves no object with a member of this name.
    mutating func forbid(_ name: String) { object.absent.append(name) }

    /// Whether one of the values has a type that is left.
    func typesAllow(_ values: [JSONValue]) -> Bool { values.contains { types.contains($0.type) } }
}

extension JSONValue {
    var type: JSONTypes {
        switch self {
        case .null: .null
        case .bool: .boolean
        case .integer, .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }
}
