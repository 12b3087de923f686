package import JSON

/// How a schema is taken where it leaves a choice to the server.
package struct SchemaOptions: Sendable, Hashable {
    package var order: MemberOrder
    /// Whether objects whose schema names members, and says nothing of others, may have others.
    package var allowsUndeclaredMembers: Bool

    package init(order: MemberOrder, allowsUndeclaredMembers: Bool) {
        self.order = order
        self.allowsUndeclaredMembers = allowsUndeclaredMembers
    }

    /// For answers: members in the order of the schema, and no others than it names.
    package static let answer = SchemaOptions(order: .declared, allowsUndeclaredMembers: false)
    /// Every value that is valid.
    package static let complete = SchemaOptions(order: .any, allowsUndeclaredMembers: true)
}

extension Grammar {
    /// JSON that is valid under a schema (draft 2020-12). Every keyword is enforced, or the schema is refused with the
    /// pointer of the one that is not.
    ///
    /// Text is canonical where a value could be written in many ways: strings that are constrained have no needless
    /// escapes, numbers that are constrained no exponent; space is at most one after commas and colons, or one new line
    /// with its indentation.
    package convenience init(
        schema: JSONValue,
        options: SchemaOptions = .answer
    ) throws(GrammarError) {
        var compiler = try SchemaCompiler(schema, options, GrammarBuilder())
        let start = try compiler.start()
        let grammar = try compiler.builder.grammar(start: start)
        self.init(nodes: grammar.nodes, automata: grammar.automata, start: grammar.start)
    }
}

/// Turns the ways to satisfy schemas into nodes; a set of subschemas that must hold together becomes one node.
struct SchemaCompiler {
    var builder: GrammarBuilder
    var expansion: ClauseExpansion
    let options: SchemaOptions
    let glue: JSONGlue
    /// The node of every set of subschemas that was met.
    private var known: [[SchemaLiteral]: Int32] = [:]
    private var waiting: [(node: Int32, literals: [SchemaLiteral])] = []

    var document: SchemaDocument { expansion.document }
    var scalars: ScalarAutomata { builder.scalars }

    /// - Parameter builder: takes the nodes, beside those that it has.
    init(_ schema: JSONValue, _ options: SchemaOptions, _ builder: consuming GrammarBuilder) throws(GrammarError) {
        expansion = ClauseExpansion(try SchemaDocument(schema))
        self.options = options
        self.builder = builder
        glue = try JSONGlue(&self.builder)
    }

    /// The node of the values of the whole schema.
    mutating func start() throws(GrammarError) -> Int32 {
        let start = try node([SchemaLiteral(location: expansion.document.root, isPositive: true)])
        // Nodes are filled one after the other, not within each other: schemas nest deeper than stacks.
        while let next = waiting.popLast() {
            var options: [Int32] = []
            for clause in try expansion.clauses(of: next.literals) {
                options.append(contentsOf: try nodes(clause))
            }
            builder.fill(next.node, with: .choice(options))
        }
        return start
    }

    /// The node of the values that satisfy all `literals`.
    mutating func node(_ literals: [SchemaLiteral]) throws(GrammarError) -> Int32 {
        let key = Array(Set(literals)).sorted()
        if let node = known[key] { return node }
        let node = try builder.reserve()
        known[key] = node
        waiting.append((node, key))
        return node
    }

    /// The nodes of one clause, one or more for every type that it allows.
    private mutating func nodes(_ clause: SchemaClause) throws(GrammarError) -> [Int32] {
        if let values = clause.values { return try nodes(listed: values, clause) }
        var nodes: [Int32] = []
        if clause.types.contains(.null), !clause.excluded.contains(.null) { nodes.append(try builder.literal("null")) }
        if clause.types.contains(.boolean) {
            for value in [true, false] where !clause.excluded.contains(.bool(value)) {
                nodes.append(try builder.literal(value ? "true" : "false"))
            }
        }
        if clause.types.contains(.number) { nodes.append(try builder.lexeme(try numbers(clause))) }
        if clause.types.contains(.string) { nodes.append(try strings(clause)) }
        if clause.types.contains(.array) { nodes.append(try array(clause)) }
        if clause.types.contains(.object) { nodes.append(try object(clause)) }
        return nodes
    }

    /// The values that are listed and satisfy everything else that was said.
    private mutating func nodes(listed values: [JSONValue], _ clause: SchemaClause) throws(GrammarError) -> [Int32] {
        var words: [[UInt8]] = []
        var nodes: [Int32] = []
        for value in try satisfying(values, clause) {
            if let text = value.scalarText {
                words.append(Array(text.utf8))
            } else {
                nodes.append(try node(of: value))
            }
        }
        if !words.isEmpty {
            nodes.append(try builder.lexeme(builder.work.anyOf(words)))
        }
        return nodes
    }

    func satisfying(_ values: [JSONValue], _ clause: SchemaClause) throws(GrammarError) -> [JSONValue] {
        var validator = SchemaValidator(document: expansion.document, scalars)
        let excluded = Set(clause.excluded.map(\.identity))
        var valid: [JSONValue] = []
        try builder.work.charge(values.count)
        for value in values where clause.types.contains(value.type) {
            if !excluded.isEmpty, excluded.contains(value.identity) { continue }
            if try validator.holds(value, clause) { valid.append(value) }
        }
        try builder.work.charge(validator.work)
        return valid
    }

    /// The node of one value.
    private mutating func node(of value: JSONValue) throws(GrammarError) -> Int32 {
        switch value {
        case .array(let elements):
            var prefix: [ElementNode] = []
            for element in elements { prefix.append(ElementNode(plain: [try node(of: element)])) }
            let count = Int32(elements.count)
            return try builder.add(
                .array(
                    ArrayNode(
                        prefix: prefix,
                        rest: ElementNode(),
                        minimum: count,
                        maximum: count,
                        minimumCounted: 0,
                        maximumCounted: .max,
                        isUnique: false,
                        glue: glue.array
                    )
                )
            )
        case .object(let object):
            var members: [MemberNode] = []
            for (key, value) in zip(object.keys, object.values) {
                members.append(
                    MemberNode(name: try glue.name(key, &builder), value: try node(of: value), isRequired: true)
                )
            }
            let count = Int32(members.count)
            return try builder.add(
                .object(
                    ObjectNode(
                        members: members,
                        others: [],
                        minimum: count,
                        maximum: count,
                        order: options.order,
                        glue: glue.object,
                        remembersMembers: options.order == .any
                    )
                )
            )
        default:
            return try builder.literal(value.scalarText ?? "null")
        }
    }
}

extension Double {
    /// The shortest digits that make it, without an exponent: automata of numbers know none.
    fileprivate var plainText: String { (try? ExactDecimal(description))?.text ?? description }
}

extension JSONValue {
    /// The canonical text of a value that is no array and no object.
    var scalarText: String? {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .number(let value):
            Int64(exactly: value).map { String($0) } ?? value.plainText
        case .string(let value): String(decoding: JSONGlue.quoted(value), as: UTF8.self)
        case .array, .object: nil
        }
    }
}
