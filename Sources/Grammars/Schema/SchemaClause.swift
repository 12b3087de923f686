import JSON

/// A subschema that holds, or does not.
struct SchemaLiteral: Hashable, Sendable, Comparable {
    var location: SchemaDocument.Location
    var isPositive: Bool

    var negated: SchemaLiteral { SchemaLiteral(location: location, isPositive: !isPositive) }

    static func < (left: SchemaLiteral, right: SchemaLiteral) -> Bool {
        (left.location, left.isPositive ? 1 : 0) < (right.location, right.isPositive ? 1 : 0)
    }
}

struct JSONTypes: OptionSet, Hashable, Sendable {
    var rawValue: UInt8
    static let null = JSONTypes(rawValue: 1)
    static let boolean = JSONTypes(rawValue: 2)
    static let number = JSONTypes(rawValue: 4)
    static let string = JSONTypes(rawValue: 8)
    static let array = JSONTypes(rawValue: 16)
    static let object = JSONTypes(rawValue: 32)
    static let all: JSONTypes = [.null, .boolean, .number, .string, .array, .object]
}

/// One way to satisfy a schema, without any choice left in it: what each type of value must be, should the value have it.
struct SchemaClause: Sendable {
    var types = JSONTypes.all
    /// The only values, when they are listed.
    var values: [JSONValue]?
    var excluded: [JSONValue] = []
    var number = NumberRules()
    var string = StringRules()
    var array = ArrayRules()
    var object = ObjectRules()
    /// What was followed to get here.
    var literals = Set<SchemaLiteral>()
    /// Of those that schemas with `unevaluated…` look at, for which of them they were followed.
    var owners: [SchemaLiteral: Set<SchemaDocument.Location>] = [:]
}

struct NumberRules: Sendable, Hashable {
    var integersOnly = false
    /// Whether integers are excluded.
    var fractionsOnly = false
    /// Bounds as JSON writes them, with the pointer of their keyword.
    var bounds: [Bound] = []
    var multiples: [Bound] = []
    var excludedMultiples: [Bound] = []

    /// Equal to others of the same number, wherever they stand.
    struct Bound: Sendable, Hashable {
        enum Kind: Sendable { case minimum, exclusiveMinimum, maximum, exclusiveMaximum, multiple }
        var kind: Kind
        var text: String
        var pointer: String

        static func == (left: Bound, right: Bound) -> Bool { left.kind == right.kind && left.text == right.text }

        func hash(into hasher: inout Hasher) {
            hasher.combine(kind)
            hasher.combine(text)
        }
    }
}

struct StringRules: Sendable {
    var minimum = 0
    var maximum: Int?
    var patterns: [Pattern] = []
    var formats: [Pattern] = []

    /// Equal to others of the same bytes, wherever they stand.
    struct Pattern: Sendable, Hashable {
        var text: String
        var isPositive: Bool
        var pointer: String

        static func == (left: Pattern, right: Pattern) -> Bool {
            left.isPositive == right.isPositive && left.text.utf8.elementsEqual(right.text.utf8)
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(isPositive)
            hasher.combine(Array(text.utf8))
        }
    }
}

struct ArrayRules: Sendable {
    var minimum = 0
    var maximum: Int?
    var items: [Items] = []
    var contains: [Contains] = []
    var isUnique = false
    var uniquePointer = ""
    /// Whether elements are to be told apart; a single one is different from all others.
    var needsDistinct: Bool { isUnique && maximum ?? .max > 1 }

    /// What one schema says about elements: the first ones, and the others.
    struct Items: Sendable {
        var prefix: [SchemaLiteral?]
        var rest: SchemaLiteral?
        /// Schemas with `unevaluatedItems` for which these elements count as evaluated.
        var owners: Set<SchemaDocument.Location> = []
        /// For `unevaluatedItems`: whose elements it looks at.
        var unevaluatedOf: SchemaDocument.Location?
    }

    struct Contains: Sendable {
        var literal: SchemaLiteral
        var minimum: Int
        var maximum: Int?
        var pointer: String
    }
}

struct ObjectRules: Sendable {
    var minimum = 0
    var maximum: Int?
    var required: [String] = []
    var members: [Members] = []
    var names: [SchemaLiteral] = []
    /// Members that need others.
    var dependencies: [(name: String, needs: [String])] = []
    var absent: [String] = []

    /// What one schema says about members: those with known names, with names of a pattern, and the others.
    struct Members: Sendable {
        var properties = NamedLiterals()
        var patterns: [(pattern: String, literal: SchemaLiteral, pointer: String)] = []
        var others: SchemaLiteral?
        var owners: Set<SchemaDocument.Location> = []
        /// For `unevaluatedProperties`: whose members it looks at.
        var unevaluatedOf: SchemaDocument.Location?
        /// Whether the schema said anything about members at all, so that others are undeclared.
        var declares = false
    }
}

/// What members must be, by their names.
///
/// Names are the same where their bytes are; Swift's own equality of texts is that of the characters they show.
struct NamedLiterals: Sendable {
    private(set) var names: [String] = []
    private var literals: [[UInt8]: SchemaLiteral] = [:]

    init() {}

    init(_ name: String, _ literal: SchemaLiteral) { append(name, literal) }

    var isEmpty: Bool { names.isEmpty }

    subscript(name: String) -> SchemaLiteral? { literals[Array(name.utf8)] }

    /// Adds a name that is not there yet.
    mutating func append(_ name: String, _ literal: SchemaLiteral) {
        names.append(name)
        literals[Array(name.utf8)] = literal
    }
}
