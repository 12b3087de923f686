/// Python's rules for truth, equality, order, length and types.
extension TemplateValue {
    var typeName: String {
        switch self {
        case .missing, .undefined: "Undefined"
        case .none: "NoneType"
        case .boolean: "bool"
        case .integer: "int"
        case .float: "float"
        case .text(let text): text.isMarkup ? "Markup" : "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .object(let object): object.typeName
        }
    }

    /// How Jinja names an object in the messages of `Undefined`.
    var objectDescription: String {
        switch self {
        case .none: "None"
        case .undefined: "jinja2.runtime.Undefined object"
        case .text(let text) where text.isMarkup: "markupsafe.Markup object"
        default: "\(typeName) object"
        }
    }

    /// The last part of the type's name, as Python's own messages have it.
    var shortTypeName: String {
        typeName.split(separator: ".").last.map(String.init) ?? typeName
    }

    var isTrue: Bool {
        switch self {
        case .missing, .undefined, .none: false
        case .boolean(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .text(let text): !text.isEmpty
        case .list(let list), .tuple(let list): !list.items.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .object(let range as TemplateRange): range.count > 0
        case .object(let view as TemplateDictionaryView): view.dictionary.count > 0
        case .object(let loop as TemplateLoop):
            (try? loop.attribute("length")).flatMap { $0 }?.isTrue ?? true
        case .object: true
        }
    }

    /// Python's `len`.
    func length() throws(TemplateError) -> Int {
        switch self {
        case .text(let text): return text.scalarCount
        case .list(let list), .tuple(let list): return list.items.count
        case .dictionary(let dictionary): return dictionary.count
        case .undefined: return 0
        case .object(let range as TemplateRange): return range.count
        case .object(let view as TemplateDictionaryView): return view.dictionary.count
        case .object(let loop as TemplateLoop):
            if case .integer(let length)? = try loop.attribute("length") { return length }
        default: break
        }
        throw .failure("object of type '\(shortTypeName)' has no len()")
    }

    /// Python's `iter`.
    func iterator() throws(TemplateError) -> TemplateIterator {
        if let iterator = TemplateElementIterator(self) { return iterator }
        if case .object(let iterator as TemplateIterator) = self { return iterator }
        throw .failure("'\(shortTypeName)' object is not iterable")
    }

    var isIterable: Bool {
        switch self {
        case .text, .list, .tuple, .dictionary, .undefined: true
        case .object(let object):
            object is TemplateRange || object is TemplateDictionaryView || object is TemplateIterator
        default: false
        }
    }

    /// All elements, charged before they are copied.
    func elements(_ meter: TemplateMeter) throws(TemplateError) -> [TemplateValue] {
        if case .list(let list) = self { return list.items }
        if case .tuple(let list) = self { return list.items }
        if let count = try? length() { try meter.charge(elements: count) }
        let iterator = try iterator()
        var elements: [TemplateValue] = []
        while let element = try iterator.next() {
            elements.append(element)
            if elements.count & 255 == 0 { try meter.charge(elements: 256) }
            if elements.count > meter.limits.sequenceCount {
                throw .limitExceeded(.sequenceCount, maximum: meter.limits.sequenceCount, line: 0)
            }
        }
        return elements
    }

    var isCallable: Bool {
        switch self {
        case .undefined: true
        case .object(let object):
            object is TemplateMacro || object is TemplateMethod || object is TemplateGlobal
                || object is TemplateJoiner || object is TemplateLoop
        default: false
        }
    }
}

// MARK: - Equality and order

extension TemplateValue {
    /// Python's `==`.
    func equals(_ other: TemplateValue, _ meter: TemplateMeter) throws(TemplateError) -> Bool {
        switch (self, other) {
        case (.text(let left), .text(let right)): return left.bytes == right.bytes
        case (.none, .none), (.undefined, .undefined): return true
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            return try Self.equal(left.items, right.items, meter)
        case (.dictionary(let left), .dictionary(let right)): return try Self.equal(left, right, meter)
        case (.object(let left), .object(let right)): return left === right || Self.equalRanges(left, right)
        default:
            if let left = asInteger, let right = other.asInteger { return left == right }
            if let left = asDouble, let right = other.asDouble { return left == right }
            return false
        }
    }

    private static func equalRanges(_ left: TemplateObject, _ right: TemplateObject) -> Bool {
        guard let left = left as? TemplateRange, let right = right as? TemplateRange else { return false }
        return left.count == right.count
            && (left.count == 0 || left.start == right.start && (left.count == 1 || left.step == right.step))
    }

    private static func equal(
        _ left: [TemplateValue],
        _ right: [TemplateValue],
        _ meter: TemplateMeter
    ) throws(TemplateError) -> Bool {
        if left.count != right.count { return false }
        try meter.charge(steps: left.count)
        for (one, two) in zip(left, right) where !(try one.equals(two, meter)) { return false }
        return true
    }

    private static func equal(
        _ left: TemplateDictionary,
        _ right: TemplateDictionary,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> Bool {
        if left.count != right.count { return false }
        try meter.charge(steps: left.count)
        for (key, value) in left.entries {
            guard let hashed = TemplateKey(key), let position = right.position(of: hashed) else { return false }
            if !(try value.equals(right.entries[position].value, meter)) { return false }
        }
        return true
    }

    /// Python's `<`; `symbol` is the operator for messages.
    func precedes(
        _ other: TemplateValue,
        symbol: String = "<",
        orEqual: Bool = false,
        _ meter: TemplateMeter
    ) throws(TemplateError) -> Bool {
        switch (self, other) {
        case (.text(let left), .text(let right)): return left < right || orEqual && left.bytes == right.bytes
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            try meter.charge(steps: min(left.items.count, right.items.count))
            for (one, two) in zip(left.items, right.items) where !(try one.equals(two, meter)) {
                return try one.precedes(two, symbol: symbol, orEqual: orEqual, meter)
            }
            return left.items.count < right.items.count || orEqual && left.items.count == right.items.count
        case (.undefined(let undefined), _), (_, .undefined(let undefined)): throw undefined.error
        default: break
        }
        if let left = asInteger, let right = other.asInteger { return orEqual ? left <= right : left < right }
        if let left = asDouble, let right = other.asDouble { return orEqual ? left <= right : left < right }
        throw .failure(
            "'\(symbol)' not supported between instances of '\(shortTypeName)' and '\(other.shortTypeName)'"
        )
    }

    /// Python's `in`, with this value as the container.
    func contains(_ element: TemplateValue, _ meter: TemplateMeter) throws(TemplateError) -> Bool {
        switch self {
        case .text(let text):
            guard let needle = element.asText else {
                throw .failure("'in <string>' requires string as left operand, not \(element.shortTypeName)")
            }
            try meter.charge(steps: text.bytes.count >> 6)
            return text.contains(needle)
        case .list(let list), .tuple(let list):
            try meter.charge(steps: list.items.count)
            for item in list.items where try item.equals(element, meter) { return true }
            return false
        case .dictionary(let dictionary):
            guard let key = TemplateKey(element) else { throw .failure("unhashable type: '\(element.typeName)'") }
            return dictionary.position(of: key) != nil
        default:
            guard isIterable else { throw .failure("argument of type '\(shortTypeName)' is not iterable") }
            let iterator = try iterator()
            while let item = try iterator.next() {
                try meter.charge(steps: 1)
                if try item.equals(element, meter) { return true }
            }
            return false
        }
    }

    /// Python's `is`, as far as it can be told for values.
    func isSame(as other: TemplateValue) -> Bool {
        switch (self, other) {
        case (.none, .none): true
        case (.boolean(let left), .boolean(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.float(let left), .float(let right)): left == right
        case (.text(let left), .text(let right)): left == right && left.isMarkup == right.isMarkup
        case (.list(let left), .list(let right)): left === right
        case (.tuple(let left), .tuple(let right)): left === right || left.items.isEmpty && right.items.isEmpty
        case (.dictionary(let left), .dictionary(let right)): left === right
        case (.object(let left), .object(let right)): left === right
        case (.undefined(let left), .undefined(let right)): left === right
        default: false
        }
    }
}
