import JSON

/// Reads the keywords of one schema that assert something by themselves, and adds them to a clause.
struct SchemaAssertions {
    let document: SchemaDocument
    let location: SchemaDocument.Location
    let owners: Set<SchemaDocument.Location>

    func apply(_ schema: JSONObject, to clause: inout SchemaClause) throws(GrammarError) {
        for keyword in ["extends", "disallow", "divisibleBy"] where schema[keyword] != nil {
            throw .unsupported("'\(keyword)' is of an older draft.", pointer: pointer(keyword))
        }
        if let type = schema["type"] { try narrow(&clause, to: type, schema) }
        if let value = schema["const"] { clause.keep([value]) }
        if let values = schema["enum"] {
            guard let values = values.arrayValue else { throw wrong("enum", "an array") }
            clause.keep(values)
        }
        try numbers(schema, &clause.number)
        try strings(schema, &clause.string)
        try arrays(schema, &clause.array)
        try objects(schema, &clause.object)
    }

    func pointer(_ keyword: String) -> String {
        document.pointers[Int(location)] + "/" + SchemaDocument.escaped(keyword)
    }

    func wrong(_ keyword: String, _ expected: String) -> GrammarError {
        .unsupported("'\(keyword)' is \(expected).", pointer: pointer(keyword))
    }

    func literal(_ path: String...) -> SchemaLiteral? {
        let pointer = path.reduce(document.pointers[Int(location)]) { $0 + "/" + SchemaDocument.escaped($1) }
        return document.location(pointer).map { SchemaLiteral(location: $0, isPositive: true) }
    }

    // MARK: Types

    private func narrow(_ clause: inout SchemaClause, to type: JSONValue, _ schema: JSONObject) throws(GrammarError) {
        guard let names = type.stringValue.map({ [$0] }) ?? type.arrayValue?.map({ $0.stringValue ?? "" }) else {
            throw wrong("type", "the name of a type or an array of names")
        }
        var (types, integers) = (JSONTypes(), false)
        for name in names {
            switch name {
            case "integer": integers = true
            default:
                guard let type = JSONTypes(name: name) else { throw wrong("type", "none of JSON's: '\(name)'") }
                types.insert(type)
            }
        }
        // OpenAPI 3.0 says so of a value that may be null.
        if schema["nullable"]?.boolValue == true { types.insert(.null) }
        if integers, !types.contains(.number) {
            types.insert(.number)
            clause.number.integersOnly = true
        }
        clause.types.formIntersection(types)
    }

    // MARK: Numbers

    private func numbers(_ schema: JSONObject, _ rules: inout NumberRules) throws(GrammarError) {
        typealias Kind = NumberRules.Bound.Kind
        let keywords: [(String, Kind)] = [
            ("minimum", .minimum), ("exclusiveMinimum", .exclusiveMinimum), ("maximum", .maximum),
            ("exclusiveMaximum", .exclusiveMaximum),
        ]
        for (keyword, kind) in keywords {
            guard let value = schema[keyword] else { continue }
            // Draft 4 has the exclusive bounds as flags.
            if case .bool(let isExclusive) = value, kind == .exclusiveMinimum || kind == .exclusiveMaximum {
                if isExclusive { try exclusive(keyword, kind, schema, &rules) }
                continue
            }
            guard let text = value.numberText else { throw wrong(keyword, "a number") }
            rules.bounds.append(.init(kind: kind, text: text, pointer: pointer(keyword)))
        }
        if let value = schema["multipleOf"] {
            guard let text = value.numberText, value.doubleValue ?? 0 > 0 else {
                throw wrong("multipleOf", "a number greater than 0")
            }
            rules.multiples.append(.init(kind: .multiple, text: text, pointer: pointer("multipleOf")))
        }
        switch schema["format"]?.stringValue {
        case "int32" where schema["type"] != nil: rules.limit("-2147483648", "2147483647", pointer("format"))
        case "int64" where schema["type"] != nil:
            rules.limit("-9223372036854775808", "9223372036854775807", pointer("format"))
        default: break
        }
    }

    private func exclusive(
        _ keyword: String,
        _ kind: NumberRules.Bound.Kind,
        _ schema: JSONObject,
        _ rules: inout NumberRules
    ) throws(GrammarError) {
        let bound = kind == .exclusiveMinimum ? "minimum" : "maximum"
        guard let text = schema[bound]?.numberText else { throw wrong(keyword, "a number") }
        rules.bounds.append(.init(kind: kind, text: text, pointer: pointer(keyword)))
    }

    // MARK: Strings

    private func strings(_ schema: JSONObject, _ rules: inout StringRules) throws(GrammarError) {
        try counts("minLength", "maxLength", schema, &rules.minimum, &rules.maximum)
        if let pattern = schema["pattern"] {
            guard let text = pattern.stringValue else { throw wrong("pattern", "a regular expression") }
            rules.patterns.append(.init(text: text, isPositive: true, pointer: pointer("pattern")))
        }
        if let format = schema["format"] {
            guard let name = format.stringValue else { throw wrong("format", "the name of a format") }
            // These say how a value is stored or shown, not what it may be; numbers' formats are read with numbers.
            let free: Set<String> = ["int32", "int64", "float", "double", "password", "binary", "decimal", "text"]
            if !free.contains(name) {
                rules.formats.append(.init(text: name, isPositive: true, pointer: pointer("format")))
            }
        }
    }

    private func counts(
        _ lower: String,
        _ upper: String,
        _ schema: JSONObject,
        _ minimum: inout Int,
        _ maximum: inout Int?
    ) throws(GrammarError) {
        if let count = try least(lower, schema) { minimum = max(minimum, count) }
        if let count = try most(upper, schema) { maximum = min(maximum ?? .max, count) }
    }

    /// More characters, elements or members than any answer has.
    static let endless = 1 << 30

    /// The count that a keyword says, nil where it does not stand; `endless` for that many or more.
    func count(_ keyword: String, _ schema: JSONObject) throws(GrammarError) -> Int? {
        guard let value = schema[keyword] else { return nil }
        guard let number = value.doubleValue, number >= 0 else { throw wrong(keyword, "a number of at least 0") }
        if number >= Double(Self.endless) { return Self.endless }
        guard let count = value.integerValue else { throw wrong(keyword, "a whole number") }
        return count
    }

    private func least(_ keyword: String, _ schema: JSONObject) throws(GrammarError) -> Int? {
        guard let count = try count(keyword, schema) else { return nil }
        guard count < Self.endless else { throw wrong(keyword, "at most 1,073,741,823") }
        return count
    }

    /// nil also for a count so great that it sets no limit, such as the greatest integer of some language.
    private func most(_ keyword: String, _ schema: JSONObject) throws(GrammarError) -> Int? {
        guard let count = try count(keyword, schema), count < Self.endless else { return nil }
        return count
    }

    // MARK: Arrays

    private func arrays(_ schema: JSONObject, _ rules: inout ArrayRules) throws(GrammarError) {
        try counts("minItems", "maxItems", schema, &rules.minimum, &rules.maximum)
        var items = ArrayRules.Items(prefix: [], owners: owners)
        // Earlier drafts have a list under `items` and the rest under `additionalItems`.
        let list = schema["prefixItems"] != nil ? "prefixItems" : "items"
        if let values = schema[list]?.arrayValue {
            items.prefix = values.indices.map { literal(list, String($0)) }
            items.rest = literal(list == "items" ? "additionalItems" : "items")
        } else {
            items.rest = literal("items")
        }
        if !items.prefix.isEmpty || items.rest != nil { rules.items.append(items) }
        if let rest = literal("unevaluatedItems") {
            if schema["contains"] != nil {
                throw wrong("unevaluatedItems", "not supported beside 'contains'")
            }
            rules.items.append(
                .init(prefix: [], rest: rest, owners: owners.subtracting([location]), unevaluatedOf: location)
            )
        }
        if let value = schema["uniqueItems"], value.boolValue == true {
            rules.isUnique = true
            rules.uniquePointer = pointer("uniqueItems")
        }
        guard let contained = literal("contains") else { return }
        let minimum = try least("minContains", schema) ?? 1
        let maximum = try most("maxContains", schema)
        if minimum > 0 || maximum != nil {
            rules.contains.append(
                .init(literal: contained, minimum: minimum, maximum: maximum, pointer: pointer("contains"))
            )
        }
    }

    // MARK: Objects

    private func objects(_ schema: JSONObject, _ rules: inout ObjectRules) throws(GrammarError) {
        try counts("minProperties", "maxProperties", schema, &rules.minimum, &rules.maximum)
        if let required = schema["required"], required.boolValue == nil {
            rules.required.append(contentsOf: try names(required, "required"))
        }
        var members = ObjectRules.Members(owners: owners)
        for name in schema["properties"]?.objectValue?.keys ?? [] {
            if let literal = literal("properties", name) { members.properties.append(name, literal) }
        }
        for pattern in schema["patternProperties"]?.objectValue?.keys ?? [] {
            guard let literal = literal("patternProperties", pattern) else { continue }
            members.patterns.append((pattern, literal, pointer("patternProperties")))
        }
        members.others = literal("additionalProperties")
        members.declares = !members.properties.isEmpty
        if members.declares || !members.patterns.isEmpty || members.others != nil { rules.members.append(members) }
        if let others = literal("unevaluatedProperties") {
            rules.members.append(
                .init(others: others, owners: owners.subtracting([location]), unevaluatedOf: location)
            )
        }
        if let names = literal("propertyNames") { rules.names.append(names) }
        try dependencies(schema, &rules)
    }

    private func dependencies(_ schema: JSONObject, _ rules: inout ObjectRules) throws(GrammarError) {
        if schema["dependencies"] != nil { throw wrong("dependencies", "of an older draft; use 'dependentRequired'") }
        guard let value = schema["dependentRequired"] else { return }
        guard let members = value.objectValue else { throw wrong("dependentRequired", "an object") }
        for (name, needs) in zip(members.keys, members.values) {
            rules.dependencies.append((name, try names(needs, "dependentRequired")))
        }
    }

    private func names(_ value: JSONValue, _ keyword: String) throws(GrammarError) -> [String] {
        guard let values = value.arrayValue else { throw wrong(keyword, "an array of names") }
        var names: [String] = []
        for value in values {
            guard let name = value.stringValue else { throw wrong(keyword, "an array of names") }
            names.append(name)
        }
        return names
    }
}

extension JSONTypes {
    init?(name: String) {
        switch name {
        case "null": self = .null
        case "boolean": self = .boolean
        case "number": self = .number
        case "string": self = .string
        case "array": self = .array
        case "object": self = .object
        default: return nil
        }
    }
}

extension JSONValue {
    /// The number as JSON writes it.
    var numberText: String? {
        switch self {
        case .integer(let value): String(value)
        case .number(let value): value.description
        default: nil
        }
    }
}

extension NumberRules {
    mutating func limit(_ minimum: String, _ maximum: String, _ pointer: String) {
        bounds.append(.init(kind: .minimum, text: minimum, pointer: pointer))
        bounds.append(.init(kind: .maximum, text: maximum, pointer: pointer))
    }
}

extension SchemaClause {
    /// Keeps of the values those that are listed.
    mutating func keep(_ listed: [JSONValue]) {
        guard let values else {
            values = listed
            return
        }
        let identities = Set(listed.map(\.identity))
        self.values = values.filter { identities.contains($0.identity) }
    }
}

extension JSONValue {
    /// A text that equal values share and others do not, by the equality of JSON Schema: 1 is 1.0, and members have no
    /// order. In bytes, since Swift takes some different texts for equal.
    var identity: [UInt8] {
        switch self {
        case .array(let elements):
            return Array("[".utf8) + elements.map(\.identity).joined(separator: Array(",".utf8)) + Array("]".utf8)
        case .object(let object):
            let members = zip(object.keys, object.values).map { JSONGlue.quoted($0) + Array(":".utf8) + $1.identity }
                .sorted { $0.lexicographicallyPrecedes($1) }
            return Array("{".utf8) + members.joined(separator: Array(",".utf8)) + Array("}".utf8)
        case .number(let value):
            return Array((Int64(exactly: value).map(String.init) ?? value.description).utf8)
        default: return Array((scalarText ?? "").utf8)
        }
    }

    func isSame(as other: JSONValue) -> Bool { identity == other.identity }
}
