import JSON

/// A JSON Schema (draft 2020-12) with its subschemas numbered, and what its references point at.
struct SchemaDocument: Sendable {
    /// A subschema, by its place in `schemas`.
    typealias Location = Int32

    private(set) var schemas: [JSONValue] = []
    private(set) var pointers: [String] = []
    /// The resource (`$id`) that each subschema belongs to, for references without one.
    private var resources: [String] = []
    /// By pointers, like all that follows in bytes: Swift's own equality of texts is that of the characters they show.
    private var locations: [[UInt8]: Location] = [:]
    /// Subschemas by resource and anchor, and the roots of resources by `resource#`.
    private var anchors: [[UInt8]: Location] = [:]
    /// How many subschemas have a dynamic anchor.
    private var dynamicAnchors: [[UInt8]: Int] = [:]

    /// Deepest nesting and most subschemas that are read.
    private static let depthLimit = 128
    private static let countLimit = 200_000
    /// Most bytes of a name, and of all together: every subschema has the names of those around it in its pointer, and every
    /// anchor the resource's.
    private static let nameLimit = 16 << 10
    private static let namesLimit = 32 << 20
    private var nameBytes = 0

    let root: Location

    init(_ schema: JSONValue) throws(GrammarError) {
        root = 0
        try index(schema, pointer: "", resource: "", depth: 0)
    }

    /// The place of a subschema whose pointer is known to exist; nil for what is no schema.
    func location(_ pointer: String) -> Location? { locations[Array(pointer.utf8)] }

    func dynamicAnchorCount(_ name: String) -> Int { dynamicAnchors[Array(name.utf8)] ?? 0 }

    /// The place of the member `key` of the subschema at `location`, if there is a schema.
    func child(_ location: Location, _ path: String...) -> Location? {
        self.location(path.reduce(pointers[Int(location)]) { $0 + "/" + Self.escaped($1) })
    }

    // MARK: Reading

    /// Keywords whose value is a schema, an array of schemas, or an object of schemas.
    private static let single: Set<String> = [
        "not", "if", "then", "else", "items", "additionalItems", "contains", "additionalProperties", "propertyNames",
        "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    ]
    private static let lists: Set<String> = ["allOf", "anyOf", "oneOf", "prefixItems", "items"]
    private static let maps: Set<String> = [
        "properties", "patternProperties", "dependentSchemas", "$defs", "definitions",
    ]

    private mutating func index(
        _ schema: JSONValue,
        pointer: String,
        resource: String,
        depth: Int
    ) throws(GrammarError) {
        guard depth <= Self.depthLimit, schemas.count < Self.countLimit else {
            throw .tooLarge(
                "The schema has more than \(Self.countLimit) parts or is nested deeper than \(Self.depthLimit)."
            )
        }
        try count(pointer)
        guard schema.objectValue != nil || schema.boolValue != nil else {
            throw .unsupported("a schema is an object, true or false.", pointer: pointer)
        }
        let location = Location(schemas.count)
        var resource = resource
        if let id = schema["$id"]?.stringValue, !id.hasPrefix("#") {
            resource = Self.resolve(id, against: resource)
            try count(resource)
            anchors[Array((resource + "#").utf8)] = location
        } else if pointer.isEmpty {
            anchors[Array("#".utf8)] = location
        }
        if let anchor = schema["$anchor"]?.stringValue {
            try count(resource + anchor)
            anchors[Array((resource + "#" + anchor).utf8)] = location
        }
        if let anchor = schema["$dynamicAnchor"]?.stringValue {
            try count(resource + anchor)
            anchors[Array((resource + "#" + anchor).utf8)] = location
            dynamicAnchors[Array(anchor.utf8), default: 0] += 1
        }
        if let dialect = schema["$schema"]?.stringValue, !dialect.contains("//json-schema.org/") {
            throw .unsupported("the dialect '\(dialect)' is not known.", pointer: pointer + "/$schema")
        }
        schemas.append(schema)
        pointers.append(pointer)
        resources.append(resource)
        locations[Array(pointer.utf8)] = location
        guard let object = schema.objectValue else { return }
        for (key, value) in zip(object.keys, object.values) {
            guard Self.single.contains(key) || Self.lists.contains(key) || Self.maps.contains(key) else { continue }
            let inner = pointer + "/" + Self.escaped(key)
            if Self.single.contains(key), value.arrayValue == nil {
                try index(value, pointer: inner, resource: resource, depth: depth + 1)
            } else if Self.lists.contains(key), let values = value.arrayValue {
                for (position, value) in values.enumerated() {
                    try index(value, pointer: "\(inner)/\(position)", resource: resource, depth: depth + 1)
                }
            } else if Self.maps.contains(key), let members = value.objectValue {
                for (name, value) in zip(members.keys, members.values) {
                    try index(value, pointer: inner + "/" + Self.escaped(name), resource: resource, depth: depth + 1)
                }
            } else {
                throw .unsupported("'\(key)' has a value of the wrong kind.", pointer: inner)
            }
        }
    }

    /// Refuses names that are too long, alone or together.
    private mutating func count(_ name: String) throws(GrammarError) {
        nameBytes += name.utf8.count
        guard name.utf8.count <= Self.nameLimit, nameBytes <= Self.namesLimit else {
            throw .tooLarge("The schema has names that are too long, or too many parts below long ones.")
        }
    }

    static func escaped(_ key: String) -> String {
        guard key.utf8.contains(where: { $0 == 0x7E || $0 == 0x2F }) else { return key }
        var text = ""
        for scalar in key.unicodeScalars {
            switch scalar {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    // MARK: References

    /// The subschema that `reference` in the subschema at `location` names.
    mutating func resolve(_ reference: String, from location: Location) throws(GrammarError) -> Location {
        let pointer = pointers[Int(location)] + "/$ref"
        let (target, fragment) = Self.split(reference)
        let resource =
            target.isEmpty ? resources[Int(location)] : Self.resolve(target, against: resources[Int(location)])
        guard let decoded = Self.percentDecoded(fragment) else {
            throw .unsupported("'\(reference)' is not a valid reference.", pointer: pointer)
        }
        if let found = anchors[Array((resource + "#" + decoded).utf8)] { return found }
        guard let start = anchors[Array((resource + "#").utf8)] ?? (resource.isEmpty ? root : nil) else {
            throw .unsupported(
                "'\(reference)' is not within this schema, and schemas are not fetched; put it under '$defs'.",
                pointer: pointer
            )
        }
        guard decoded.isEmpty || decoded.utf8.first == 0x2F else {
            throw .unsupported("there is no anchor '\(decoded)'.", pointer: pointer)
        }
        let path = pointers[Int(start)] + Self.normalized(decoded)
        if let found = self.location(path) { return found }
        // References may point into places that are no schemas by themselves.
        guard let value = value(at: decoded, below: schemas[Int(start)]) else {
            throw .unsupported("'\(reference)' points at nothing.", pointer: pointer)
        }
        let found = Location(schemas.count)
        try index(value, pointer: path, resource: resource, depth: 0)
        return found
    }

    /// The pointer with escapes as `escaped` writes them.
    private static func normalized(_ pointer: String) -> String {
        pointer.isEmpty ? "" : "/" + segments(pointer).map(escaped).joined(separator: "/")
    }

    private static func segments(_ pointer: String) -> [String] {
        // By scalars: an accent after the slash makes one character with it.
        pointer.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { segment in
            var text = ""
            var rest = segment
            while let scalar = rest.popFirst() {
                if scalar == "~", let next = rest.first, next == "0" || next == "1" {
                    rest.removeFirst()
                    text += next == "0" ? "~" : "/"
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
            return text
        }
    }

    private func value(at pointer: String, below start: JSONValue) -> JSONValue? {
        var value = start
        for segment in Self.segments(pointer) {
            guard let next = value[segment] ?? Int(segment).flatMap({ value[$0] }) else { return nil }
            value = next
        }
        return value
    }

    private static func split(_ reference: String) -> (target: String, fragment: String) {
        guard let hash = reference.utf8.firstIndex(of: 0x23) else { return (reference, "") }
        return (String(reference[..<hash]), String(reference[reference.utf8.index(after: hash)...]))
    }

    private static func percentDecoded(_ text: String) -> String? {
        guard text.utf8.contains(0x25) else { return text }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// A URI reference against a base (RFC 3986, section 5.2), as far as names of schemas need it.
    private static func resolve(_ reference: String, against base: String) -> String {
        let reference = split(reference).target
        if reference.contains(":") || base.isEmpty { return reference }
        if reference.isEmpty { return base }
        // `scheme://host/path`, `scheme:path` or a path.
        var authority = base.startIndex
        if let colon = base.firstIndex(of: ":") {
            guard base[colon...].hasPrefix("://") else { return base[...colon] + reference }
            authority = base.index(colon, offsetBy: 3)
        }
        let scheme = base[..<authority]
        let path = base[authority...]
        if reference.hasPrefix("/") {
            let host = path.prefix { $0 != "/" }
            return scheme + host + reference
        }
        guard let slash = path.lastIndex(of: "/") else { return scheme + path + "/" + reference }
        return scheme + path[...slash] + reference
    }
}
