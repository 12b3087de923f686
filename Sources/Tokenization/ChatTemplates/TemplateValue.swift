/// A value of a running template: the part of Python's data model that templates can reach.
enum TemplateValue {
    /// A variable that has no value yet; never on the machine's stack.
    case missing
    case undefined(TemplateUndefined)
    case none
    case boolean(Bool)
    case integer(Int)
    case float(Double)
    case text(TemplateText)
    case list(TemplateList)
    case tuple(TemplateList)
    case dictionary(TemplateDictionary)
    case object(TemplateObject)

    static func string(_ string: String) -> TemplateValue { .text(TemplateText(string)) }

    /// How deep containers nest within the value.
    var depth: Int {
        switch self {
        case .list(let list), .tuple(let list): list.depth
        case .dictionary(let dictionary): dictionary.depth
        case .object(let object): object.depth
        default: 0
        }
    }

    init(_ constant: TemplateConstant) {
        switch constant {
        case .none: self = .none
        case .boolean(let value): self = .boolean(value)
        case .integer(let value): self = .integer(value)
        case .float(let value): self = .float(value)
        case .text(let text): self = .text(text)
        }
    }

    var isUndefined: Bool {
        if case .undefined = self { true } else { false }
    }

    var isNone: Bool {
        if case .none = self { true } else { false }
    }

    /// The text of a string, also of markup.
    var asText: TemplateText? {
        if case .text(let text) = self { text } else { nil }
    }

    /// The value as Python's `int`, which includes `bool`.
    var asInteger: Int? {
        switch self {
        case .integer(let value): value
        case .boolean(let value): value ? 1 : 0
        default: nil
        }
    }

    /// The value as a number.
    var asDouble: Double? {
        switch self {
        case .float(let value): value
        default: asInteger.map(Double.init)
        }
    }
}

/// Jinja's `Undefined`: prints as nothing and fails with its message when something is done with it.
final class TemplateUndefined {
    let message: String
    /// Whether using it is an attempt that the sandbox forbids.
    let isForbidden: Bool

    init(_ message: String, isForbidden: Bool = false) {
        self.message = message
        self.isForbidden = isForbidden
    }

    static func name(_ name: String) -> TemplateValue {
        .undefined(TemplateUndefined("\(TemplateText(name).pythonRepresentation) is undefined"))
    }

    var error: TemplateError {
        isForbidden ? .forbidden(message: message, line: 0) : .undefined(message: message, line: 0)
    }
}

/// The elements of a list or tuple. Immutable once a template sees it, because the sandbox is.
final class TemplateList {
    private(set) var items: [TemplateValue]
    private(set) var depth: Int

    /// Fails when the elements nest too deep.
    init(_ items: [TemplateValue]) throws(TemplateError) {
        self.items = items
        var depth = 0
        for item in items where item.depth > depth { depth = item.depth }
        self.depth = try TemplateList.level(above: depth)
    }

    /// A list of strings and numbers, which do not nest.
    init(flat items: [TemplateValue]) {
        self.items = items
        depth = 1
    }

    /// Adds an element to a list that no template has seen yet.
    func collect(_ item: TemplateValue) throws(TemplateError) {
        depth = max(depth, try Self.level(above: item.depth))
        items.append(item)
    }

    static func level(above depth: Int) throws(TemplateError) -> Int {
        if depth + 1 > TemplateLimits.valueDepth {
            throw .limitExceeded(.valueDepth, maximum: TemplateLimits.valueDepth, line: 0)
        }
        return depth + 1
    }
}

/// A Python dictionary: keys in the order of their first insertion.
final class TemplateDictionary {
    private(set) var entries: [(key: TemplateValue, value: TemplateValue)] = []
    private(set) var depth = 1
    /// Positions by key, made when there are too many entries to compare them all.
    private var positions: [TemplateKey: Int] = [:]
    private static let scanCount = 8

    init() {}

    var count: Int { entries.count }

    func position(of key: TemplateKey) -> Int? {
        if entries.count > Self.scanCount { return positions[key] }
        if case .text(let wanted) = key {
            return entries.firstIndex { if case .text(let text) = $0.key { text.bytes == wanted.bytes } else { false } }
        }
        return entries.firstIndex { TemplateKey($0.key) == key }
    }

    subscript(text text: TemplateText) -> TemplateValue? {
        position(of: .text(text)).map { entries[$0].value }
    }

    /// Sets an entry of a dictionary that no template has seen yet.
    func set(_ key: TemplateValue, _ value: TemplateValue) throws(TemplateError) {
        guard let hashed = TemplateKey(key) else {
            throw .failure("unhashable type: '\(key.typeName)'")
        }
        depth = max(depth, try TemplateList.level(above: max(value.depth, key.depth)))
        if let position = position(of: hashed) {
            entries[position].value = value
            return
        }
        entries.append((key, value))
        if entries.count == Self.scanCount + 1 {
            for (index, entry) in entries.enumerated() {
                if let known = TemplateKey(entry.key) { positions[known] = index }
            }
        } else if entries.count > Self.scanCount {
            positions[hashed] = entries.count - 1
        }
    }
}

/// A value as a dictionary key: equal numbers of different types are one key, as in Python.
enum TemplateKey: Hashable {
    case text(TemplateText)
    case integer(Int)
    case float(UInt64)
    case none
    case undefined
    case tuple([TemplateKey])
    case object(ObjectIdentifier)

    /// Nil for what Python cannot hash: lists and dictionaries.
    init?(_ value: TemplateValue) {
        var parts = 0
        self.init(value, parts: &parts)
    }

    private init?(_ value: TemplateValue, parts: inout Int) {
        parts += 1
        if parts > TemplateLimits.keyParts { return nil }
        switch value {
        case .text(let text): self = .text(text)
        case .integer(let value): self = .integer(value)
        case .boolean(let value): self = .integer(value ? 1 : 0)
        case .float(let value):
            if let whole = Int(exactly: value) { self = .integer(whole) } else { self = .float(value.bitPattern) }
        case .none: self = .none
        case .undefined: self = .undefined
        case .object(let object): self = .object(ObjectIdentifier(object))
        case .tuple(let list):
            var keys: [TemplateKey] = []
            for item in list.items {
                guard let key = TemplateKey(item, parts: &parts) else { return nil }
                keys.append(key)
            }
            self = .tuple(keys)
        case .missing, .list, .dictionary: return nil
        }
    }
}
